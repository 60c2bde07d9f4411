//! Rows as text, in blocks.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use taploom_format::{CellLosses, ErrorKind, Result};
use taploom_text::{Blocks, Cells, ColumnText, Elements, Escaping, Frame, TextBlock, WORDS};

/// Strings in which an x is doubled, and numbers.
enum Column {
    Strings,
    Numbers(Elements<'static>),
    /// Forgets the last row.
    Short,
}

impl ColumnText for Column {
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses> {
        match self {
            Self::Strings => {
                let escaping = Escaping {
                    quotes: "'",
                    is_special: |byte| byte == b'x',
                    is_plain: |text: &[u8]| !text.is_empty(),
                };
                to.extend_strings(array.as_string(), rows, "null", &escaping, |text, to| {
                    to.extend_from_slice(format!("'{}'", text.replace('x', "xx")).as_bytes());
                });
            }
            Self::Numbers(elements) => elements.append_cells(array, rows, to),
            Self::Short => to.extend(array, rows.start..rows.end - 1, "", |_, _| {}),
        }
        Ok(CellLosses::default())
    }
}

fn frame(columns: usize) -> Frame {
    let before =
        (0..columns).map(|column| if column == 0 { b"<".to_vec() } else { b" | ".to_vec() });
    Frame { before: before.collect(), after: b">\n".to_vec(), empty: "-" }
}

fn numbers() -> Column {
    Column::Numbers(Elements::new(&DataType::Float64, &WORDS, "", "").unwrap())
}

/// The text of a table, and the most heap that the blocks held.
fn written(
    strings: &[Option<String>],
    numbers_of: &[Option<f64>],
    threads: usize,
) -> (String, usize) {
    let columns: [(&str, ArrayRef); 2] = [
        ("s", Arc::new(StringArray::from(strings.to_vec()))),
        ("n", Arc::new(Float64Array::from(numbers_of.to_vec()))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut blocks = Blocks::new(vec![Column::Strings, numbers()], frame(2), threads);
    let (mut text, mut held) = (Vec::new(), 0);
    for _ in 0..2 {
        let take = |block: &TextBlock| {
            text.extend_from_slice(&block.text);
            let last = &block.text[block.last_cell..];
            assert!(last.starts_with(b" | ") && last.ends_with(b">\n"), "{last:?}");
            assert_eq!(&block.text[block.last_after..], b">\n");
            Ok(())
        };
        blocks.write(&batch, take).unwrap();
        held = held.max(blocks.heap_bytes());
    }
    let take = |block: &TextBlock| {
        text.extend_from_slice(&block.text);
        Ok(())
    };
    blocks.drain(take).unwrap();
    (String::from_utf8(text).unwrap(), held)
}

fn expected(strings: &[Option<String>], numbers: &[Option<f64>]) -> String {
    let rows = strings.iter().zip(numbers).map(|(string, number)| {
        let string = match string {
            Some(text) => format!("'{}'", text.replace('x', "xx")),
            None => "null".to_owned(),
        };
        let number = number.map_or("-".to_owned(), |number| format!("{number:?}"));
        format!("<{string} | {number}>\n")
    });
    rows.collect::<String>().repeat(2)
}

/// Numbers that Rust's own formatting writes alike.
fn some_numbers(rows: usize) -> Vec<Option<f64>> {
    (0..rows).map(|row| (row % 7 != 3).then_some(row as f64 * 0.125 - 100.0)).collect()
}

#[test]
fn rows_are_those_of_a_loop_over_rows() {
    for rows in [1, 2, 63, 255, 256, 257, 5_000] {
        let strings: Vec<_> = (0..rows)
            .map(|row| match row % 11 {
                0 => None,
                // Every group of some rows has a string that must be escaped; the later ones have none.
                1 if row < 600 => Some("x marks it".to_owned()),
                2 => Some(String::new()),
                _ => Some("s".repeat(row % 90)),
            })
            .collect();
        let numbers = some_numbers(rows);
        for threads in [1, 2] {
            assert_eq!(
                written(&strings, &numbers, threads).0,
                expected(&strings, &numbers),
                "{rows} rows"
            );
        }
    }
}

#[test]
fn a_wide_row_does_not_widen_the_memory_of_others() {
    let rows = 4_000;
    let mut strings = vec![Some("narrow".to_owned()); rows];
    for wide in [100, 101, 2_000] {
        strings[wide] = Some("w".repeat(700_000));
    }
    let numbers = some_numbers(rows);
    let (text, held) = written(&strings, &numbers, 1);
    assert_eq!(text, expected(&strings, &numbers));
    assert!(held < 5 << 20, "{held} bytes are held");
}

#[test]
fn a_column_that_forgets_a_row_is_refused() {
    let strings: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let batch = RecordBatch::try_from_iter([("s", strings)]).unwrap();
    let error =
        Blocks::new(vec![Column::Short], frame(1), 1).write(&batch, |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(
        error.to_string().contains("has to write 2 cells, one for each row, and wrote 1"),
        "{error}"
    );
}
