//! Rows of a PostgreSQL server, for jobs.

use std::time::Duration;

use taploom_format::Error;
use taploom_sources::postgres::{
    BatchLimits, PostgresConnection, PostgresOptions, PostgresSource, ServerError,
};

use crate::database::RowRequest;
use crate::database::outage::{Server, failure_of_query};
use crate::failure::Failure;

/// Runs a query. A server that is away or takes no connection is waited for, up to `outage`. `database` is the one that
/// the user names, if so.
///
/// # Errors
/// The query is wrong, or its rows don't match the columns; after the outage, that the database can't be used. Where the
/// server is, and as whom it is asked, stands in the log and not in the failure, which is for the user.
pub async fn postgres_rows(
    options: &PostgresOptions,
    sql: &str,
    request: &RowRequest,
    database: Option<&str>,
    outage: Duration,
) -> Result<PostgresSource, Failure> {
    let mut options = options.clone();
    if let Some(database) = database {
        options.database = Some(database.to_owned());
    }
    let is_closed = |error: &Error| has_state(error, &[NO_DATABASE, NO_RIGHT]);
    let server = Server { database, outage, is_closed };
    let connection = server.connected(|| PostgresConnection::connect(&options)).await?;
    let limits = BatchLimits { rows: request.batch_rows, ..BatchLimits::default() };
    let rows = connection.query(sql, Some(&request.columns), limits).await;
    rows.map_err(|error| failure_of_query(&error, has_state(&error, &[NO_RIGHT])))
}

fn has_state(error: &Error, states: &[&str]) -> bool {
    ServerError::find(error).is_some_and(|server| states.contains(&server.sqlstate.as_str()))
}

/// `invalid_catalog_name`: the database does not exist.
const NO_DATABASE: &str = "3D000";
/// `insufficient_privilege`: the account does not have the right to use a database, a table or a function.
const NO_RIGHT: &str = "42501";
