//! FITS files: ASCII tables and binary tables; FITS 4.0, sections 7.2 and 7.3.
//!
//! Rows are read in sequence, so a table without variable-length arrays can be read from a pipe. The heap
//! with such arrays follows the rows. From a pipe, rows and heap are first copied to scratch.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use taploom_model::{BatchSource, Error, ErrorKind, Result, RowSource, TableMetadata};

use self::columns::{FitsColumn, columns};
use self::hdus::{Hdus, Table, WantedTable};
use self::heap::Heap;
use self::rows::RowBytes;
use super::batches::until_error;
use super::described::{FileMetadata, FileSchema};
use crate::error::damaged;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod ascii;
mod cells;
mod columns;
mod hdus;
mod header;
mod heap;
mod rows;

/// The first keyword and its value indicator; FITS 4.0, 4.4.1.1.
pub(super) const BEGINNING: &[u8] = b"SIMPLE  =";

/// The source type.
struct Fits;

register_source!(
    /// The source of FITS tables.
    FITS = Fits
);

#[async_trait]
impl SourceType for Fits {
    const INFO: SourceInfo = SourceInfo::new("fits", "a FITS file")
        .with_extensions(&["fits", "fit", "fts"])
        .with_mark(|beginning| beginning.starts_with(BEGINNING))
        .with_tables();

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        let (reader, file): (Box<dyn Read + Send>, Option<File>) = if place.is_plain_file() {
            let file = place.into_file()?;
            let reader = file.try_clone().map_err(|error| {
                damaged(format!("source {name}: can't read the file")).with_source(error)
            })?;
            (Box::new(reader), Some(file))
        } else {
            (place.into_reader()?, None)
        };
        open(reader, file, name, request)
    }
}

/// Opens a FITS file in a stream: the table in the HDU with this number, or else the first table.
#[cfg(feature = "votable")]
pub(super) fn open_stream(
    reader: Box<dyn Read + Send>,
    hdu: Option<u64>,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let hdu = hdu.map(|hdu| hdu.to_string());
    let request = Request { table: hdu.as_deref(), columns: None, ..request.clone() };
    open(reader, None, name, &request)
}

fn open(
    reader: Box<dyn Read + Send>,
    file: Option<File>,
    name: &str,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let wanted = request.table.map_or(WantedTable::First, WantedTable::new);
    let (table, hdus) = Hdus::new(reader, name).find(&wanted)?;
    let mut notes = Vec::new();
    let columns = columns(&table.header, table.row_bytes, &mut notes)
        .map_err(|error| error.with_context(format_args!("source {name}")))?;
    let memory = request.resources.memory_budget;
    if table.row_bytes > memory {
        let message = format!(
            "source {name}: a row takes {} bytes, more than the {memory} that the source may use, three \
             eighths of --memory-budget",
            table.row_bytes
        );
        return Err(Error::new(ErrorKind::Resources, message));
    }
    let has_heap = columns.iter().any(FitsColumn::is_in_heap);
    let (input, heap) = match (has_heap, file) {
        (false, _) => (hdus.into_rows(), None),
        (true, Some(file)) => {
            let start = hdus.position();
            (hdus.into_rows(), Some(Heap::in_file(file, start, &table)?))
        }
        (true, None) => {
            let (rows, heap) = Heap::in_scratch(hdus, &table, &request.resources.scratch)?;
            (rows, Some(heap))
        }
    };
    let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type(), true));
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let known = FileMetadata {
        columns: columns.iter().map(|column| column.metadata.clone()).collect(),
        table: TableMetadata { name: table.header.text("EXTNAME"), ..TableMetadata::default() },
        notes,
        ..FileMetadata::default()
    };
    let described = FileSchema::new(arrow, request, |_| Ok(Some(known)))?;
    let overflowed = table.header.text("QSTATUS").as_deref() == Some("OVERFLOW");
    let ending = described.ending(name).with_overflow(overflowed);
    let mut rows = Rows {
        bytes: RowBytes::new(input, &table, memory / 4),
        columns,
        heap,
        arrow: SchemaRef::clone(described.schema.arrow()),
        batch_rows: request.batch_rows.max(1),
        batch_bytes: memory / 4,
        name: name.to_owned(),
    };
    let batches = until_error(move || rows.batch());
    let source = BatchSource::new(described.schema, batches).with_rows_hint(table.rows);
    Ok(Box::new(source.with_ending(ending)))
}

/// The rows that are left.
struct Rows {
    bytes: RowBytes,
    columns: Vec<FitsColumn>,
    heap: Option<Heap>,
    arrow: SchemaRef,
    batch_rows: usize,
    /// Bytes of arrays in the heap after which a batch ends, even if it has fewer rows than wanted.
    batch_bytes: usize,
    name: String,
}

impl Rows {
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let first = self.bytes.rows_taken();
        let here = format!("source {}", self.name);
        let rows = self.bytes.fill(self.batch_rows).map_err(|error| error.with_context(&here))?;
        if rows == 0 {
            return Ok(None);
        }
        let numbered =
            |error: Error, row: usize| error.with_context(&here).with_row(first + row as u64 + 1);
        let mut rows = rows;
        if let Some(heap) = &self.heap {
            rows = heap
                .rows_within(&self.bytes, &self.columns, rows, self.batch_bytes)
                .map_err(|(error, row)| numbered(error, row))?;
        }
        let arrays = self.columns.iter_mut().map(|column| {
            let cells = column.cells(&self.bytes, rows, self.heap.as_mut());
            cells.map_err(|(error, row)| numbered(error, row))
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        self.bytes.take(rows);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch =
            RecordBatch::try_new_with_options(SchemaRef::clone(&self.arrow), arrays, &options);
        batch.map(Some).map_err(|cause| {
            Error::new(ErrorKind::Internal, "columns of a FITS file differ from their types")
                .with_source(cause)
        })
    }
}

/// The part of a header that describes a table.
impl Table {
    /// The offset of the heap from the first row.
    fn heap_start(&self) -> u64 {
        self.row_bytes as u64 * self.rows + self.gap
    }
}
