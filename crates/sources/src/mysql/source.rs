//! The rows of a query.

use std::ops::Range;

use async_trait::async_trait;
use taploom_model::{Result, ResultSchema, RowSource, Step};

use super::column::DeclaredColumn;
use super::connection::{MysqlConnection, QueryKiller, is_end, unless_error};
use super::failure::{Failure, ServerError};
use super::options::TextTimes;
use super::row::RowCells;
use crate::column_list::ColumnList;
use crate::server::block::{CellPlace, RowBlock};
use crate::server::{BatchLimits, ByteStream, QueryRows, ResultColumns, RowConnection};

/// The rows of a running query. At most 256 KiB, besides the kernel's buffers, are read ahead of the current batch.
/// So if the caller stops reading, the server stops sending.
///
/// If it is dropped before the last row, the query is ended in the background. A [`killer`](Self::killer) ends the
/// query from another task.
#[derive(Debug)]
pub struct MysqlSource(QueryRows<MysqlConnection>);

impl MysqlConnection {
    /// Runs a query. `columns` gives names, types and other metadata of the result's columns, by position. What it does
    /// not give is taken from the server.
    ///
    /// # Errors
    /// [`InvalidRequest`] if the query is wrong (with a [`ServerError`] as the error's source), if it returns no rows, or
    /// if the number of `columns` differs from the result's; [`UnsupportedColumn`] for a list of strings; [`Source`] if
    /// the server or the connection fails.
    ///
    /// [`InvalidRequest`]: taploom_model::ErrorKind::InvalidRequest
    /// [`UnsupportedColumn`]: taploom_model::ErrorKind::UnsupportedColumn
    /// [`Source`]: taploom_model::ErrorKind::Source
    pub async fn query(
        self,
        query: &str,
        columns: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<MysqlSource> {
        self.rows_of(query, columns, limits).await.map_err(|failure| failure.running(0))
    }

    pub(super) async fn rows_of(
        mut self,
        query: &str,
        given: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<MysqlSource, Failure> {
        let declared = match self.columns_of(query).await {
            Ok(declared) => declared,
            Err(failure) => return Err(self.settle(failure)),
        };
        let columns = planned(&declared, given, self.options().text_times)?;
        Ok(MysqlSource::new(self, columns, limits))
    }
}

/// How each column is read.
pub(super) fn planned(
    declared: &[DeclaredColumn],
    given: Option<&ColumnList>,
    text_times: TextTimes,
) -> Result<ResultColumns> {
    let plan = |column: &DeclaredColumn, given: Option<&_>| column.plan(given, text_times);
    ResultColumns::plan(declared, given, |column| &column.name, plan)
}

impl MysqlSource {
    /// Reads the rows of the query that runs on `connection`, after its column definitions were read.
    pub(super) fn new(
        connection: MysqlConnection,
        columns: ResultColumns,
        limits: BatchLimits,
    ) -> Self {
        Self(QueryRows::new(connection, columns, limits))
    }

    /// A handle that can end the query.
    pub fn killer(&self) -> QueryKiller {
        self.0.connection.killer()
    }
}

#[async_trait]
impl RowSource for MysqlSource {
    fn schema(&self) -> &ResultSchema {
        self.0.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        self.0.next().await
    }
}

impl RowConnection for MysqlConnection {
    type Error = ServerError;

    async fn row(&mut self) -> Result<Option<Range<usize>>, Failure> {
        let packet = self.wire.receive().await?;
        let is_row = !is_end(unless_error(self.wire.received(&packet))?);
        Ok(is_row.then_some(packet))
    }

    fn arrived_row(&mut self) -> Option<Range<usize>> {
        self.wire.arrived(|packet| !is_end(packet) && unless_error(packet).is_ok())
    }

    fn add_row(block: &mut RowBlock, received: &[u8], row: &Range<usize>) -> Result<(), Failure> {
        let bytes = received.get(row.clone()).unwrap_or_default();
        let mut cells = RowCells::new(bytes);
        let places = block.add_row(row).ok_or_else(|| Failure::protocol("a row beyond 4 GiB"))?;
        for place in places {
            *place = match cells.cell() {
                Some(Some(cell)) => {
                    let end = row.end - cells.left();
                    CellPlace::new(end - cell.len(), cell.len())
                }
                Some(None) => CellPlace::NULL,
                None => return Err(Failure::protocol("a row with too few cells")),
            };
        }
        if cells.left() > 0 {
            return Err(Failure::protocol("a row with too many cells"));
        }
        Ok(())
    }

    fn stream(&mut self) -> &mut ByteStream {
        &mut self.wire.bytes
    }

    async fn end(&mut self) {
        self.is_busy = false;
    }

    fn settle(&mut self, failure: Failure) -> Failure {
        Self::settle(self, failure)
    }
}
