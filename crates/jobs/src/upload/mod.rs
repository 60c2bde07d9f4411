//! The HTTP PUT that stores a result, and its retries.

use std::io;
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use futures::Stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Body, Client, StatusCode};
use taploom_scratch::ScratchReader;
use tracing::warn;
use url::Url;

use crate::failure::{Failure, FailureCause};
use crate::http::{client, one_line};
use crate::job::Destination;
use crate::observer::JobObserver;
use crate::secret::Secret;
use crate::upload::pulse::Pulse;

mod pulse;
mod waiting_result;

/// How results are sent.
#[derive(Debug, Clone)]
pub struct UploadPolicy {
    /// Maximum number of attempts, the first included.
    pub attempts: usize,
    /// Delay before the second attempt. It doubles before each further attempt, with a random part added.
    pub first_delay: Duration,
    /// Longest delay between two attempts, even if the store asks for a longer one.
    pub longest_delay: Duration,
    /// Time limit for a connection to be made.
    pub connect_timeout: Duration,
    /// Time after which an attempt fails if the store neither takes bytes nor answers.
    pub idle_timeout: Duration,
    /// The proxy on the way to the store. None by default, whatever the environment says.
    pub proxy: Option<Secret<Url>>,
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            proxy: None,
        }
    }
}

/// Sends results to signed URLs.
#[derive(Debug, Clone)]
pub struct Uploader {
    client: Client,
    policy: UploadPolicy,
}

/// Why an attempt failed.
struct Problem {
    what: String,
    again: Again,
}

/// Whether another attempt may succeed.
enum Again {
    Never,
    /// After this delay, if the store asks for one.
    After(Option<Duration>),
}

impl Uploader {
    /// An uploader over HTTP/1.1 that trusts the certificates of the system.
    ///
    /// # Errors
    /// The certificates of the system can't be read, or the proxy can't be used.
    pub fn new(policy: UploadPolicy) -> Result<Self, Failure> {
        let client = client(policy.connect_timeout, policy.proxy.as_ref())?;
        Ok(Self { client, policy })
    }

    /// Sends a scratch file with its length, and repeats that as often as the policy allows.
    pub(crate) async fn send_file(
        &self,
        target: &Destination,
        file: &ScratchReader,
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let policy = &self.policy;
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.longest_delay)
            .with_max_times(policy.attempts.saturating_sub(1))
            .with_jitter()
            .build();
        loop {
            let problem =
                match self.attempt(target, Some(file.len()), waiting_result::read(file)).await {
                    Ok(()) => return Ok(()),
                    Err(problem) => problem,
                };
            let Again::After(asked) = problem.again else { return Err(failed(&problem.what)) };
            let Some(delay) = delays.next() else {
                let times = policy.attempts;
                return Err(failed(&format!("{}, at attempt {times} of {times}", problem.what)));
            };
            let delay = asked.map_or(delay, |asked| delay.max(asked.min(policy.longest_delay)));
            warn!(
                problem = problem.what,
                seconds = delay.as_secs_f64(),
                "the upload is tried again"
            );
            observer.upload_retried();
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends bytes as they are made, once. If `bytes` ends with an error, the request is broken off, so that
    /// the store does not store an incomplete result.
    pub(crate) async fn send_stream(
        &self,
        target: &Destination,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), Failure> {
        self.attempt(target, None, bytes).await.map_err(|problem| failed(&problem.what))
    }

    async fn attempt(
        &self,
        target: &Destination,
        length: Option<u64>,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), Problem> {
        let pulse = Pulse::start();
        let mut request = self
            .client
            .put(target.url.expose().clone())
            .header(CONTENT_TYPE, &target.content_type)
            .body(Body::wrap_stream(pulse.watch(bytes)));
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        let response = tokio::select! {
            response = request.send() => response.map_err(Problem::of)?,
            () = pulse.stalls_for(self.policy.idle_timeout) => {
                let seconds = self.policy.idle_timeout.as_secs_f64();
                return Err(Problem {
                    what: format!("the store took nothing and said nothing for {seconds} s"),
                    again: Again::After(None),
                });
            }
        };
        match response.status() {
            status if status.is_success() && pulse.took_all(length) => Ok(()),
            // What it has stored can't be the result.
            status if status.is_success() => Err(Problem {
                what: format!("the store answered {status} before it had taken the whole result"),
                again: Again::After(None),
            }),
            // The body of the answer is not shown, because it may quote the signature.
            status => Err(Problem {
                what: format!("the store answered {status}"),
                again: match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                    true => Again::After(retry_after(response.headers())),
                    false => Again::Never,
                },
            }),
        }
    }
}

impl Problem {
    fn of(error: reqwest::Error) -> Self {
        Self { what: one_line(error), again: Again::After(None) }
    }
}

fn failed(what: &str) -> Failure {
    Failure::new(FailureCause::UploadFailed, format!("the result could not be stored: {what}"))
}

/// The delay that the header Retry-After asks for, in seconds or as a date; RFC 9110, 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}
