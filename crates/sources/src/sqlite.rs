//! SQLite: rows of a query, in the types that the columns were declared with.
//!
//! SQLite's library blocks, so the query runs on its own thread and reads one batch ahead.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::channel::{mpsc, oneshot};
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, Row, Statement};
use taploom_model::{
    ColumnMetadata, Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step, TableMetadata,
};

use self::column::{CellBuilder, CellType};
use crate::column_list::ColumnList;
use crate::error::invalid;
use crate::guard::guarded;
use crate::plugin::{Place, QueryUse, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod column;

/// Number of rows whose values decide the types of columns that have no declared type. It does not depend on
/// the size of batches, so neither do the types of a result.
const PEEKED_ROWS: usize = 1000;

/// Names the source.
struct Sqlite;

register_source!(
    /// The source `sqlite:`: rows of a query on a database file.
    SQLITE = Sqlite
);

#[async_trait]
impl SourceType for Sqlite {
    const INFO: SourceInfo = SourceInfo::new("sqlite", "a SQLite database")
        .with_prefixes(&["sqlite:"], "sqlite:FILE")
        .with_mark(|beginning| beginning.starts_with(b"SQLite format 3\0"))
        .with_query(QueryUse::Required);

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        open_file(place.text(), request).await
    }
}

/// Opens a database file, read-only.
async fn open_file(name: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let path = Path::new(name);
    match std::fs::metadata(path) {
        Ok(file) if file.is_file() => {}
        Ok(_) => return Err(invalid(format!("source sqlite:{name}: not a file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(invalid(format!("source sqlite:{name}: no such file")));
        }
        Err(error) => {
            let message = format!("source sqlite:{name}: can't read the file");
            return Err(invalid(message).with_source(error));
        }
    }
    let query = request.required_query()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| {
        invalid(format!("source sqlite:{name}: can't open the database")).with_source(error)
    })?;
    // Opening alone does not look into the file.
    let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    looked.map_err(|error| {
        let problem = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                invalid(format!("source sqlite:{name}: not a SQLite database"))
            }
            _ => Error::new(ErrorKind::Source, format!("source sqlite:{name}: can't be read now")),
        };
        problem.with_source(error)
    })?;
    start(connection, query, request, |_| None).await
}

/// Looks up the VO metadata of a column of the database, which SQLite knows nothing about.
pub(crate) type MetadataLookup = fn(&Origin<'_>) -> Option<ColumnMetadata>;

/// Where a column of the result comes from.
#[cfg_attr(not(feature = "demo"), allow(dead_code, reason = "demo alone knows its columns"))]
pub(crate) struct Origin<'a> {
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
}

/// Runs a query.
pub(crate) async fn start(
    connection: Connection,
    query: &str,
    request: &Request<'_>,
    lookup: MetadataLookup,
) -> Result<Box<dyn RowSource>> {
    let interrupt = connection.get_interrupt_handle();
    let (ready, started) = oneshot::channel();
    // One step of the only sender may wait.
    let (mut sender, steps) = mpsc::channel(0);
    let job = Job {
        location: request.location.to_owned(),
        query: query.to_owned(),
        given: request.columns.clone(),
        batch_rows: request.batch_rows.max(1),
        lookup,
    };
    thread::Builder::new()
        .name("sqlite".to_owned())
        .spawn(move || job.run(&connection, ready, &mut sender))
        .map_err(|error| {
            Error::new(ErrorKind::Source, "can't start a thread for SQLite").with_source(error)
        })?;
    let schema = started.await.map_err(|_| ended_early())??;
    Ok(Box::new(SqliteSource { schema, steps, interrupt }))
}

/// Rows of a query that runs on another thread; dropping it interrupts the query.
struct SqliteSource {
    schema: ResultSchema,
    steps: mpsc::Receiver<Result<Step>>,
    interrupt: InterruptHandle,
}

impl Drop for SqliteSource {
    fn drop(&mut self) {
        self.interrupt.interrupt();
    }
}

#[async_trait]
impl RowSource for SqliteSource {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        self.steps.next().await.unwrap_or_else(|| Err(ended_early()))
    }
}

fn ended_early() -> Error {
    Error::new(ErrorKind::Source, "the thread of the SQLite query ended early")
}

struct Job {
    location: String,
    query: String,
    given: Option<ColumnList>,
    batch_rows: usize,
    lookup: MetadataLookup,
}

impl Job {
    fn run(
        self,
        connection: &Connection,
        ready: oneshot::Sender<Result<ResultSchema>>,
        sender: &mut mpsc::Sender<Result<Step>>,
    ) {
        // If nobody listens, the source was dropped.
        let mut ready = Some(ready);
        let read = guarded(&self.location, || {
            let mut statement = self.prepare(connection)?;
            self.read(&mut statement, &mut ready, sender)
        });
        match read {
            Ok(()) => {
                let _ = block_on(sender.send(Ok(Step::End(Ending::default()))));
            }
            Err(error) => {
                let _ = match ready {
                    Some(ready) => ready.send(Err(error)).map_err(drop),
                    None => block_on(sender.send(Err(error))).map_err(drop),
                };
            }
        }
    }

