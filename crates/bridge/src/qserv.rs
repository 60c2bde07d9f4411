//! Qserv: queries are submitted by REST, and rows are read by the MySQL protocol. Each result can
//! be read only once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use taploom_pipeline::RowSource;
use taploom_sources::mysql::{MysqlOptions, QueryKiller};
use tracing::warn;
use url::Url;

use taploom_jobs::http::{Hosts, client, one_line};
use taploom_jobs::{
    Database, Execution, Failure, FailureCause, Query, QueryPhase, QueryProgress, RowRequest,
    Secret, UserTable, mysql_rows,
};

mod tables;

/// Longest delay before a request is repeated.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

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

/// A Qserv database.
pub struct Qserv(Arc<Service>);

struct Service {
    options: QservOptions,
    client: Client,
    /// Reads tables of users.
    table_client: Client,
}

impl Qserv {
    /// Makes a client. Sends no request yet.
    ///
    /// # Errors
    /// The certificates of the system can't be read, or the proxy can't be used.
    pub fn new(options: QservOptions) -> Result<Self, Failure> {
        let table_client = client(options.timeout, options.table_proxy.as_ref())?;
        let client = client(options.timeout, None)?;
        Ok(Self(Arc::new(Service { options, client, table_client })))
    }
}

#[async_trait]
impl Database for Qserv {
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Submitted {
            query_id: u64,
        }
        let mut body = json!({"query": query.sql});
        if let Some(database) = &query.database {
            body["database"] = json!(database);
        }
        if let Some(adql) = &query.adql {
            body["adql_query"] = json!(adql);
        }
        let service = Arc::clone(&self.0);
        let submitted: Submitted =
            service.ask(Method::POST, "query-async", |request| request.json(&body)).await?;
        Ok(Box::new(QservQuery::new(service, submitted.query_id)))
    }

    async fn resume(&self, id: &str) -> Result<Option<Box<dyn Execution>>, Failure> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let query = QservQuery::new(Arc::clone(&self.0), id);
        match query.status().await {
            Ok(_) => Ok(Some(Box::new(query))),
            // Qserv was asked, and does not know the query.
            Err(failure) if failure.cause == FailureCause::QueryFailed => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn check_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        self.0.check_tables(tables)
    }

    async fn send_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        self.0.send_tables(tables).await
    }

    async fn remove_tables(&self, tables: &[UserTable]) {
        self.0.remove_tables(tables).await;
    }

    fn runs_in_background(&self) -> bool {
        true
    }

    fn reads_once(&self) -> bool {
        true
    }

    fn waits_for_outages(&self) -> bool {
        !self.0.options.outage.is_zero()
    }
}

/// A query. One that is dropped goes on in Qserv.
struct QservQuery {
    service: Arc<Service>,
    id: u64,
    asked: bool,
    since: Instant,
    /// Whether the rows were asked for. Qserv gives them once.
    reads: bool,
    killer: Option<QueryKiller>,
}

impl QservQuery {
    fn new(service: Arc<Service>, id: u64) -> Self {
        Self { service, id, asked: false, since: Instant::now(), reads: false, killer: None }
    }

    async fn status(&self) -> Result<QueryStatus, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            status: QueryStatus,
        }
        let path = format!("query-async/status/{}", self.id);
        let Answer { status } = self.service.ask(Method::GET, &path, |request| request).await?;
        Ok(status)
    }
}

/// The status of a query, as Qserv reports it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryStatus {
    status: String,
    total_chunks: u64,
    completed_chunks: Option<u64>,
    query_begin_epoch: u64,
    last_update_epoch: Option<u64>,
    error: Option<String>,
}

#[async_trait]
impl Execution for QservQuery {
    fn id(&self) -> String {
        self.id.to_string()
    }

    async fn progress(&mut self) -> Result<QueryProgress, Failure> {
        if self.asked {
            // A query of hours is not asked for each second.
            let pause = (self.since.elapsed() / 50).min(LONGEST_DELAY);
            tokio::time::sleep(self.service.options.poll.max(pause)).await;
        }
        self.asked = true;
        self.status().await?.progress()
    }

