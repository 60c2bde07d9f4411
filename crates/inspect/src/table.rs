//! Files that a source reads: their columns, and the number of rows if the whole file is to be read.

use arrow_schema::DataType;
use taploom_model::{Column, Error, ErrorKind, Result, RowSource, Step};
use taploom_sources::Request;

use crate::InspectOptions;
use crate::report::{ColumnFacts, Inspection, Readable};

/// Adds what the source reports about the file. Problems are added to the inspection.
pub(crate) async fn inspect(inspection: &mut Inspection, options: &InspectOptions) {
    let path = inspection.file.clone();
    let request = Request::new(&path).with_input_format(options.input_format.as_deref());
    let mut source = match taploom_sources::open(&request).await {
        Ok(source) => source,
        Err(error) => {
            if inspection.problems.is_empty() {
                inspection.problems.push(without_name(&error, &path));
            }
            if options.verify {
                let rows = rows_before(&error);
                inspection.readable = rows.map(|rows| readable(rows, inspection.rows));
            }
            return;
        }
    };
    inspection.rows = source.rows_hint().or(inspection.rows);
    inspection.columns = columns(&source);
    if options.verify {
        let (rows, outcome) = count(&mut source).await;
        // A VOTable has been read to its end, and is sound, when an error says that another of its tables could be
        // asked for.
        let outcome = outcome.or_else(|error| match error.kind() {
            ErrorKind::InvalidRequest if inspection.kind == "votable" => {
                let why = without_name(&error, &path);
                inspection
                    .notes
                    .push(format!("columns and rows are those of the first table: {why}"));
                Ok(())
            }
            _ => Err(error),
        });
        let of = if outcome.is_ok() { Some(rows) } else { inspection.rows };
        inspection.readable = Some(readable(rows, of));
        match outcome {
            Ok(()) => inspection.rows = Some(rows),
            Err(error) => inspection.problems.push(without_name(&error, &path)),
        }
    }
}

/// The message of a source's error without the name of the file, which the inspection has anyway.
fn without_name(error: &Error, path: &str) -> String {
    let message = format!("{error:#}");
    match message.strip_prefix(&format!("source {path}: ")) {
        Some(rest) => rest.to_owned(),
        None => message,
    }
}

fn columns(source: &dyn RowSource) -> Vec<ColumnFacts> {
    let schema = source.schema();
    let columns = schema.columns().iter().zip(schema.arrow().fields());
    columns
        .map(|(column, field)| {
            let metadata = column.metadata();
            ColumnFacts {
                name: column.name().to_owned(),
                type_name: type_name(column, field.data_type()),
                unit: metadata.unit.clone(),
                ucd: metadata.ucd.clone(),
                description: metadata.description.clone(),
                chunks: None,
            }
        })
        .collect()
}

/// Counts the rows up to the end or the first error.
async fn count(source: &mut dyn RowSource) -> (u64, Result<()>) {
    let mut rows = 0;
    loop {
        match source.next().await {
            Ok(Step::Rows(batch)) => rows += batch.num_rows() as u64,
            Ok(Step::End(_)) => return (rows, Ok(())),
            // The rows of a batch before the damage are not given.
            Err(error) => return (rows_before(&error).unwrap_or(0).max(rows), Err(error)),
        }
    }
}

/// The rows before the one that an error names.
fn rows_before(error: &Error) -> Option<u64> {
    error.row().map(|row| row.saturating_sub(1))
}

fn readable(rows: u64, of: Option<u64>) -> Readable {
    Readable { rows, of, damaged_row_groups: Vec::new(), damaged_columns: Vec::new() }
}

/// Datatype, arraysize and xtype of a column in short, as in `unicodeChar[*]`, or its Arrow type if VOTable
/// has no matching type.
///
/// ```
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_inspect::type_name;
/// use taploom_model::ResultSchema;
///
/// let arrow = Schema::new(vec![Field::new("name", DataType::Utf8, true)]);
/// let schema = ResultSchema::derived(arrow.into());
/// assert_eq!(type_name(&schema.columns()[0], &DataType::Utf8), "unicodeChar[*]");
/// ```
pub fn type_name(column: &Column, arrow: &DataType) -> String {
    match column.vo_type() {
        Ok(vo_type) => {
            let shape = vo_type.arraysize.as_ref().map(|shape| format!("[{shape}]"));
            let meaning = vo_type.xtype.as_ref().map(|xtype| format!(" {xtype}"));
            let datatype = vo_type.datatype.as_str();
            format!("{datatype}{}{}", shape.unwrap_or_default(), meaning.unwrap_or_default())
        }
        Err(_) => format!("{arrow} (Arrow)"),
    }
}
