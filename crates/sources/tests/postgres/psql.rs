//! Compares cells with the text that psql shows for them.

use std::process::Stdio;

use arrow_array::ArrayRef;

use super::*;

// Characters of psql's output that are in no value.
const CELL_SEPARATOR: &str = "\u{1f}";
const ROW_SEPARATOR: &str = "\u{1e}";
const NULL: &str = "\u{1d}";

/// The cells of a query, as psql shows them.
fn psql(query: &str) -> Vec<Vec<Option<String>>> {
    let mut client = SERVER.client();
    client.args([
        "-At",
        "-F",
        CELL_SEPARATOR,
        "-R",
        ROW_SEPARATOR,
        "-P",
        &format!("null={NULL}"),
        "-c",
        query,
    ]);
    let output = client.env("PGTZ", "UTC").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout).unwrap();
    let output = output.strip_suffix('\n').unwrap_or(&output);
    let cell = |cell: &str| (cell != NULL).then(|| cell.to_owned());
    output.split(ROW_SEPARATOR).map(|row| row.split(CELL_SEPARATOR).map(cell).collect()).collect()
}

/// Checks that a batch has the cells that psql shows for the same query.
pub(super) fn assert_shown_by_psql(batch: &RecordBatch, query: &str) {
    let expected = psql(query);
    assert_eq!(batch.num_rows(), expected.len(), "{query}");
    for (row, cells) in expected.iter().enumerate() {
        assert_eq!(batch.num_columns(), cells.len(), "{query}");
        for (column, cell) in batch.columns().iter().zip(cells) {
            let (ours, psqls) = (shown(column, row), cell.as_deref());
            let is_same = match (&ours, psqls) {
                (Some(ours), Some(psqls)) => is_same(column.data_type(), ours, psqls),
                (ours, psqls) => ours.is_none() && psqls.is_none(),
            };
            assert!(is_same, "{query}, row {row}: {ours:?} is not {psqls:?}");
        }
    }
}

/// A cell as psql would show it, except for the digits of floats.
fn shown(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Boolean => if column.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Binary => {
            let bytes = column.as_binary::<i32>().value(row);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{digits}")
        }
        DataType::List(_) => {
            let elements = column.as_list::<i32>().value(row);
            let elements: Vec<String> = (0..elements.len())
                .map(|element| shown(&elements, element).unwrap_or_else(|| "NULL".to_owned()))
                .collect();
            format!("{{{}}}", elements.join(","))
        }
        DataType::Timestamp(..) => {
            let text = cast(&column.slice(row, 1), &DataType::Utf8).unwrap();
            let text = text.as_string::<i32>().value(0).replace('T', " ");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ => {
            let text = cast(&column.slice(row, 1), &DataType::Utf8).unwrap();
            text.as_string::<i32>().value(0).to_owned()
        }
    })
}

fn is_same(data_type: &DataType, ours: &str, psqls: &str) -> bool {
    let words = |text: &str| {
        let elements = text.replace(['{', '}'], "");
        elements.split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    match data_type {
        DataType::Float32 => {
            same_number(ours.parse::<f32>().unwrap(), psqls.parse::<f32>().unwrap())
        }
        DataType::Float64 => {
            same_number(ours.parse::<f64>().unwrap(), psqls.parse::<f64>().unwrap())
        }
        DataType::Timestamp(..) => psqls.strip_suffix("+00").unwrap_or(psqls) == ours,
        DataType::List(item) => {
            let (ours, psqls) = (words(ours), words(psqls));
            let same = |(ours, psqls): (&String, &String)| {
                ours == psqls
                    || ours != "NULL" && psqls != "NULL" && is_same(item.data_type(), ours, psqls)
            };
            ours.len() == psqls.len() && ours.iter().zip(&psqls).all(same)
        }
        _ => ours == psqls,
    }
}

/// Whether two numbers are equal, and have the same sign if they are zero. NaN is equal to NaN.
fn same_number<T: PartialEq + Copy + std::fmt::Debug>(one: T, other: T) -> bool {
    format!("{one:?}") == format!("{other:?}")
}
