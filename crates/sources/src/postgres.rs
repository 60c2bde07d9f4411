//! PostgreSQL: reads the rows of a query from the binary format of the extended protocol straight into Arrow columns.
//!
//! The server describes the columns of the query first. Numbers, dates, timestamps, bytes and arrays of numbers are then
//! sent in their binary format. All other types are sent as the text that the server itself makes of their values, and
//! that psql shows. So every type can be read, and the query is sent as it is given.
//!
//! The crate `postgres-protocol` writes the messages of the client, parses the rare messages of the server, and computes
//! the replies of the login. Framing and rows are read here, for the same reason as those of MySQL.

mod arrays;
mod catalog;
mod cells;
mod column;
mod connection;
mod failure;
mod handshake;
mod options;
mod source;
mod sphere;
mod types;
mod wire;

use async_trait::async_trait;
use taploom_model::{Result, RowSource};

pub use self::connection::{PostgresConnection, QueryCanceler};
pub use self::failure::ServerError;
pub use self::options::{PostgresOptions, SslMode};
pub use self::source::PostgresSource;
use crate::column_list::ColumnList;
use crate::plugin::{Place, QueryUse, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;
pub use crate::server::BatchLimits;
use crate::server::retried;

/// Connects and runs a query. If the connection is lost before the columns are known, it connects and runs the query
/// again, up to [`PostgresOptions::connect_retries`] times.
///
/// # Errors
/// The same as [`PostgresConnection::connect`] and [`PostgresConnection::query`].
///
/// ```no_run
/// use taploom_sources::postgres::{self, BatchLimits};
/// use taploom_model::{RowSource, Step};
///
/// # async fn rows() -> Result<(), taploom_model::Error> {
/// let options = "postgres://tap:secret@db.example.org/gaia".parse()?;
/// let query = "SELECT source_id, ra, dec FROM gaia.source WHERE parallax > 100";
/// let mut source = postgres::query(&options, query, None, BatchLimits::default()).await?;
/// while let Step::Rows(batch) = source.next().await? {
///     println!("{} rows", batch.num_rows());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn query(
    options: &PostgresOptions,
    query: &str,
    columns: Option<&ColumnList>,
    limits: BatchLimits,
) -> Result<PostgresSource> {
    let run = || async {
        let connection = PostgresConnection::connect(options).await?;
        connection.rows_of(query, columns, limits).await
    };
    retried(options.connect_retries, run, |last| last.running(0)).await
}

/// The source, for the registry.
struct Postgres;

register_source!(
    /// The source `postgres://`: rows of a query on a PostgreSQL server.
    POSTGRES = Postgres
);

#[async_trait]
impl SourceType for Postgres {
    const INFO: SourceInfo = SourceInfo::new("postgres", "a PostgreSQL database")
        .with_prefixes(options::SCHEMES, "postgres://USER:PASSWORD@HOST:PORT/DATABASE")
        .with_query(QueryUse::Required)
        .with_runtime();

    /// A password that is not in the URL is taken from `PGPASSWORD`, as PostgreSQL's own clients do.
    async fn open(_place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let mut options: PostgresOptions = request.location.parse()?;
        options.password = options.password.or_else(|| std::env::var("PGPASSWORD").ok());
        let sql = request.required_query()?;
        let limits = BatchLimits::of(request);
        Ok(Box::new(query(&options, sql, request.columns.as_ref(), limits).await?))
    }
}
