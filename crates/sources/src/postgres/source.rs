//! Reads the rows of a query in batches.

use std::fmt;

use arrow_array::RecordBatch;
use arrow_schema::Field;
use async_trait::async_trait;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};

use super::cells::{BadCell, Cells, Unfit};
use super::column::{DeclaredColumn, PlannedColumn};
use super::connection::{PostgresConnection, QueryCanceler};
use super::failure::Failure;
use super::wire::tag;
use crate::column_list::ColumnList;
use crate::server::{self, BatchLimits, DECLARE_TEXT, UnfinishedBatch, check_count};

/// The rows of a running query. At most 128 KiB, besides the kernel's buffers, are read ahead of the current batch.
/// So if the caller stops reading, the server stops sending.
///
/// If it is dropped before the last row, the query is cancelled in the background. A [`canceler`](Self::canceler)
/// cancels the query from another task.
pub struct PostgresSource {
    connection: PostgresConnection,
    schema: ResultSchema,
    columns: Vec<ColumnCells>,
    batch: UnfinishedBatch,
    state: ReadState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadState {
    Running,
    Ended,
    Failed,
}

struct ColumnCells {
    cells: Cells,
    /// Whether the type was chosen by the server and not by the caller.
    is_servers: bool,
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, schema, batch, .. } = self;
        f.debug_struct("PostgresSource")
            .field("connection", connection)
            .field("schema", schema)
            .field("batch", batch)
            .finish_non_exhaustive()
    }
}

