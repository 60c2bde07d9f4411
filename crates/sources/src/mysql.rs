//! MySQL and MariaDB: reads the rows of a query from the text protocol straight into Arrow columns.
//!
//! The crate `mysql_common` parses the packets of the handshake and computes the replies of the login. Packet framing
//! and rows are read here, because no existing client gives access to the bytes of a row without copying them or
//! making a value for each cell.

mod column;
mod connection;
mod describe;
mod failure;
mod handshake;
mod options;
mod pushed;
mod row;
mod source;
mod wire;

use async_trait::async_trait;
use taploom_model::{Result, RowSource};

pub use self::connection::{MysqlConnection, QueryKiller};
pub use self::failure::ServerError;
pub use self::options::{MysqlOptions, Session, SslMode, TextTimes};
pub use self::source::MysqlSource;
use crate::column_list::ColumnList;
use crate::plugin::{Place, QueryUse, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;
pub use crate::server::BatchLimits;
use crate::server::retried;

/// Connects and runs a query. If the connection is lost before the first row, it connects and runs the query again, up
/// to [`MysqlOptions::connect_retries`] times.
///
/// # Errors
/// The same as [`MysqlConnection::connect`] and [`MysqlConnection::query`].
///
/// ```no_run
/// use taploom_sources::mysql::{self, BatchLimits};
/// use taploom_model::{RowSource, Step};
///
/// # async fn rows() -> Result<(), taploom_model::Error> {
/// let options = "mysql://tap:secret@db.example.org:4040/dp1".parse()?;
/// let query = "SELECT * FROM qserv_result(17)";
/// let mut source = mysql::query(&options, query, None, BatchLimits::default()).await?;
/// while let Step::Rows(batch) = source.next().await? {
///     println!("{} rows", batch.num_rows());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn query(
    options: &MysqlOptions,
    query: &str,
    columns: Option<&ColumnList>,
    limits: BatchLimits,
) -> Result<MysqlSource> {
    let run = || async {
        let connection = MysqlConnection::connect(options).await?;
        connection.rows_of(query, columns, limits).await
    };
    retried(options.connect_retries, run, |last| last.running(0)).await
}

/// The source, for the registry.
struct Mysql;

register_source!(
    /// The source `mysql://`: rows of a query on a MySQL or MariaDB server.
    MYSQL = Mysql
);

#[async_trait]
impl SourceType for Mysql {
    const INFO: SourceInfo = SourceInfo::new("mysql", "a MySQL or MariaDB database")
        .with_prefixes(options::SCHEMES, "mysql://USER:PASSWORD@HOST:PORT/DATABASE")
        .with_query(QueryUse::Required)
        .with_runtime();

    /// A password that is not in the URL is taken from `MYSQL_PWD`, as MySQL's own clients do.
    async fn open(_place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let mut options: MysqlOptions = request.location.parse()?;
        options.password = options.password.or_else(|| std::env::var("MYSQL_PWD").ok());
        let sql = request.required_query()?;
        let limits = BatchLimits::of(request);
        let source = match pushed::rows(&options, sql, request, limits).await? {
            Some(source) => source,
            None => query(&options, sql, request.columns.as_ref(), limits).await?,
        };
        Ok(Box::new(source))
    }
}
