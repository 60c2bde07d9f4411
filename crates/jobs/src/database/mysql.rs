//! Rows of a MySQL server, for jobs.

use std::time::Duration;

use taploom_format::Error;
use taploom_sources::mysql::{
    BatchLimits, MysqlConnection, MysqlOptions, MysqlSource, ServerError, TextTimes,
};

use crate::database::RowRequest;
use crate::database::outage::{Server, failure_of_query};
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
    rows.map_err(|error| failure_of_query(&error, has_code(&error, &DENIED)))
}

fn has_code(error: &Error, codes: &[u16]) -> bool {
    ServerError::find(error).is_some_and(|server| codes.contains(&server.code))
}

/// ER_DBACCESS_DENIED_ERROR and ER_BAD_DB_ERROR: the database is not open to the user, or does not exist.
const NO_DATABASE: [u16; 2] = [1044, 1049];
/// Errors that name the account: a table, a column, a routine or a right that it does not have.
const DENIED: [u16; 5] = [1044, 1142, 1143, 1227, 1370];
