//! Servers that are away, and the failures of their queries.

use std::time::{Duration, Instant};

use taploom_format::{Error, Result};
use tracing::warn;

use crate::failure::{Failure, FailureCause};

/// Delay before the second attempt to connect. It doubles before each further one.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// A server that may be away.
pub(super) struct Server<'a> {
    /// The database that the user names.
    pub(super) database: Option<&'a str>,
    /// Time for which the server is waited for.
    pub(super) outage: Duration,
    /// Whether an error means that this database does not exist, or is not open to the account.
    pub(super) is_closed: fn(&Error) -> bool,
}

impl Server<'_> {
    /// Connects. A server that is away or takes no connection is waited for.
    ///
    /// Where the server is, and as whom it is asked, stands in the log and not in the failure, which is for the user.
    pub(super) async fn connected<T, F: Future<Output = Result<T>>>(
        &self,
        mut connect: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let (started, mut delay) = (Instant::now(), FIRST_DELAY);
        loop {
            let error = match connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            if let Some(database) = self.database
                && (self.is_closed)(&error)
            {
                warn!("the database of a job: {error:#}");
                let message = format!(
                    "the database {database:?} does not exist, or is not open to this service"
                );
                return Err(Failure::new(FailureCause::QueryWrong, message));
            }
            if started.elapsed() >= self.outage {
                return Err(unusable(&error));
            }
            warn!("the database is waited for: {error:#}");
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(LONGEST_DELAY);
        }
    }
}

/// The failure for a database that is given up.
pub(super) fn unusable(error: &Error) -> Failure {
    warn!("the database is given up: {error:#}");
    let message = "the database can't be used at the moment; try again later";
    Failure::new(FailureCause::DatabaseUnreachable, message)
}

/// The failure for the error of a query. An error may name the account if the query is `denied` to it.
pub(super) fn failure_of_query(error: &Error, denied: bool) -> Failure {
    if denied {
        warn!("a query is refused: {error:#}");
        let message = "the query asks for something that is not open to this service";
        return Failure::new(FailureCause::QueryWrong, message);
    }
    Failure::of_rows(error)
}
