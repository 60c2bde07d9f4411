//! Reads the rows of a query in batches.

use std::fmt;
use std::ops::Range;

use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, Step};
use tokio::time::{Instant, timeout_at};

use super::batch::{BatchLimits, UnfinishedBatch};
use super::block::RowBlock;
use super::columns::{RefusedCell, ResultColumns};
use super::failure::{Failure, Reported};
use super::stream::ByteStream;

/// A connection on which a query runs. A row is the range of its bytes in those that the stream has received.
pub(crate) trait RowConnection: fmt::Debug + Send {
    type Error: Reported;

    /// Waits for the next row. `None` after the last one.
    ///
    /// Cancel-safe: if the future is dropped, the next call continues where it stopped.
    fn row(
        &mut self,
    ) -> impl Future<Output = Result<Option<Range<usize>>, Failure<Self::Error>>> + Send;

    /// The next row, if it has arrived already. `None` also before anything that is not a row.
    fn arrived_row(&mut self) -> Option<Range<usize>>;

    /// Finds the cells of a row, and adds them to the block.
    fn add_row(
        block: &mut RowBlock,
        received: &[u8],
        row: &Range<usize>,
    ) -> Result<(), Failure<Self::Error>>;

    /// The stream of the connection.
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
            let ends = self.batch.ends();
            if ends.is_some_and(|ends| ends <= Instant::now()) {
                break;
            }
            let row = self.connection.row();
            let row = match ends {
                Some(ends) => match timeout_at(ends, row).await {
                    Ok(row) => row?,
                    Err(_) => break,
                },
                None => row.await?,
            };
            let Some(row) = row else {
                self.state = ReadState::Ended;
                self.connection.end().await;
                break;
            };
            self.append_arrived(row)?;
        }
        Ok(())
    }

    /// Appends a row, and those after it that have arrived already: first all their cells are found, then they are
    /// appended column by column.
    fn append_arrived(&mut self, mut row: Range<usize>) -> Result<(), Failure<C::Error>> {
        self.block.clear();
        loop {
            C::add_row(&mut self.block, &self.connection.stream().received, &row)?;
            self.batch.add_row(row.len());
            if self.batch.is_full() {
                break;
            }
            match self.connection.arrived_row() {
                Some(next) => row = next,
                None => break,
            }
        }
        let appended = self.columns.append(&self.block, &self.connection.stream().received);
        appended.map_err(|(row, refused)| match refused {
            RefusedCell::Malformed => {
                Failure::protocol("a cell that does not have the form of its type")
            }
            RefusedCell::Unfit(error) => {
                let before = self.batch.all_rows() - self.block.rows() as u64;
                Failure::Final(error.with_row(before + row as u64 + 1))
            }
        })
    }
}