    async fn rows(&mut self, request: RowRequest) -> Result<Box<dyn RowSource>, Failure> {
        self.reads = true;
        let options = &self.service.options;
        let sql = options.rows_query.replace("{id}", &self.id.to_string());
        let source = mysql_rows(&options.rows, &sql, &request, None, options.outage).await?;
        self.killer = Some(source.killer());
        Ok(Box::new(source))
    }

    fn can_be_resumed(&self) -> bool {
        !self.reads
    }

    async fn cancel(&mut self) {
        // While rows are read, the query itself has ended, so reading is stopped instead.
        match &self.killer {
            Some(killer) => {
                if let Err(error) = killer.kill().await {
                    warn!(query = self.id, "can't end the reading of rows: {error:#}");
                }
            }
            None => self.service.delete(&format!("query-async/{}", self.id)).await,
        }
    }

    async fn forget(&mut self) {
        if self.service.options.delete_results {
            let path = format!("query-async/result/{}", self.id);
            self.service.delete(&path).await;
        }
    }
}

impl QueryStatus {
    fn progress(self) -> Result<QueryProgress, Failure> {
        let error = self.error.filter(|error| !error.is_empty());
        let failed = |code, what: &str| {
            let message = match &error {
                Some(error) => format!("{what}: {error}"),
                None => what.to_owned(),
            };
            QueryPhase::Failed(Failure::new(code, message))
        };
        let phase = match self.status.as_str() {
            "EXECUTING" => QueryPhase::Executing,
            "COMPLETED" => QueryPhase::Finished,
            "ABORTED" => QueryPhase::Aborted,
            "FAILED" => failed(FailureCause::QueryFailed, "Query failed in backend"),
            "FAILED_LR" => failed(
                FailureCause::ResultTooLarge,
                "Query results are too large to return; please narrow your query and try again",
            ),
            other => {
                let message = format!("Qserv names a status that is not known: {other:?}");
                return Err(Failure::new(FailureCause::Internal, message));
            }
        };
        let milliseconds = |seconds: u64| Some(seconds.saturating_mul(1000)).filter(|at| *at > 0);
        Ok(QueryProgress {
            phase,
            total_chunks: self.total_chunks,
            completed_chunks: self.completed_chunks.unwrap_or(0),
            started: milliseconds(self.query_begin_epoch),
            updated: self.last_update_epoch.and_then(milliseconds),
        })
    }
}

/// The members of every answer.
#[derive(Deserialize)]
struct Success {
    success: u64,
    error: Option<String>,
}

impl Success {
    /// Whether Qserv says that it has no such query. Its query catalogue says the first; the second is the error of a
    /// version that finds an empty row.
    fn is_unknown_query(&self) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        error.contains("Unknown user query") || error.ends_with("ex: stoul")
    }
}

/// A request without an answer.
struct NoAnswer {
    what: String,
    /// The status, if there was an answer and only its content is missing.
    status: Option<StatusCode>,
    /// Whether it is certain that the request did not reach Qserv.
    unseen: bool,
}

impl NoAnswer {
    /// Whether Qserv is away, rather than unwilling. It answers no question about a query with 404, but what stands before
    /// it may do so while it is away.
    fn is_outage(&self) -> bool {
        self.status.is_none_or(|status| status.is_server_error() || status == StatusCode::NOT_FOUND)
    }
}

