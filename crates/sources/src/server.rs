//! What the clients of database servers have in common.

mod background;
mod batch;
mod failure;
pub(crate) mod lists;
mod retries;
mod stream;
pub(crate) mod text_cells;
pub(crate) mod tls;
pub(crate) mod url;

use std::sync::Arc;

use arrow_schema::{Field, Schema};
use taploom_model::{Column, ColumnMetadata, Error, ErrorKind, Result, ResultSchema, counted};

pub(crate) use self::background::run_in_background;
pub use self::batch::BatchLimits;
pub(crate) use self::batch::UnfinishedBatch;
pub(crate) use self::failure::{Failure, Reported, cause};
pub(crate) use self::retries::Retries;
pub(crate) use self::stream::{ByteStream, Transport};
use crate::column_list::ColumnList;
use crate::error::invalid;

/// Checks that a list of columns declares every column of a result.
pub(crate) fn check_count(list: &ColumnList, columns: usize) -> Result<()> {
    if list.columns.len() == columns {
        return Ok(());
    }
    Err(invalid(format!(
        "the query gives {}, but {} declared; columns are declared by position: declare every one",
        counted(columns as u64, "column"),
        match list.columns.len() {
            1 => "1 is".to_owned(),
            number => format!("{number} are"),
        }
    )))
}

/// The schema of a result, with the metadata of its table that the caller gave.
pub(crate) fn schema(
    fields: Vec<Field>,
    columns: Vec<ColumnMetadata>,
    given: Option<&ColumnList>,
) -> Result<ResultSchema> {
    let arrow = Arc::new(Schema::new(fields));
    match given {
        Some(list) => ColumnList { columns, ..list.clone() }.describe(arrow),
        None => ResultSchema::new(arrow, columns),
    }
}

/// The error for a cell that does not fit the type of its column. `remedy` says what the caller can do, after a
/// comma or semicolon.
#[cold]
pub(crate) fn unfit(shown: &str, column: &Column, arrow: &str, remedy: &str) -> Error {
    let into = match column.vo_type() {
        Ok(vo_type) => match vo_type.xtype.as_deref() {
            Some(xtype) => format!("{xtype} ({vo_type})"),
            None => vo_type.to_string(),
        },
        Err(_) => arrow.to_owned(),
    };
    Error::new(ErrorKind::InvalidValue, format!("{shown} does not fit into {into}{remedy}"))
        .with_column(column.name())
}

/// The remedy for a cell that does not fit a type that the server chose.
pub(crate) const DECLARE_TEXT: &str = ", the datatype for the server's type; give another one with --columns: char with arraysize * takes any text";

/// The error for a column that is declared as a list of strings.
pub(crate) fn no_list_of_strings(vo_type: &taploom_model::VoType, server: &str) -> Error {
    let message = format!(
        "a list of strings ({vo_type}) can't be read from {server}; declare char(*) instead"
    );
    Error::new(ErrorKind::UnsupportedColumn, message)
}

/// A cell of text for an error message. Long cells are cut.
#[cold]
pub(crate) fn shown_text(cell: &[u8]) -> String {
    const SHOWN: usize = 40;
    match str::from_utf8(cell) {
        Ok(text) if text.chars().count() <= SHOWN => format!("{text:?}"),
        Ok(text) => {
            let short: String = text.chars().take(SHOWN).collect();
            format!("{short:?}... ({} bytes)", cell.len())
        }
        Err(_) => format!("text that is not UTF-8 ({} bytes)", cell.len()),
    }
}
