//! The addresses of a Qserv, the limits of requests to it, and how its users' tables are read.

use std::time::Duration;

use taploom_jobs::Secret;
use taploom_jobs::http::Hosts;
use taploom_sources::mysql::MysqlOptions;
use url::Url;

/// The addresses of a Qserv, and the settings for its use.
#[derive(Debug, Clone)]
pub struct QservOptions {
    /// The base URL of the REST service.
    pub rest_url: Url,
    /// User and password of the REST service, if it requires them.
    pub rest_login: Option<(String, Secret<String>)>,
    /// The API version that requests name; `None` names no version.
    pub api_version: Option<u32>,
    /// The MySQL server from which rows are read.
    pub rows: MysqlOptions,
    /// The SQL that reads the rows; `{id}` stands for the id of the query.
    pub rows_query: String,
    /// The interval at which progress is polled at first. It grows to a fiftieth of the time that the query has taken, and
    /// at most to 30 seconds.
    pub poll: Duration,
    /// Maximum number of attempts of a request. A submission is repeated only if it did not arrive.
    pub attempts: usize,
    /// Time for which a Qserv that can't be reached is waited for, beyond the attempts, and its MySQL server as well. A
    /// query goes on in Qserv while its REST service is away.
    pub outage: Duration,
    /// The delay before a request is repeated. It doubles with each attempt, up to 30 seconds.
    pub retry_delay: Duration,
    /// Time limit for an answer.
    pub timeout: Duration,
    /// Whether a result is deleted from Qserv after it is stored.
    pub delete_results: bool,
    /// Time limit for a table of a user to be taken.
    pub table_timeout: Duration,
    /// The only hosts from which tables of users are read. All by default, so whoever sends jobs can make this machine send
    /// requests to any host.
    pub table_hosts: Option<Hosts>,
    /// The proxy on the way to tables of users. None by default, whatever the environment says.
    pub table_proxy: Option<Secret<Url>>,
}

impl QservOptions {
    /// The defaults of Qserv.
    pub fn new(rest_url: Url, rows: MysqlOptions) -> Self {
        Self {
            rest_url,
            rest_login: None,
            api_version: None,
            rows,
            rows_query: "SELECT * FROM qserv_result({id})".to_owned(),
            poll: Duration::from_secs(1),
            attempts: 3,
            outage: Duration::from_secs(600),
            retry_delay: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
            delete_results: true,
            table_timeout: Duration::from_secs(1800),
            table_hosts: None,
            table_proxy: None,
        }
    }
}
