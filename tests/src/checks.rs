//! Checks by other programs, which report faults as messages.

use std::path::Path;

use taploom::ColumnMetadata;

use crate::readers::Readers;

/// A program that checks VOTables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    /// STILTS' `votlint`.
    Votlint,
    /// astropy's parser, whose warnings its validator reports.
    Validator,
    /// `xmllint`, by the XML Schema of the document's version.
    Schema,
}

impl Validator {
    /// Checks a file.
    ///
    /// # Errors
    /// Its messages, one per line, or the reason why it did not run.
    pub fn check(self, path: &Path) -> Result<(), String> {
        let name = format!("{self:?}").to_lowercase();
        no_messages(&serde_json::json!({"reader": name, "path": path}))
    }
}

/// Checks the units of columns against VOUnits, and their UCDs against the words of UCD1+.
///
/// # Errors
/// The faults, one per line.
pub fn check_vocabulary<'a>(
    columns: impl IntoIterator<Item = &'a ColumnMetadata>,
) -> Result<(), String> {
    let columns: Vec<_> = columns.into_iter().collect();
    no_messages(&serde_json::json!({"reader": "vocabulary", "columns": columns}))
}

/// Lets pyarrow write a file with every Arrow type, and with metadata of the file and its fields. The
/// extension decides between Parquet and Arrow.
///
/// # Errors
/// The reason why it can't be written.
pub fn write_every_type(path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "every_type", "path": path}))
}

/// Checks that astropy joins the rows of a VOParquet file with its FIELDs, as `parquet.votable`.
///
/// # Errors
/// The messages of astropy, or the metadata that it lacks, one per line.
pub fn check_joined_by_astropy(path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "joined_by_astropy", "path": path}))
}

/// Compares types, cells and metadata of a file with the file from which it was made, by pyarrow.
///
/// # Errors
/// Compares types, cells and metadata of a file with the file from which it was made, by pyarrow.
pub fn check_kept_types(given: &Path, path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "kept_types", "given": given, "path": path}))
}

/// Compares the columns and the cells of two VOTables that STIL has written.
///
/// # Errors
/// The differences, one a line.
pub fn check_same_by_stil(path: &Path, other: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "same_by_stil", "path": path, "other": other}))
}

fn no_messages(request: &serde_json::Value) -> Result<(), String> {
    let messages = Readers::with(|readers| readers.messages(request))?;
    if messages.is_empty() { Ok(()) } else { Err(messages.join("\n")) }
}
