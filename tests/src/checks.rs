//! Checks by other programs, which have messages where something is wrong.

use std::path::Path;

use taploom::ColumnMetadata;

use crate::readers::Readers;

/// What finds fault with a VOTable.
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
    /// Its messages, one a line, or why it did not run.
    pub fn check(self, path: &Path) -> Result<(), String> {
        let name = format!("{self:?}").to_lowercase();
        no_messages(&serde_json::json!({"reader": name, "path": path}))
    }
}

/// Checks the units of columns by VOUnits, and their UCDs by the words of UCD1+.
///
/// # Errors
/// What is wrong, one a line.
pub fn check_vocabulary<'a>(
    columns: impl IntoIterator<Item = &'a ColumnMetadata>,
) -> Result<(), String> {
    let columns: Vec<_> = columns.into_iter().collect();
    no_messages(&serde_json::json!({"reader": "vocabulary", "columns": columns}))
}

/// Has pyarrow write a file with every type of Arrow, and with metadata of the file and its fields: Parquet or
/// Arrow, by the extension.
///
/// # Errors
/// Why it can't be written.
pub fn write_every_type(path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "every_type", "path": path}))
}

/// Checks that astropy joins the rows of a VOParquet file with its FIELDs, as `parquet.votable`.
///
/// # Errors
/// What astropy says, or what it lacks, one a line.
pub fn check_joined_by_astropy(path: &Path) -> Result<(), String> {
    no_messages(&serde_json::json!({"reader": "joined_by_astropy", "path": path}))
}

/// Compares types, cells and metadata of a file with those of the file that it was made of, by pyarrow.
///
/// # Errors
/// The differences, one a line.
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
