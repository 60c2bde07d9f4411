//! Where queries run.

use async_trait::async_trait;
use taploom_pipeline::RowSource;
use taploom_sources::ColumnList;

use crate::failure::Failure;
use crate::status::Chunks;

mod plain;
#[cfg(feature = "mysql")]
mod qserv;

pub use plain::Plain;
#[cfg(feature = "mysql")]
pub use qserv::{Qserv, QservOptions};

/// A query to run.
#[derive(Debug, Clone)]
pub struct Query {
    /// SQL, as the database takes it.
    pub sql: String,
    /// The database of tables that the query names without one.
    pub database: Option<String>,
    /// The columns of the result, by position.
    pub columns: ColumnList,
    /// Rows of a batch at most.
    pub batch_rows: usize,
}

/// A database that runs queries.
#[async_trait]
pub trait Database: Send + Sync {
    /// Starts a query.
    ///
    /// # Errors
    /// The query is refused, or the database can't be reached.
    async fn submit(&self, query: Query) -> Result<Box<dyn Execution>, Failure>;

    /// Whether rows can be read only once, so that a failed upload can't begin again with them.
    fn reads_once(&self) -> bool;
}

/// A query that runs. Dropped, it stops reading; [`cancel`](Self::cancel) ends it in the database.
#[async_trait]
pub trait Execution: Send + Sync {
    /// Its name in the database.
    fn id(&self) -> String;

    /// Waits until there is something new to say of it.
    ///
    /// # Errors
    /// The database can't be asked any more.
    async fn news(&mut self) -> Result<News, Failure>;

    /// Its rows, once the news is that it is finished.
    ///
    /// # Errors
    /// The query is wrong, or its columns do not go with those that were asked for.
    async fn rows(&mut self) -> Result<Box<dyn RowSource>, Failure>;

    /// Ends it in the database.
    async fn cancel(&mut self);

    /// Says that its result has been stored and will not be read again.
    async fn forget(&mut self);
}

/// Where a query stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The phase.
    pub phase: QueryPhase,
    /// How far it is.
    pub chunks: Chunks,
    /// When the database began it, in milliseconds since 1970, where it says so.
    pub started: Option<u64>,
    /// When the database last worked on it, likewise.
    pub updated: Option<u64>,
}

/// The phases of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryPhase {
    /// It runs.
    Executing,
    /// Its rows can be read.
    Finished,
    /// It failed.
    Failed(Failure),
    /// Somebody ended it.
    Aborted,
}
