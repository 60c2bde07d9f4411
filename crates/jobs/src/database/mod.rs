//! The interface between jobs and databases: a query is submitted, reports its progress, and
//! returns rows.
//!
//! A query may run for hours, and a process may wait for a thousand of them, so that what belongs to its result alone
//! is given when the rows are read.

use async_trait::async_trait;
use taploom_pipeline::RowSource;
use taploom_sources::ColumnList;

use url::Url;

use crate::failure::Failure;
use crate::secret::Secret;

mod loss;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod outage;
#[cfg(feature = "postgres")]
mod postgres;
mod streaming;

pub(crate) use loss::{causes, is_reported, was_lost};
#[cfg(feature = "mysql")]
pub use mysql::mysql_rows;
#[cfg(feature = "postgres")]
pub use postgres::postgres_rows;
pub use streaming::StreamingDatabase;

/// A query to run.
#[derive(Debug, Clone)]
pub struct Query {
    /// The SQL, in the dialect of the database.
    pub sql: String,
    /// The query in ADQL, as the user wrote it, for databases that keep it beside the SQL.
    pub adql: Option<String>,
    /// The database of table names without a qualifier.
    pub database: Option<String>,
}

/// A table of the user, which is sent to the database before the query and removed after it.
#[derive(Debug, Clone)]
pub struct UserTable {
    /// The database of the table, made for this job and removed with it.
    pub database: String,
    /// The name of the table in it.
    pub table: String,
    /// Where the rows are, in CSV.
    pub rows: Secret<Url>,
    /// Where the description of the columns is, in the form that the database wants.
    pub schema: Secret<Url>,
    /// Where the rows belong in a database of several nodes.
    pub partitioning: Partitioning,
}

/// Where the rows of a table belong in a database of several nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitioning {
    /// On every node.
    Replicated,
    /// On the node of their place on the sky.
    Director {
        /// The column of the longitude, in degrees.
        longitude: String,
        /// The column of the latitude, in degrees.
        latitude: String,
    },
    /// On the node of the row of another table to which they refer.
    Dependent {
        /// The column that refers to the other table.
        id: String,
        /// The database of the other table.
        director_database: String,
        /// The other table.
        director_table: String,
        /// The column of the other table that is referred to.
        director_id: String,
    },
}

/// The form in which the rows of a query are wanted.
#[derive(Debug, Clone)]
pub struct RowRequest {
    /// The columns of the result, by position.
    pub columns: ColumnList,
    /// Maximum number of rows of a batch.
    pub batch_rows: usize,
}

/// A database that runs queries.
#[async_trait]
pub trait Database: Send + Sync {
    /// Starts a query. The tables of its user were sent before.
    ///
    /// # Errors
    /// The database refuses the query, or can't be reached.
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure>;

    /// Takes up a query that another process has submitted, by its [`Execution::id`]. `None` if the database does not have
    /// it any more, or can't give it to another process.
    ///
    /// # Errors
    /// The database can't be reached.
    async fn resume(&self, _id: &str) -> Result<Option<Box<dyn Execution>>, Failure> {
        Ok(None)
    }

    /// Checks that tables of a user may be sent with a query, before the work.
    ///
    /// # Errors
    /// The database takes no tables, or they must not be read from where they are.
    fn check_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        match tables {
            [] => Ok(()),
            _ => Err(Failure::invalid("the database of this service takes no tables")),
        }
    }

    /// Sends tables of a user, before their query. What an earlier attempt has left of them is removed first. Sending stops
    /// if the future is dropped.
    ///
    /// # Errors
    /// A table can't be read from where it is, or the database does not take it. Others may be in the database.
    async fn send_tables(&self, _tables: &[UserTable]) -> Result<(), Failure> {
        Ok(())
    }

    /// Removes the databases of tables of a user, as far as they are there. Called when the job has ended, however that
    /// happened.
    async fn remove_tables(&self, _tables: &[UserTable]) {}

    /// Whether a query is submitted again if the database went away while the rows were read. The database has to wait then
    /// until it is back.
    fn waits_for_outages(&self) -> bool {
        false
    }

    /// Whether a query runs in the database by itself once it is submitted. Otherwise it runs while its rows are read, so
    /// that it needs a place from its beginning.
    fn runs_in_background(&self) -> bool {
        false
    }

    /// Whether the rows of a result can be read only once. A failed upload then can't start again
    /// from the rows.
    fn reads_once(&self) -> bool;
}

/// A running query. Dropping it stops reading; [`cancel`](Self::cancel) ends the query in the database.
#[async_trait]
pub trait Execution: Send + Sync {
    /// The name of the query in the database.
    fn id(&self) -> String;

    /// Waits until the database has progress to report.
    ///
    /// # Errors
    /// The database no longer answers.
    async fn progress(&mut self) -> Result<QueryProgress, Failure>;

    /// The rows, once the phase is [`QueryPhase::Finished`].
    ///
    /// # Errors
    /// The query is wrong, or its columns do not match those that were asked for.
    async fn rows(&mut self, request: RowRequest) -> Result<Box<dyn RowSource>, Failure>;

    /// Whether another process can [take the query up](Database::resume) if this value is dropped now.
    fn can_be_resumed(&self) -> bool {
        false
    }

    /// Ends the query in the database.
    async fn cancel(&mut self);

    /// Tells the database that the result is stored and will not be read again.
    async fn forget(&mut self);
}

/// How far a query is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryProgress {
    /// The phase.
    pub phase: QueryPhase,
    /// The number of parts of the query; 1 if the database does not count parts.
    pub total_chunks: u64,
    /// The number of completed parts.
    pub completed_chunks: u64,
    /// When the database began the query, in milliseconds since 1970, if the database says so.
    pub started: Option<u64>,
    /// When the database last worked on the query, likewise.
    pub updated: Option<u64>,
}

/// The phases of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryPhase {
    /// The query runs.
    Executing,
    /// The rows can be read.
    Finished,
    /// The query failed.
    Failed(Failure),
    /// Somebody ended the query.
    Aborted,
}