impl PostgresConnection {
    /// Runs a query, in a transaction that reads only. `columns` gives names, types and other metadata of the result's
    /// columns, by position. What it does not give is taken from the server; without it, the comments on columns are
    /// their descriptions.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the query is wrong (with a [`ServerError`](super::ServerError) as the error's
    /// source), if it returns no rows, or if the number of `columns` differs from the result's;
    /// [`ErrorKind::UnsupportedColumn`] for a list of strings; [`ErrorKind::Source`] if the server or the connection
    /// fails. An error that the server finds while the query runs is returned with the rows.
    pub async fn query(
        self,
        query: &str,
        columns: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<PostgresSource> {
        self.rows_of(query, columns, limits).await.map_err(|failure| failure.running(0))
    }

    pub(super) async fn rows_of(
        mut self,
        query: &str,
        given: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<PostgresSource, Failure> {
        match self.started(query, given).await {
            Ok((schema, columns)) => Ok(PostgresSource {
                connection: self,
                schema,
                columns,
                batch: UnfinishedBatch::new(limits),
                state: ReadState::Running,
            }),
            Err(failure) => Err(self.settle(failure)),
        }
    }

    async fn started(
        &mut self,
        query: &str,
        given: Option<&ColumnList>,
    ) -> Result<(ResultSchema, Vec<ColumnCells>), Failure> {
        self.begin().await?;
        let mut declared = self.describe(query).await?;
        self.find_shapes(&mut declared).await?;
        if given.is_none() {
            self.find_descriptions(&mut declared).await?;
        }
        let (schema, columns, formats) = planned(&declared, given)?;
        self.start(query, formats).await?;
        Ok((schema, columns))
    }
}

/// The schema of the rows, the builders of their arrays, and the format in which the server has to send each column.
fn planned(
    declared: &[DeclaredColumn],
    given: Option<&ColumnList>,
) -> Result<(ResultSchema, Vec<ColumnCells>, Vec<i16>)> {
    if let Some(list) = given {
        check_count(list, declared.len())?;
    }
    let mut columns = Vec::with_capacity(declared.len());
    let mut formats = Vec::with_capacity(declared.len());
    let mut fields = Vec::with_capacity(declared.len());
    let mut all_metadata = Vec::with_capacity(declared.len());
    for (index, column) in declared.iter().enumerate() {
        let given = given.and_then(|list| list.columns.get(index));
        let name = given.and_then(|given| given.name.as_ref()).unwrap_or(&column.name);
        let planned = column.plan(given).map_err(|error| error.with_column(name))?;
        let PlannedColumn { data_type, metadata, cells, is_servers, is_binary } = planned;
        columns.push(ColumnCells { cells, is_servers });
        formats.push(i16::from(is_binary));
        fields.push(Field::new(&column.name, data_type, true));
        all_metadata.push(metadata);
    }
    let schema = server::schema(fields, all_metadata, given)?;
    Ok((schema, columns, formats))
}

impl PostgresSource {
    /// A handle that can cancel the query.
    pub fn canceler(&self) -> QueryCanceler {
        self.connection.canceler()
    }

    /// Appends rows until the batch is full or the rows end.
    async fn fill(&mut self) -> Result<(), Failure> {
        while !self.batch.is_full() {
            let (tag, body) = self.connection.wire.message().await?;
            match tag {
                tag::DATA_ROW => {
                    let columns = &mut self.columns;
                    if let Err((index, bad)) = append_row(columns, body) {
                        return Err(self.refused(index, bad));
                    }
                    self.batch.add_row(body.len());
                }
                tag::READY_FOR_QUERY => {
                    self.state = ReadState::Ended;
                    self.connection.end().await;
                    break;
                }
                tag::COMMAND_COMPLETE => {}
                _ => return Err(Failure::protocol("an unexpected message between the rows")),
            }
        }
        Ok(())
    }

    #[cold]
    fn refused(&self, index: usize, bad: BadCell) -> Failure {
        let (Some(column), Some(field), BadCell::Unfit(unfit)) =
            (self.columns.get(index), self.schema.columns().get(index), bad)
        else {
            return Failure::protocol("a row that does not have the form of its columns");
        };
        let Unfit { shown, remedy } = *unfit;
        let usual = if column.is_servers { DECLARE_TEXT } else { "" };
        let arrow = self.schema.arrow().field(index).data_type().to_string();
        let error = server::unfit(&shown, field, &arrow, remedy.as_deref().unwrap_or(usual));
        Failure::Final(error.with_row(self.batch.all_rows() + 1))
    }

    fn take_batch(&mut self) -> Result<RecordBatch> {
        let rows = self.batch.rows();
        let arrays = self.columns.iter_mut().map(|column| column.cells.finish(rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        self.batch.finish(&self.schema, arrays)
    }
}

/// Appends the cells of a row, each after its length. A cell that can't be read is returned with its column.
fn append_row(columns: &mut [ColumnCells], body: &[u8]) -> Result<(), (usize, BadCell)> {
    let malformed = |column| (column, BadCell::Malformed);
    let (count, mut rest) = body.split_first_chunk().ok_or(malformed(0))?;
    if usize::from(u16::from_be_bytes(*count)) != columns.len() {
        return Err(malformed(0));
    }
    for (index, column) in columns.iter_mut().enumerate() {
        let (length, after) = rest.split_first_chunk().ok_or(malformed(index))?;
        let length = i32::from_be_bytes(*length);
        // A null has the length -1, and no bytes.
        let Ok(length) = usize::try_from(length) else {
            column.cells.append_null();
            rest = after;
            continue;
        };
        let (cell, after) = after.split_at_checked(length).ok_or(malformed(index))?;
        column.cells.append(cell).map_err(|bad| (index, bad))?;
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(malformed(columns.len())) }
}

#[async_trait]
impl RowSource for PostgresSource {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        if self.state == ReadState::Failed {
            return Err(Error::new(
                ErrorKind::Misuse,
                "rows were asked of a query that has failed",
            ));
        }
        if self.state == ReadState::Running
            && let Err(failure) = self.fill().await
        {
            self.state = ReadState::Failed;
            let failure = self.connection.settle(failure);
            return Err(failure.running(self.batch.all_rows()));
        }
        if self.batch.is_empty() {
            return Ok(Step::End(Ending::default()));
        }
        self.take_batch().map(Step::Rows)
    }
}
