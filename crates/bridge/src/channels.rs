//! Channels for statuses where there is no Kafka.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use taploom_jobs::{Failure, Secret, http};
use tokio::sync::oneshot;
use tracing::warn;
use url::Url;

use crate::outlet::{Outlet, StatusesInOrder};

/// A channel that takes statuses as JSON.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StatusChannel {
    /// Standard output, a line for each status.
    Lines,
    /// A URL, with a POST for each status.
    Posts(StatusPosts),
}

/// Sends statuses to a URL, each as the body of a POST.
///
/// A final status is sent up to five times, with 1 to 8 seconds between the attempts; another one is sent once. An answer
/// that is not 2xx is a failure, and redirections are not followed.
#[derive(Debug, Clone)]
pub struct StatusPosts {
    client: Client,
    url: Secret<Url>,
}

/// Attempts to send a final status.
const ATTEMPTS: usize = 5;

/// Time limit for an attempt.
const LIMIT: Duration = Duration::from_secs(30);

impl StatusChannel {
    /// `-` for standard output, or an http or https URL.
    ///
    /// # Errors
    /// Neither of them. The message does not repeat the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text == "-" {
            return Ok(Self::Lines);
        }
        match Url::parse(text) {
            Ok(url) if http::is_web(&url) => StatusPosts::new(Secret::new(url)).map(Self::Posts),
            _ => Err(Failure::invalid(
                "statuses go to - (standard output) or to an http or https URL",
            )),
        }
    }

    /// The statuses of one job on their way to this channel.
    pub fn of_job(&self) -> StatusesInOrder {
        Outlet::new(self.clone()).of_job()
    }

    /// Sends a status that is JSON already.
    pub(crate) async fn send(&self, status: Vec<u8>, is_final: bool) -> io::Result<()> {
        match self {
            Self::Lines => line(status).await,
            Self::Posts(posts) => posts.send(status, is_final).await,
        }
    }
}

/// Does what may block, such as work on files, apart from the threads of the runtime.
#[cfg(feature = "worker")]
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|defect| Err(io::Error::other(defect)))
}

/// A line for standard output, and where to say whether it was written.
type Line = (Vec<u8>, oneshot::Sender<io::Result<()>>);

/// Writes a line to standard output, after those that were asked for before.
///
/// One thread of its own writes them all: whoever reads standard output may have stopped, and a thread of the runtime for
/// each job that waits for it would leave none for other work.
async fn line(status: Vec<u8>) -> io::Result<()> {
    static LINES: OnceLock<Sender<Line>> = OnceLock::new();

    let lines = LINES.get_or_init(|| {
        let (lines, asked) = mpsc::channel();
        // Without the thread, `asked` is dropped, and every line is an error.
        let _ = thread::Builder::new().name("statuses".to_owned()).spawn(move || write_all(&asked));
        lines
    });
    let no_writer = || io::Error::other("no thread can be started for it");
    let (written, answer) = oneshot::channel();
    lines.send((status, written)).map_err(|_| no_writer())?;
    answer.await.unwrap_or_else(|_| Err(no_writer()))
}

fn write_all(asked: &Receiver<Line>) {
    for (mut line, written) in asked {
        line.push(b'\n');
        let mut stdout = io::stdout().lock();
        // Nobody may wait for the answer any more.
        let _ = written.send(stdout.write_all(&line).and_then(|()| stdout.flush()));
    }
}

impl StatusPosts {
    /// Sends statuses to a URL.
    ///
    /// # Errors
    /// The certificates of the system can't be read.
    pub fn new(url: Secret<Url>) -> Result<Self, Failure> {
        Ok(Self { client: http::client(Duration::from_secs(10), None)?, url })
    }

    async fn send(&self, status: Vec<u8>, is_final: bool) -> io::Result<()> {
        let times = if is_final { ATTEMPTS - 1 } else { 0 };
        let mut delays = ExponentialBuilder::default().with_max_times(times).build();
        loop {
            let Err(problem) = self.attempt(status.clone()).await else { return Ok(()) };
            let Some(delay) = delays.next() else {
                return Err(io::Error::other(format!("a status could not be sent: {problem}")));
            };
            warn!("a final status could not be sent, retrying: {problem}");
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(&self, status: Vec<u8>) -> Result<(), String> {
        let request = self
            .client
            .post(self.url.expose().clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .timeout(LIMIT)
            .body(status);
        let response = request.send().await.map_err(http::one_line)?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the answer is {status}")),
        }
    }
}
