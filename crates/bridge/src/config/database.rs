//! The database in which queries run, and the REST service if it is a Qserv.

use serde::Deserialize;
use taploom_jobs::Secret;
use url::Url;

use super::outage_seconds;

/// The database in which queries run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE?...`, `postgres://...` likewise, or `sqlite:FILE`. For a Qserv, the
    /// MySQL server that gives the rows.
    pub url: Secret<String>,
    /// Time for which a database that is away is waited for, in seconds [default: 600].
    #[serde(default = "outage_seconds")]
    pub outage_seconds: f64,
    /// The REST service, if the database is a Qserv.
    pub qserv: Option<QservConfig>,
}

/// The REST service of a Qserv.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QservConfig {
    /// The base URL.
    pub url: Url,
    /// The user, if the service requires a login.
    pub user: Option<String>,
    /// The password of that user.
    pub password: Option<Secret<String>>,
    /// The API version that requests name [default: none].
    pub api_version: Option<u32>,
    /// The SQL that reads the rows; `{id}` stands for the id of the query.
    pub rows_query: Option<String>,
    /// Interval at which progress is polled at first, in seconds; it grows with the time that the query takes [default: 1].
    pub poll_seconds: Option<f64>,
    /// Maximum number of attempts of a request [default: 3].
    pub attempts: Option<usize>,
    /// Time limit for an answer, in seconds [default: 30].
    pub timeout_seconds: Option<f64>,
    /// Whether a result is deleted from Qserv after it is stored [default: true].
    pub delete_results: Option<bool>,
    /// Time limit for a table of a user to be taken, in seconds [default: 1800].
    pub table_seconds: Option<f64>,
}