    fn prepare<'c>(&self, connection: &'c Connection) -> Result<Statement<'c>> {
        let statement = connection.prepare(&self.query).map_err(|error| {
            let tables = match tables(connection) {
                Ok(tables) if !tables.is_empty() => format!(" (tables: {})", tables.join(", ")),
                _ => String::new(),
            };
            // SQLite repeats the whole statement after its message; the message is enough.
            let cause = match &error {
                rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
                other => other.to_string(),
            };
            invalid(format!("the query is wrong{tables}")).with_source(cause)
        })?;
        if statement.parameter_count() > 0 {
            let message = "the query has parameters, and there are no values for them";
            return Err(invalid(message.to_owned()));
        }
        if statement.column_count() == 0 || !statement.readonly() {
            return Err(invalid("the query gives no rows; a SELECT does".to_owned()));
        }
        Ok(statement)
    }

    fn read(
        &self,
        statement: &mut Statement<'_>,
        ready: &mut Option<oneshot::Sender<Result<ResultSchema>>>,
        sender: &mut mpsc::Sender<Result<Step>>,
    ) -> Result<()> {
        let columns = self.columns(statement)?;
        let width = columns.len();
        let mut rows = statement.query([]).map_err(stopped)?;
        let mut row_number = 0;

        // Columns without a declared type get one from their first values.
        let mut peeked: Vec<Vec<Value>> = Vec::new();
        if columns.iter().any(|column| column.cell_type.is_none()) {
            while peeked.len() < PEEKED_ROWS
                && let Some(row) = rows.next().map_err(stopped)?
            {
                let cells = (0..width).map(|index| row.get(index));
                peeked.push(cells.collect::<rusqlite::Result<_>>().map_err(stopped)?);
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
        let schema = self.schema(&columns, &builders)?;
        let arrow = Arc::clone(schema.arrow());
        if ready.take().is_none_or(|ready| ready.send(Ok(schema)).is_err()) {
            return Ok(());
        }

        let mut batch = Batch { columns: &columns, builders, rows: 0 };
        let mut peeked = peeked.into_iter();
        loop {
            // The rows that were read for the types come first.
            if let Some(row) = peeked.next() {
                batch.append(row_number + 1, |index| Ok((&row[index]).into()))?;
            } else if let Some(row) = rows.next().map_err(stopped)? {
                let row: &Row<'_> = row;
                batch.append(row_number + 1, |index| row.get_ref(index).map_err(stopped))?;
            } else {
                break;
            }
            row_number += 1;
            if batch.rows == self.batch_rows
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

    fn columns(&self, statement: &Statement<'_>) -> Result<Vec<ResultColumn>> {
        let given = |index: usize| self.given.as_ref().and_then(|list| list.columns.get(index));
        statement
            .columns()
            .zip(statement.columns_with_metadata())
            .enumerate()
            .map(|(index, (declared, origin))| {
                let name = declared.name().to_owned();
                let cell_type = match given(index).and_then(|metadata| metadata.datatype) {
                    Some(datatype) => Some(CellType::of_datatype(datatype)),
                    None => declared.decl_type().and_then(CellType::of_declaration),
                };
                if cell_type == Some(CellType::Blob) {
                    return Err(Error::new(
                        ErrorKind::UnsupportedColumn,
                        "BLOB is not supported yet; convert it in the query, e.g. by hex()",
                    )
                    .with_column(name));
                }
                let metadata = match (origin.table_name(), origin.origin_name()) {
                    (Some(table), Some(column)) => (self.lookup)(&Origin { table, column }),
                    _ => None,
                };
                let table = origin.table_name().map(str::to_owned);
                Ok(ResultColumn { name, cell_type, metadata: metadata.unwrap_or_default(), table })
            })
            .collect()
    }

    fn schema(&self, columns: &[ResultColumn], builders: &[CellBuilder]) -> Result<ResultSchema> {
        let fields: Vec<Field> = columns
            .iter()
            .zip(builders)
            .map(|(column, builder)| Field::new(&column.name, builder.data_type(), true))
            .collect();
        let arrow = Arc::new(Schema::new(fields));
        if let Some(list) = &self.given {
            return list.describe(arrow);
        }
        // The name is that of the result's column, which the query may have chosen.
        let metadata =
            columns.iter().map(|column| ColumnMetadata { name: None, ..column.metadata.clone() });
        let schema = ResultSchema::new(arrow, metadata.collect())?;
        let first = columns.first().and_then(|column| column.table.as_ref());
        let one_table = columns.iter().all(|column| column.table.as_ref() == first);
        Ok(schema.with_table(TableMetadata {
            name: first.filter(|_| one_table).cloned(),
            ..Default::default()
        }))
    }
}

/// A column of the result.
struct ResultColumn {
    name: String,
    cell_type: Option<CellType>,
    metadata: ColumnMetadata,
    table: Option<String>,
}

/// Rows that become a record batch.
struct Batch<'a> {
    columns: &'a [ResultColumn],
    builders: Vec<CellBuilder>,
    rows: usize,
}

impl Batch<'_> {
    fn append<'v>(
        &mut self,
        row: u64,
        cell: impl Fn(usize) -> Result<rusqlite::types::ValueRef<'v>>,
    ) -> Result<()> {
        for (index, (builder, column)) in self.builders.iter_mut().zip(self.columns).enumerate() {
            builder
                .append(cell(index)?)
                .map_err(|error| error.with_column(&column.name).with_row(row))?;
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let arrays = self.builders.iter_mut().map(CellBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(|error| {
            Error::new(ErrorKind::Internal, "rows of SQLite do not make a batch").with_source(error)
        })
    }
}

fn stopped(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Source, "SQLite stopped giving rows").with_source(error)
}

/// The tables and views that a query could name.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT name FROM sqlite_schema \
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY name LIMIT 20",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}
