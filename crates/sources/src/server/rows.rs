//! Reads the rows of a query in batches.

use std::fmt;

use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, Step};
use tokio::time::{Instant, timeout_at};

use super::batch::{BatchLimits, UnfinishedBatch};
use super::block::RowBlock;
use super::columns::{RefusedCell, ResultColumns};
use super::failure::{Failure, Reported};
use super::stream::ByteStream;

/// A connection on which a query runs.
pub(crate) trait RowConnection: fmt::Debug + Send {
    type Error: Reported;

    /// Waits for the next row, and adds it to the block, with those after it that have arrived already. It stops when
    /// the batch is full, and before anything that is not a row. Returns whether the rows have ended.
    ///
    /// Cancel-safe: if the future is dropped, the next call continues where it stopped.
    fn rows(
        &mut self,
        block: &mut RowBlock,
        batch: &mut UnfinishedBatch,
    ) -> impl Future<Output = Result<bool, Failure<Self::Error>>> + Send;

    /// The stream of the connection. The cells of the block stand in the bytes that it received.
    fn stream(&mut self) -> &mut ByteStream;

    /// Ends the query after its last row.
    fn end(&mut self) -> impl Future<Output = ()> + Send;

    /// Notes whether the server may still be working on the statement that failed.
    fn settle(&mut self, failure: Failure<Self::Error>) -> Failure<Self::Error>;
}

/// The rows of a running query.
pub(crate) struct QueryRows<C> {
    pub(crate) connection: C,
    columns: ResultColumns,
    block: RowBlock,
    batch: UnfinishedBatch,
    state: ReadState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadState {
    Running,
    Ended,
    Failed,
}

impl<C: fmt::Debug> fmt::Debug for QueryRows<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryRows")
            .field("connection", &self.connection)
            .field("schema", self.columns.schema())
            .field("batch", &self.batch)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<C: RowConnection> QueryRows<C> {
    /// Reads the rows of the query that runs on `connection`, after its columns were read.
    pub(crate) fn new(mut connection: C, columns: ResultColumns, limits: BatchLimits) -> Self {
        connection.stream().read_rows();
        let block = RowBlock::new(columns.len());
        let batch = UnfinishedBatch::new(limits);
        Self { connection, columns, block, batch, state: ReadState::Running }
    }

    pub(crate) fn schema(&self) -> &ResultSchema {
        self.columns.schema()
    }

    /// The same as [`RowSource::next`](taploom_model::RowSource::next).
    pub(crate) async fn next(&mut self) -> Result<Step> {
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
        let columns = self.columns.finish(self.batch.rows());
        let batch = columns.and_then(|columns| self.batch.finish(self.columns.schema(), columns));
        if batch.is_err() {
            self.state = ReadState::Failed;
        }
        batch.map(Step::Rows)
    }

    /// Appends rows until the batch is full, has to end, or the rows end.
    async fn fill(&mut self) -> Result<(), Failure<C::Error>> {
        while !self.batch.is_full() {
            self.block.clear();
            let ends = self.batch.ends();
            if ends.is_some_and(|ends| ends <= Instant::now()) {
                break;
            }
            let rows = self.connection.rows(&mut self.block, &mut self.batch);
            let have_ended = match ends {
                Some(ends) => match timeout_at(ends, rows).await {
                    Ok(read) => read?,
                    Err(_) => break,
                },
                None => rows.await?,
            };
            if have_ended {
                self.state = ReadState::Ended;
                self.connection.end().await;
                break;
            }
            let appended = self.columns.append(&self.block, &self.connection.stream().received);
            if let Err((row, refused)) = appended {
                return Err(match refused {
                    RefusedCell::Malformed => {
                        Failure::protocol("a cell that does not have the form of its type")
                    }
                    RefusedCell::Unfit(error) => {
                        let before = self.batch.all_rows() - self.block.rows() as u64;
                        Failure::Final(error.with_row(before + row as u64 + 1))
                    }
                });
            }
        }
        Ok(())
    }
}
