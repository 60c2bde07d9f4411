//! Rows of a MySQL server, for jobs.

use std::time::{Duration, Instant};

use taploom_sources::mysql::{self, BatchLimits, ConnectError, MysqlOptions, MysqlSource};
use tracing::warn;

use crate::database::RowRequest;
use crate::failure::{Failure, FailureCause};

/// Delay before the second attempt to connect. It doubles before each further one.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Runs a query. A server that is away or takes no connection is waited for, up to
/// `outage`.
///
/// # Errors
/// The query is wrong, or its rows don't match the columns; after the outage, that the database can't be used. Where the
/// server is, and as whom it is asked, stands in the log and not in the failure, which is for the user.
pub async fn mysql_rows(
    options: &MysqlOptions,
    sql: &str,
    request: &RowRequest,
    outage: Duration,
) -> Result<MysqlSource, Failure> {
    let limits = BatchLimits { rows: request.batch_rows, ..BatchLimits::default() };
    let (started, mut delay) = (Instant::now(), FIRST_DELAY);
    loop {
        let error = match mysql::query(options, sql, Some(&request.columns), limits).await {
            Ok(source) => return Ok(source),
            Err(error) => error,
        };
        let Some(why) = ConnectError::find(&error) else { return Err(Failure::of_rows(&error)) };
        if why.is_of_the_database() {
            warn!("the database of a job: {error:#}");
            let name = options.database.as_deref().unwrap_or_default();
            let message =
                format!("the database {name:?} does not exist, or is not open to this service");
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
