//! Reads the rows of a query in batches.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use futures::SinkExt;
use futures::channel::{mpsc, oneshot};
use futures::executor::block_on;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Row, Statement, params_from_iter};
use taploom_model::{Error, ErrorKind, Result, ResultSchema, Step};

use super::column::{CellBuilder, CellType};
use super::{Job, ResultColumn};

/// Number of rows whose values decide the types of columns without a declared type. It does not depend on the size of
/// batches, so the types of a result do not either.
const PEEKED_ROWS: usize = 1000;
/// Bytes of text and blobs after which fewer rows decide.
const PEEKED_BYTES: usize = 4 << 20;
/// Bytes of text and blobs after which a batch ends.
const BATCH_BYTES: usize = 4 << 20;

/// A query that is ready to run.
pub(super) struct Reading<'j, 'c> {
    pub(super) job: &'j Job,
    pub(super) statement: Statement<'c>,
    pub(super) values: Vec<Value>,
    pub(super) columns: Vec<ResultColumn>,
    /// The schema of the columns. `None` if it depends on the first rows.
    pub(super) schema: Option<ResultSchema>,
}

impl Reading<'_, '_> {
    /// Sends the schema, then the rows. Stops early if nobody receives them any more.
    pub(super) fn read(
        self,
        ready: &mut Option<oneshot::Sender<Result<ResultSchema>>>,
        sender: &mut mpsc::Sender<Result<Step>>,
    ) -> Result<()> {
        let Self { job, mut statement, mut values, columns, schema } = self;
        let width = columns.len();
        values.truncate(statement.parameter_count());
        let mut rows = statement.query(params_from_iter(values)).map_err(stopped)?;
        let mut row_number = 0;

        // Columns without a declared type get one from their first values.
        let mut peeked: Vec<Vec<Value>> = Vec::new();
        if columns.iter().any(|column| column.cell_type.is_none()) {
            let mut bytes = 0;
            while peeked.len() < PEEKED_ROWS
                && bytes < PEEKED_BYTES
                && let Some(row) = rows.next().map_err(stopped)?
            {
                let cells = (0..width).map(|index| row.get(index));
                let cells: Vec<Value> = cells.collect::<rusqlite::Result<_>>().map_err(stopped)?;
                bytes += cells.iter().map(|cell| bytes_of(cell.into())).sum::<usize>();
                peeked.push(cells);
            }
        }
        let mut builders = Vec::with_capacity(width);
        for (index, column) in columns.iter().enumerate() {
            let kind = match column.cell_type {
                Some(kind) => kind,
                None => CellType::of_values(peeked.iter().map(|row| &row[index]))
                    .map_err(|error| error.with_column(&column.name))?,
            };
            builders.push(CellBuilder::new(kind));
        }
        let schema = match schema {
            Some(schema) => schema,
            None => {
                let types = builders.iter().map(CellBuilder::cell_type);
                job.schema(&columns, types)?
            }
        };
        let arrow = Arc::clone(schema.arrow());
        if ready.take().is_none_or(|ready| ready.send(Ok(schema)).is_err()) {
            return Ok(());
        }

        let mut batch = Batch { columns: &columns, builders, rows: 0, bytes: 0 };
        let mut peeked = peeked.into_iter();
        loop {
            // The rows that were read to find the types come first.
            if let Some(row) = peeked.next() {
                batch.append(row_number + 1, |index| Ok((&row[index]).into()))?;
            } else if let Some(row) = rows.next().map_err(stopped)? {
                let row: &Row<'_> = row;
                batch.append(row_number + 1, |index| row.get_ref(index).map_err(stopped))?;
            } else {
                break;
            }
            row_number += 1;
            if (batch.rows == job.batch_rows || batch.bytes >= BATCH_BYTES)
                && block_on(sender.send(batch.finish(&arrow).map(Step::Rows))).is_err()
            {
                return Ok(());
            }
        }
        if batch.rows > 0 {
            let _ = block_on(sender.send(batch.finish(&arrow).map(Step::Rows)));
        }
        Ok(())
    }
}

/// Rows that become a record batch.
struct Batch<'a> {
    columns: &'a [ResultColumn],
    builders: Vec<CellBuilder>,
    rows: usize,
    /// Bytes of text and blobs.
    bytes: usize,
}

impl Batch<'_> {
    fn append<'v>(&mut self, row: u64, cell: impl Fn(usize) -> Result<ValueRef<'v>>) -> Result<()> {
        for (index, (builder, column)) in self.builders.iter_mut().zip(self.columns).enumerate() {
            let cell = cell(index)?;
            self.bytes += bytes_of(cell);
            builder.append(cell).map_err(|error| error.with_column(&column.name).with_row(row))?;
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let arrays = self.builders.iter_mut().map(CellBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't make a batch of the rows of SQLite")
                .with_source(error)
        })
    }
}

/// The bytes of a text or a blob.
fn bytes_of(cell: ValueRef<'_>) -> usize {
    match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
    }
}

fn stopped(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Source, "SQLite stopped giving rows").with_source(error)
}