impl Service {
    /// Sends a request until there is an answer. Waits for a Qserv that can't be reached for the time of an outage.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, Failure> {
        let answer = self.answer(&method, path, fill, self.options.outage).await;
        let answer = answer.map_err(|problem| {
            let message = format!("Qserv can't be asked: {}", problem.what);
            Failure::new(FailureCause::DatabaseUnreachable, message)
        })?;
        let senseless = |error: serde_json::Error| {
            let message = format!("Qserv's answer can't be understood: {error}");
            Failure::new(FailureCause::Internal, message)
        };
        let success: Success = serde_json::from_slice(&answer).map_err(senseless)?;
        if success.success == 0 {
            let why = success.error.map_or_else(String::new, |error| format!(": {error}"));
            return Err(Failure::new(
                FailureCause::QueryFailed,
                format!("Qserv request failed{why}"),
            ));
        }
        serde_json::from_slice(&answer).map_err(senseless)
    }

    /// The delays between the attempts at a request.
    fn delays(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.options.retry_delay)
            .with_max_delay(LONGEST_DELAY)
            .without_max_times()
            .build()
    }

    /// Repeats a request up to the number of attempts, and beyond it while Qserv is away for no longer than `outage`.
    async fn answer(
        &self,
        method: &Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
        outage: Duration,
    ) -> Result<Vec<u8>, NoAnswer> {
        let (mut attempt, mut delays, started) = (1, self.delays(), Instant::now());
        loop {
            let problem = match self.attempt(method, path, self.options.timeout, &fill).await {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            let may_repeat = *method != Method::POST || problem.unseen;
            let is_refused = problem.status.is_some_and(|status| {
                let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
                let is_away = *method == Method::GET && status == StatusCode::NOT_FOUND;
                status.is_client_error() && !passes.contains(&status) && !is_away
            });
            let is_waited_for = problem.is_outage() && started.elapsed() < outage;
            if !may_repeat || is_refused || attempt >= self.options.attempts && !is_waited_for {
                return Err(problem);
            }
            warn!(path, attempt, problem = problem.what, "Qserv is asked again");
            tokio::time::sleep(delays.next().unwrap_or(LONGEST_DELAY)).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        timeout: Duration,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Vec<u8>, NoAnswer> {
        let options = &self.options;
        let mut url = options.rest_url.clone();
        url.set_path(&format!("{}/{path}", options.rest_url.path().trim_end_matches('/')));
        if let Some(version) = options.api_version {
            url.query_pairs_mut().append_pair("version", &version.to_string());
        }
        let mut request = self.client.request(method.clone(), url).timeout(timeout);
        if let Some((user, password)) = &options.rest_login {
            request = request.basic_auth(user, Some(password.expose()));
        }
        let no_answer = |error: reqwest::Error| NoAnswer {
            status: None,
            unseen: error.is_connect(),
            what: one_line(error),
        };
        let response = fill(request).send().await.map_err(no_answer)?;
        let status = response.status();
        let body = response.bytes().await.map_err(no_answer)?;
        if !status.is_success() {
            let what = format!("HTTP {status}");
            return Err(NoAnswer { what, status: Some(status), unseen: false });
        }
        // The query may run although Qserv can't say so now, so it must not be submitted again.
        if *method == Method::GET
            && let Ok(answer) = serde_json::from_slice::<Success>(&body)
            && answer.success == 0
            && !answer.is_unknown_query()
        {
            let what = answer.error.unwrap_or_else(|| "no reason given".to_owned());
            return Err(NoAnswer { what, status: None, unseen: false });
        }
        Ok(body.into())
    }

    /// Has something deleted. The outcome does not matter to the job.
    async fn delete(&self, path: &str) {
        let answer = self.answer(&Method::DELETE, path, |request| request, Duration::ZERO).await;
        let problem = match answer.map(|answer| serde_json::from_slice::<Success>(&answer)) {
            Ok(Ok(Success { success: 1.., .. })) => return,
            // Somebody was faster.
            Err(NoAnswer { status: Some(StatusCode::NOT_FOUND), .. }) => return,
            Ok(Ok(Success { error, .. })) => error.unwrap_or_else(|| "no reason given".to_owned()),
            Ok(Err(error)) => error.to_string(),
            Err(problem) => problem.what,
        };
        warn!(path, problem, "Qserv did not delete what is no longer needed");
    }
}
