//! Rows of a MySQL server, for jobs.

use std::time::Duration;

use taploom_format::Error;
use taploom_sources::mysql::{
    BatchLimits, MysqlConnection, MysqlOptions, MysqlSource, ServerError, TextTimes,
};

use crate::database::RowRequest;
use crate::database::outage::{Server, failure_of_query, unusable};
use crate::failure::Failure;

/// Runs a query. In a column that is declared as text, a DATETIME has milliseconds. A server that is away or takes no
/// connection is waited for, up to `outage`. `database` is the one that the user names, if so.
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
    options.text_times = TextTimes::Milliseconds;
    if let Some(database) = database {
        options.database = Some(database.to_owned());
    }
    let server = Server { database, outage, is_closed: |error| has_code(error, &NO_DATABASE) };
    let connection = server.connected(|| MysqlConnection::connect(&options)).await?;
    let limits = BatchLimits { rows: request.batch_rows, ..BatchLimits::default() };
    let rows = connection.query(sql, Some(&request.columns), limits).await;
    rows.map_err(|error| failure(&error))
}

fn failure(error: &Error) -> Failure {
    match has_code(error, &EXHAUSTED) {
        true => unusable(error),
        false => failure_of_query(error, has_code(error, &DENIED)),
    }
}

fn has_code(error: &Error, codes: &[u16]) -> bool {
    ServerError::find(error).is_some_and(|server| codes.contains(&server.code))
}

/// ER_DBACCESS_DENIED_ERROR and ER_BAD_DB_ERROR: the database is not open to the user, or does not exist.
const NO_DATABASE: [u16; 2] = [1044, 1049];
/// Errors that name the account: a table, a column, a routine or a right that it does not have; or the missing account that
/// a view belongs to.
const DENIED: [u16; 6] = [1044, 1142, 1143, 1227, 1370, 1449];
/// ER_USER_LIMIT_REACHED: the account has used up what it may use in an hour. The error names it.
const EXHAUSTED: [u16; 1] = [1226];

#[cfg(test)]
mod tests {
    use taploom_format::ErrorKind;

    use super::*;
    use crate::failure::FailureCause;

    #[test]
    fn no_account_is_named() {
        let failures = [1044, 1142, 1143, 1226, 1227, 1370, 1449].map(|code| {
            let message = "User 'tap'@'10.0.0.7' may not".to_owned();
            let said = ServerError { code, sqlstate: "42000".to_owned(), message };
            let error = Error::new(ErrorKind::InvalidRequest, "the query is wrong");
            failure(&error.with_source(said))
        });
        let naming: Vec<_> =
            failures.iter().filter(|failure| failure.message.contains("tap")).collect();
        assert!(naming.is_empty(), "{naming:#?}");
        assert_eq!(failures[3].cause, FailureCause::DatabaseUnreachable);
    }
}
