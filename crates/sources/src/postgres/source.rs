//! The rows of a query.

use std::ops::Range;

use async_trait::async_trait;
use taploom_model::{Result, ResultSchema, RowSource, Step};

use super::column::DeclaredColumn;
use super::connection::{PostgresConnection, QueryCanceler};
use super::failure::{Failure, ServerError};
use super::wire::tag;
use crate::column_list::ColumnList;
use crate::server::block::{CellPlace, RowBlock};
use crate::server::{BatchLimits, ByteStream, QueryRows, ResultColumns, RowConnection};

/// The rows of a running query. At most 256 KiB, besides the kernel's buffers, are read ahead of the current batch.
/// So if the caller stops reading, the server stops sending.
///
/// If it is dropped before the last row, the query is cancelled in the background. A [`canceler`](Self::canceler)
/// cancels the query from another task.
#[derive(Debug)]
pub struct PostgresSource(QueryRows<PostgresConnection>);

impl PostgresConnection {
    /// Runs a query, in a transaction that reads only. `columns` gives names, types and other metadata of the result's
    /// columns, by position. What it does not give is taken from the server; without it, the comments on columns are
    /// their descriptions.
    ///
    /// # Errors
    /// [`InvalidRequest`] if the query is wrong (with a [`ServerError`] as the error's source), if it returns no rows, or
    /// if the number of `columns` differs from the result's; [`UnsupportedColumn`] for a list of strings; [`Source`] if
    /// the server or the connection fails. An error that the server finds while the query runs is returned with the rows.
    ///
    /// [`InvalidRequest`]: taploom_model::ErrorKind::InvalidRequest
    /// [`UnsupportedColumn`]: taploom_model::ErrorKind::UnsupportedColumn
    /// [`Source`]: taploom_model::ErrorKind::Source
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
            Ok(columns) => Ok(PostgresSource(QueryRows::new(self, columns, limits))),
            Err(failure) => Err(self.settle(failure)),
        }
    }

    async fn started(
        &mut self,
        query: &str,
        given: Option<&ColumnList>,
    ) -> Result<ResultColumns, Failure> {
        self.begin().await?;
        let mut declared = self.describe(query).await?;
        self.find_shapes(&mut declared).await?;
        if given.is_none() {
            self.find_descriptions(&mut declared).await?;
        }
        let mut formats = Vec::with_capacity(declared.len());
        let plan = |column: &DeclaredColumn, given: Option<&_>| {
            let (planned, is_binary) = column.plan(given)?;
            formats.push(i16::from(is_binary));
            Ok(planned)
        };
        let columns = ResultColumns::plan(&declared, given, |column| &column.name, plan)?;
        self.start(query, formats).await?;
        Ok(columns)
    }
}

impl PostgresSource {
    /// A handle that can cancel the query.
    pub fn canceler(&self) -> QueryCanceler {
        self.0.connection.canceler()
    }
}

#[async_trait]
impl RowSource for PostgresSource {
    fn schema(&self) -> &ResultSchema {
        self.0.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        self.0.next().await
    }
}

impl RowConnection for PostgresConnection {
    type Error = ServerError;

    async fn row(&mut self) -> Result<Option<Range<usize>>, Failure> {
        loop {
            match self.wire.receive().await? {
                (tag::DATA_ROW, row) => return Ok(Some(row)),
                (tag::COMMAND_COMPLETE, _) => {}
                (tag::READY_FOR_QUERY, _) => return Ok(None),
                _ => return Err(Failure::protocol("an unexpected message between the rows")),
            }
        }
    }

    fn arrived_row(&mut self) -> Option<Range<usize>> {
        self.wire.arrived_row()
    }

    fn add_row(block: &mut RowBlock, received: &[u8], row: &Range<usize>) -> Result<(), Failure> {
        find_cells(block, received, row)
            .ok_or_else(|| Failure::protocol("a row that does not have the form of its columns"))
    }

    fn stream(&mut self) -> &mut ByteStream {
        &mut self.wire.bytes
    }

    async fn end(&mut self) {
        Self::end(self).await;
    }

    fn settle(&mut self, failure: Failure) -> Failure {
        Self::settle(self, failure)
    }
}

/// Finds the cells of a row, each after its length. `None` if the row does not have the form of its columns.
fn find_cells(block: &mut RowBlock, received: &[u8], row: &Range<usize>) -> Option<()> {
    let bytes = received.get(..row.end)?;
    let (count, _) = bytes.get(row.start..)?.split_first_chunk()?;
    if usize::from(u16::from_be_bytes(*count)) != block.columns() {
        return None;
    }
    let mut next = row.start + count.len();
    for place in block.add_row(row)? {
        let (length, _) = bytes.get(next..)?.split_first_chunk()?;
        next += length.len();
        // A null has the length -1, and no bytes.
        *place = match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let start = next;
                next += length;
                CellPlace::new(start, length)
            }
            Err(_) => CellPlace::NULL,
        };
    }
    (next == row.end).then_some(())
}
