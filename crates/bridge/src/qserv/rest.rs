//! Requests to the REST service of Qserv: which of them are repeated, and how answers are read.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use taploom_jobs::http::{may_pass, one_line};
use taploom_jobs::{Failure, FailureCause};
use tracing::warn;

use super::Service;

/// Longest delay before a request is repeated.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

impl Service {
    /// Sends a request until there is an answer. Waits for a Qserv that can't be reached for the time of an outage.
    pub(super) async fn ask<T: DeserializeOwned>(
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
        check_success(&answer, "Qserv request failed")?;
        parse(&answer)
    }

    /// The delays between the attempts at a request.
    pub(super) fn delays(&self) -> RetryDelays {
        let delays = ExponentialBuilder::new()
            .with_min_delay(self.options.retry_delay)
            .with_max_delay(LONGEST_DELAY)
            .without_max_times();
        RetryDelays(delays.build())
    }

    /// Repeats a request up to the number of attempts, and beyond it while Qserv is away for no longer than `outage`.
    pub(super) async fn answer(
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
                let is_away = *method == Method::GET && status == StatusCode::NOT_FOUND;
                status.is_client_error() && !may_pass(status) && !is_away
            });
            let is_waited_for = problem.is_outage() && started.elapsed() < outage;
            if !may_repeat || is_refused || attempt >= self.options.attempts && !is_waited_for {
                return Err(problem);
            }
            warn!(path, attempt, problem = problem.what, "Qserv is asked again");
            delays.wait().await;
            attempt += 1;
        }
    }

    /// Sends a request once. An answer to a GET in which Qserv reports a failure counts as no answer, unless it says that
    /// there is no such query.
    pub(super) async fn attempt(
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
            && let Ok(status) = serde_json::from_slice::<ResponseStatus>(&body)
            && !status.is_success()
            && !status.is_unknown_query()
        {
            return Err(NoAnswer { what: status.reason(), status: None, unseen: false });
        }
        Ok(body.into())
    }

    /// Has something deleted. The outcome does not matter to the job.
    pub(super) async fn delete(&self, path: &str) {
        let answer = self.answer(&Method::DELETE, path, |request| request, Duration::ZERO).await;
        let problem = match answer.map(|answer| serde_json::from_slice::<ResponseStatus>(&answer)) {
            Ok(Ok(status)) if status.is_success() => return,
            // Somebody was faster.
            Err(NoAnswer { status: Some(StatusCode::NOT_FOUND), .. }) => return,
            Ok(Ok(status)) => status.reason(),
            Ok(Err(error)) => error.to_string(),
            Err(problem) => problem.what,
        };
        warn!(path, problem, "Qserv did not delete what is no longer needed");
    }
}

/// The delays between the attempts at a request; their number has no limit.
pub(super) struct RetryDelays(ExponentialBackoff);

impl RetryDelays {
    /// Waits before the next attempt.
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0.next().unwrap_or(LONGEST_DELAY)).await;
    }
}

/// A request without an answer.
pub(super) struct NoAnswer {
    pub(super) what: String,
    /// The status, if there was an answer and only its content is missing.
    status: Option<StatusCode>,
    /// Whether it is certain that the request did not reach Qserv.
    pub(super) unseen: bool,
}

impl NoAnswer {
    /// Whether Qserv is away, rather than unwilling. It answers no question about a query with 404, but what stands before
    /// it may do so while it is away.
    fn is_outage(&self) -> bool {
        self.status.is_none_or(|status| status.is_server_error() || status == StatusCode::NOT_FOUND)
    }
}

/// The members of every answer, which say whether the request succeeded, and why not.
#[derive(Deserialize)]
struct ResponseStatus {
    success: u64,
    error: Option<String>,
}

impl ResponseStatus {
    fn is_success(&self) -> bool {
        self.success != 0
    }

    /// Whether Qserv says that it has no such query. Its query catalogue says the first; the second is the error of a
    /// version that finds an empty row.
    fn is_unknown_query(&self) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        error.contains("Unknown user query") || error.ends_with("ex: stoul")
    }

    fn reason(self) -> String {
        self.error.unwrap_or_else(|| "no reason given".to_owned())
    }
}

/// Checks that Qserv reports no failure. The error is `what`, with the reason if Qserv gives one.
pub(super) fn check_success(answer: &[u8], what: &str) -> Result<(), Failure> {
    let status: ResponseStatus = parse(answer)?;
    if status.is_success() {
        return Ok(());
    }
    let message = with_reason(what, status.error.as_deref());
    Err(Failure::new(FailureCause::QueryFailed, message))
}

/// A sentence with the reason that Qserv gives, if it gives one.
pub(super) fn with_reason(what: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}

fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|error| {
        let message = format!("Qserv's answer can't be understood: {error}");
        Failure::new(FailureCause::Internal, message)
    })
}
