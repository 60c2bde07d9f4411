//! One HTTP PUT.

use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::Stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Body, Client, Response};
use url::Url;

use crate::http::{may_pass, one_line};
use crate::upload::pulse::Pulse;

/// A request that stores bytes.
pub(crate) struct Put<'a> {
    client: &'a Client,
    url: Url,
    idle_timeout: Duration,
    content_type: Option<&'a str>,
    length: Option<u64>,
}

/// Why an attempt failed.
pub(crate) struct Problem {
    pub(crate) what: String,
    pub(crate) again: Again,
}

/// Whether another attempt may succeed.
pub(crate) enum Again {
    Never,
    /// After this delay, if the store asks for one.
    After(Option<Duration>),
}

impl<'a> Put<'a> {
    pub(crate) fn new(client: &'a Client, url: Url, idle_timeout: Duration) -> Self {
        Self { client, url, idle_timeout, content_type: None, length: None }
    }

    pub(crate) fn with_content_type(self, content_type: &'a str) -> Self {
        Self { content_type: Some(content_type), ..self }
    }

    pub(crate) fn with_length(self, length: u64) -> Self {
        Self { length: Some(length), ..self }
    }

    /// Makes one attempt, and returns an answer that says that the bytes are stored.
    pub(crate) async fn send(
        self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let pulse = Pulse::start();
        let mut request = self.client.put(self.url);
        request = request.body(Body::wrap_stream(pulse.watch(bytes)));
        if let Some(content_type) = self.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(length) = self.length {
            request = request.header(CONTENT_LENGTH, length);
        }
        let response = tokio::select! {
            response = request.send() => response.map_err(Problem::of)?,
            () = pulse.stalls_for(self.idle_timeout) => {
                let seconds = self.idle_timeout.as_secs_f64();
                let what = format!("the store took nothing and said nothing for {seconds} s");
                return Err(Problem { what, again: Again::After(None) });
            }
        };
        let response = stored(response)?;
        // What it has stored can't be the result.
        if !pulse.took_all(self.length) {
            let status = response.status();
            let what = format!("the store answered {status} before it had taken the whole result");
            return Err(Problem { what, again: Again::After(None) });
        }
        Ok(response)
    }
}

impl Problem {
    pub(crate) fn of(error: reqwest::Error) -> Self {
        Self { what: one_line(error), again: Again::After(None) }
    }
}

/// The answer, if the store has done what was asked.
pub(crate) fn stored(response: Response) -> Result<Response, Problem> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    // The body of the answer is not shown, because it may quote the signature.
    let what = format!("the store answered {status}");
    let again = match may_pass(status) {
        true => Again::After(retry_after(response.headers())),
        false => Again::Never,
    };
    Err(Problem { what, again })
}

/// The delay that the header Retry-After asks for, in seconds or as a date; RFC 9110, 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}
