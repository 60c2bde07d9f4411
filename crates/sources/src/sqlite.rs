//! SQLite: reads the rows of a query, with the declared types of the columns.
//!
//! SQLite's library blocks, so the query runs on a separate thread, which reads one batch ahead.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use futures::channel::{mpsc, oneshot};
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, Statement};
use taploom_expressions::{Condition, Projection, SelectList};
use taploom_model::{
    ColumnMetadata, Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step, TableMetadata,
};

use self::column::{CellType, blob_unsupported};
use self::pushed::Pushed;
use self::rows::Reading;
use crate::column_list::ColumnList;
use crate::error::{damaged, invalid};
use crate::guard::guarded;
use crate::plugin::{Place, QueryUse, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod column;
mod pushed;
mod rows;

/// The source, for the registry.
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
    // Opening a database does not read the file, so a query finds out whether it is one.
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
    // With a capacity of 0, the channel holds one step for each sender, and there is one sender.
    let (mut sender, steps) = mpsc::channel(0);
    let job = Job {
        location: request.location.to_owned(),
        query: query.to_owned(),
        given: request.columns.clone(),
        // A sample needs its key columns, which the list may leave out.
        select: request.select.clone().filter(|_| request.sample.is_none()),
        condition: request.condition.clone(),
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

/// The rows of a query that runs on another thread. If it is dropped, the query is interrupted.
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
    select: Option<SelectList>,
    condition: Option<Condition>,
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
        // Errors of sending are ignored: they mean that the source was dropped.
        let mut ready = Some(ready);
        let read = guarded(&self.location, || {
            let statement = self.prepare(connection)?;
            self.choose(connection, statement)?.read(&mut ready, sender)
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
            // SQLite's error repeats the whole statement. Only its message is kept.
            let (code, cause) = match &error {
                rusqlite::Error::SqlInputError { error, msg, .. } => {
                    (Some(error.code), msg.clone())
                }
                other => (other.sqlite_error_code(), other.to_string()),
            };
            match code {
                // SQLite has just read the schema for the first time, and the schema may be damaged.
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    damaged("the database is damaged").with_source(cause)
                }
                _ => invalid(format!("the query is wrong{tables}")).with_source(cause),
            }
        })?;
        if statement.parameter_count() > 0 {
            let message = "the query has parameters, but no values can be given; write the values into the query";
            return Err(invalid(message.to_owned()));
        }
        if statement.column_count() == 0 || !statement.readonly() {
            return Err(invalid("the query gives no rows; a SELECT does".to_owned()));
        }
        Ok(statement)
    }

    /// Chooses the query to run: the given one, or a new one for only the wanted columns and rows.
    fn choose<'c>(
        &self,
        connection: &'c Connection,
        statement: Statement<'c>,
    ) -> Result<Reading<'_, 'c>> {
        let columns = self.columns(&statement)?;
        if self.select.is_some() || self.condition.is_some() {
            let types = columns.iter().map(|column| column.cell_type.unwrap_or(CellType::Text));
            let (select, condition) = (self.select.as_ref(), self.condition.as_ref());
            if let Ok(schema) = self.schema(&columns, types)
                && let Some(pushed) =
                    Pushed::of(connection, &self.query, &columns, &schema, select, condition)
                && let Ok(chosen) = connection.prepare(&pushed.sql)
                && pushed.has_columns_of(&chosen, &statement)
            {
                let picked = pushed.columns.iter().map(|column| (*column, None)).collect();
                let schema = Projection::new(&schema, picked)?.schema().clone();
                let columns = pushed.columns.iter().map(|column| columns[*column].clone());
                return Ok(Reading {
                    job: self,
                    columns: columns.collect(),
                    schema: Some(schema),
                    values: pushed.values,
                    statement: chosen,
                });
            }
        }
        if let Some(blob) = columns.iter().find(|column| column.cell_type == Some(CellType::Blob)) {
            return Err(blob_unsupported().with_column(&blob.name));
        }
        Ok(Reading { job: self, columns, schema: None, values: Vec::new(), statement })
    }

    fn columns(&self, statement: &Statement<'_>) -> Result<Vec<ResultColumn>> {
        let given = |index: usize| self.given.as_ref().and_then(|list| list.columns.get(index));
        statement
            .columns()
            .zip(statement.columns_with_metadata())
            .enumerate()
            .map(|(index, (declared, origin))| {
                let name = declared.name().to_owned();
                let datatype = given(index).and_then(|metadata| metadata.datatype);
                let cell_type = match datatype {
                    Some(datatype) => Some(CellType::of_datatype(datatype)),
                    None => declared.decl_type().and_then(CellType::of_declaration),
                };
                let metadata = match (origin.table_name(), origin.origin_name()) {
                    (Some(table), Some(column)) => (self.lookup)(&Origin { table, column }),
                    _ => None,
                };
                let table = origin.table_name().map(str::to_owned);
                let (is_given, metadata) = (datatype.is_some(), metadata.unwrap_or_default());
                Ok(ResultColumn { name, cell_type, is_given, metadata, table })
            })
            .collect()
    }

    fn schema(
        &self,
        columns: &[ResultColumn],
        types: impl Iterator<Item = CellType>,
    ) -> Result<ResultSchema> {
        let fields: Vec<Field> = columns
            .iter()
            .zip(types)
            .map(|(column, cell_type)| Field::new(&column.name, cell_type.data_type(), true))
            .collect();
        let arrow = Arc::new(Schema::new(fields));
        if let Some(list) = &self.given {
            return list.describe(arrow);
        }
        // The column is named as in the result, since the query may rename it.
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
#[derive(Clone)]
struct ResultColumn {
    name: String,
    cell_type: Option<CellType>,
    /// Whether the request gives its type.
    is_given: bool,
    metadata: ColumnMetadata,
    table: Option<String>,
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
