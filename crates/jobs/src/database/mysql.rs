//! Rows of a MySQL server, for jobs.

use std::time::{Duration, Instant};

use taploom_sources::mysql::{
    BatchLimits, MysqlConnection, MysqlOptions, MysqlSource, ServerError,
};
use tracing::warn;

use crate::database::RowRequest;
use crate::failure::{Failure, FailureCause};

/// Delay before the second attempt to connect. It doubles before each further one.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Runs a query. A server that is away or takes no connection is waited for, up to `outage`. `database` is the one that
/// the user names, if so.
///
/// # Errors
/// The query is wrong, or its rows don't match the columns; after the outage, that the database can't be used. Where the
/// server is, and as whom it is asked, stands in the log and not in the failure, which is for the user.
pub async fn mysql_rows(
    options: &MysqlOptions,
    sql: &str,
    request: &RowRequest,
    database: Option<&str>,
    outage: Duration,
) -> Result<MysqlSource, Failure> {
    let mut options = options.clone();
    if let Some(database) = database {
        options.database = Some(database.to_owned());
    }
    let connection = connect(&options, database, outage).await?;
    let limits = BatchLimits { rows: request.batch_rows, ..BatchLimits::default() };
    connection.query(sql, Some(&request.columns), limits).await.map_err(|error| {
        if ServerError::find(&error).is_some_and(|server| DENIED.contains(&server.code)) {
            warn!("a query is refused: {error:#}");
            let message = "the query asks for something that is not open to this service";
            return Failure::new(FailureCause::QueryWrong, message);
        }
        Failure::of_rows(&error)
    })
}

async fn connect(
    options: &MysqlOptions,
    database: Option<&str>,
    outage: Duration,
) -> Result<MysqlConnection, Failure> {
    let (started, mut delay) = (Instant::now(), FIRST_DELAY);
    loop {
        let error = match MysqlConnection::connect(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let server = ServerError::find(&error);
        if let Some(database) = database
            && server.is_some_and(|server| NO_DATABASE.contains(&server.code))
        {
            warn!("the database of a job: {error:#}");
            let message =
                format!("the database {database:?} does not exist, or is not open to this service");
            return Err(Failure::new(FailureCause::QueryWrong, message));
        }
        if started.elapsed() >= outage {
            warn!("the database is given up: {error:#}");
            let message = "the database can't be used at the moment; try again later";
            return Err(Failure::new(FailureCause::DatabaseUnreachable, message));
        }
        warn!("the database is waited for: {error:#}");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// ER_DBACCESS_DENIED_ERROR and ER_BAD_DB_ERROR: the database is not open to the user, or does not exist.
const NO_DATABASE: [u16; 2] = [1044, 1049];
/// Errors that name the account: a table, a column, a routine or a right that it does not have.
const DENIED: [u16; 5] = [1044, 1142, 1143, 1227, 1370];
