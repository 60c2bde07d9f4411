//! Rows in a FITS file within the STREAM of a VOTable; VOTable 1.5, section 5.2.
//!
//! The FIELDs of the document describe the columns, and the FITS source reads the rows.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use taploom_model::{
    Column, Ending, Error, ErrorKind, Extent, Result, ResultSchema, RowSource, Step, counted,
};
use taploom_votable::VotableReader;

use super::{ending, named};
use crate::error::damaged;
use crate::file::fits;
use crate::input::Input;
use crate::request::Request;

type Reader = VotableReader<Box<dyn Read + Send>>;

/// The document, shared by the FITS source, which reads up to the last row, and by this source, which then
/// reads the rest.
#[derive(Clone)]
struct Document(Arc<Mutex<Reader>>);

impl Document {
    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Document {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.lock().read_fits(out).map_err(io::Error::other)
    }
}

/// Opens a document whose rows are in the HDU with this number, or in the first table of the FITS file.
pub(super) fn open(
    reader: Reader,
    hdu: Option<u64>,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let described = match &request.columns {
        Some(list) => Some(list.describe(reader.schema().arrow().clone())?),
        None => None,
    };
    let fields = reader.schema().clone();
    let document = Document(Arc::new(Mutex::new(reader)));
    let stream = Input::of_stream(name, document.clone(), &request.resources)?;
    if !stream.beginning().starts_with(fits::BEGINNING) {
        return Err(damaged(format!(
            "source {name}: the STREAM in the element FITS is not a FITS file; a FITS file begins with {}",
            String::from_utf8_lossy(fits::BEGINNING)
        )));
    }
    let rows = fits::open_stream(stream.into_reader(), hdu, name, request)?;
    let mut notes = fitting(&fields, rows.schema()).map_err(|error| named(name, error))?;
    let (said, found) = (document.lock().rows_hint(), rows.rows_hint());
    if let (Some(said), Some(found)) = (said, found)
        && said != found
    {
        notes.push(format!("left out: nrows={said} of a TABLE with {}", counted(found, "row")));
    }
    let notes = notes.into_iter().map(|note| format!("{name}: {note}")).collect();
    let schema = described.unwrap_or(fields);
    Ok(Box::new(InFits { document, rows, schema, notes, name: name.to_owned() }))
}

/// Checks that the FIELDs match the columns of the FITS table. Returns notes on names and lengths of text that differ.
///
/// # Errors
/// [`ErrorKind::Source`] naming the first FIELD that does not.
fn fitting(fields: &ResultSchema, fits: &ResultSchema) -> Result<Vec<String>> {
    let (fields, columns) = (fields.columns(), fits.columns());
    if fields.len() != columns.len() {
        let names: Vec<&str> = columns.iter().map(Column::name).collect();
        return Err(damaged(format!(
            "the TABLE has {}, and the FITS table in it {} with values: {}",
            counted(fields.len() as u64, "FIELD"),
            counted(columns.len() as u64, "column"),
            names.join(", ")
        )));
    }
    let mut notes = Vec::new();
    for (place, (field, column)) in fields.iter().zip(columns).enumerate() {
        let wrong = |what: String| damaged(what).with_column(field.name());
        let (said, found) = (field.vo_type()?, column.vo_type()?);
        let elements = found.fixed_elements();
        if said.carrier() != found.carrier()
            || elements.is_some_and(|elements| !said.takes(elements))
        {
            return Err(wrong(format!(
                "the FIELD is {said}, and column {} of the FITS table ({}) is {found}",
                place + 1,
                column.name()
            )));
        }
        let null = &field.metadata().null_value;
        if null.is_some() && said.datatype.is_integer() && *null != column.metadata().null_value {
            return Err(wrong(format!(
                "the FIELD has the null {:?}, which is not the TNULL of column {} of the FITS table ({})",
                null.as_deref().unwrap_or_default(),
                place + 1,
                column.name()
            )));
        }
        if !has_length(said.cell().text_length(), found.cell().text_length()) {
            notes.push(format!(
                "FIELD {:?} is {said}, and column {} of the FITS table ({}) is {found}",
                field.name(),
                place + 1,
                column.name()
            ));
        }
        if !field.name().trim().eq_ignore_ascii_case(column.name().trim()) {
            notes.push(format!(
                "FIELD {:?} is column {} of the FITS table, which calls it {:?}",
                field.name(),
                place + 1,
                column.name()
            ));
        }
    }
    Ok(notes)
}

/// Whether text as long as in the FITS table, `found`, has the length that the FIELD says.
fn has_length(said: Option<Extent>, found: Option<Extent>) -> bool {
    match (said, found) {
        (Some(Extent::Fixed(length)), Some(Extent::Fixed(found))) => length == found,
        (
            Some(Extent::Fixed(most) | Extent::Bounded(most)),
            Some(Extent::Fixed(found) | Extent::Bounded(found)),
        ) => found <= most,
        _ => true,
    }
}

struct InFits {
    document: Document,
    rows: Box<dyn RowSource>,
    schema: ResultSchema,
    notes: Vec<String>,
    name: String,
}

impl InFits {
    /// Combines the ending of the rows with the ending of the document.
    fn ending(&self, rows: Ending) -> Ending {
        let document = ending(&self.document.lock(), &self.name);
        let overflowed = rows.overflowed || document.overflowed;
        let notes = self.notes.iter().cloned().chain(rows.notes);
        document.with_notes(notes).with_overflow(overflowed)
    }
}

#[async_trait]
impl RowSource for InFits {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        match self.rows.next().await? {
            Step::Rows(batch) => {
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let arrow = Arc::clone(self.schema.arrow());
                let columns = batch.columns().to_vec();
                let batch = RecordBatch::try_new_with_options(arrow, columns, &options);
                let batch = batch.map_err(|cause| {
                    Error::new(
                        ErrorKind::Internal,
                        "columns of a FITS table differ from their FIELDs",
                    )
                    .with_source(cause)
                })?;
                Ok(Step::Rows(batch))
            }
            Step::End(rows) => {
                // The rest of the document has no rows, but may report an overflow or an error.
                let rest = self.document.lock().next_batch(1);
                rest.map_err(|error| named(&self.name, error))?;
                Ok(Step::End(self.ending(rows)))
            }
        }
    }

    fn stop(&mut self) -> Ending {
        let rows = self.rows.stop();
        self.ending(rows)
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows.rows_hint()
    }
}
