//! Documents for the tests of the reader, and their cells as text.

#![allow(dead_code, reason = "each test program uses a part")]

use std::io::Read;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use taploom_model::Result;
use taploom_votable::VotableReader;

/// A document with one TABLE.
pub(crate) fn document(fields: &str, data: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\
         <RESOURCE type=\"results\"><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )
}

pub(crate) fn table_data(rows: &str) -> String {
    format!("<TABLEDATA>{rows}</TABLEDATA>")
}

/// A STREAM of BINARY or BINARY2.
pub(crate) fn binary(element: &str, bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    format!("<{element}><STREAM encoding=\"base64\">{base64}</STREAM></{element}>")
}

/// Bytes written as hexadecimal digits with spaces.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap()).collect()
}

/// All rows, with cells as text; null is `null`.
pub(crate) fn cells<R: Read>(reader: &mut VotableReader<R>) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    while let Some(batch) = reader.next_batch(3)? {
        assert!(batch.num_rows() > 0 && batch.num_rows() <= 3);
        rows.extend(texts(&batch));
    }
    Ok(rows)
}

pub(crate) fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("null");
    let columns = batch.columns().iter();
    let formatters: Vec<ArrayFormatter<'_>> =
        columns.map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| formatters.iter().map(|column| column.value(row).to_string()).collect())
        .collect()
}

pub(crate) fn read(document: &str) -> Result<Vec<Vec<String>>> {
    cells(&mut VotableReader::new(document.as_bytes())?)
}

/// Removes numbers such as in `byte 17` from a message; `the_whole_of_a_document_is_carried` compares
/// them.
pub(crate) fn without_places(message: &str) -> String {
    let mut parts = message.split("byte ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
        text + "byte " + if rest.len() < part.len() { "N" } else { "" } + rest
    })
}
