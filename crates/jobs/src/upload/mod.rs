//! Stores results, and repeats what may succeed later.
//!
//! The scheme of a destination decides how: at a signed `https` URL with one HTTP PUT, in S3 (`s3`) with the keys of the
//! service and in parts if the result is large, or in a folder of this machine (`file`). The last two are refused unless
//! whoever runs the service has allowed them.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use bytes::Bytes;
use futures::Stream;
use reqwest::Client;
use taploom_scratch::ScratchReader;
use tokio::task::spawn_blocking;
use tracing::warn;
use url::Url;

use crate::chores::Chores;
use crate::failure::{Failure, FailureCause};
use crate::http::{Hosts, client, is_web};
use crate::job::Destination;
use crate::observer::JobObserver;
use crate::secret::Secret;
pub(crate) use crate::upload::folder::ResultFile;
pub use crate::upload::folder::ResultFolder;
use crate::upload::put::{Again, Problem, Put};
#[cfg(feature = "s3")]
pub use crate::upload::s3::S3Options;
#[cfg(feature = "s3")]
use crate::upload::s3::{Object, S3, Store};

mod folder;
mod pulse;
mod put;
#[cfg(feature = "s3")]
mod s3;
mod waiting_result;

/// How results are sent.
#[derive(Debug, Clone)]
pub struct UploadPolicy {
    /// Number of attempts of each request, the first included.
    pub attempts: usize,
    /// Time for which a store that is away is waited for. Until then there may be more attempts. None by default.
    pub outage: Duration,
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
            outage: Duration::ZERO,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            proxy: None,
        }
    }
}

/// Stores results: at signed URLs, and where whoever runs the service allows it, in S3 and in a folder.
#[derive(Debug, Clone)]
pub struct Uploader {
    client: Client,
    policy: UploadPolicy,
    hosts: Option<Hosts>,
    folder: Option<ResultFolder>,
    #[cfg(feature = "s3")]
    s3: Option<S3>,
    /// Uploads that are being aborted.
    chores: Chores,
}

/// The place that a destination stands for.
pub(crate) enum Place {
    /// A signed URL.
    Url,
    /// A file that gets its name when it is complete.
    File(ResultFile),
    /// An object that is written with the keys of the service.
    #[cfg(feature = "s3")]
    Object(Box<Object>),
}

impl Uploader {
    /// An uploader over HTTP/1.1 that trusts the certificates of the system.
    ///
    /// # Errors
    /// The certificates of the system can't be read, or the proxy can't be used.
    pub fn new(policy: UploadPolicy) -> Result<Self, Failure> {
        let client = client(policy.connect_timeout, policy.proxy.as_ref())?;
        Ok(Self {
            client,
            policy,
            hosts: None,
            folder: None,
            #[cfg(feature = "s3")]
            s3: None,
            chores: Chores::default(),
        })
    }

    /// Sends results to these hosts only. `*.example.org` stands for all hosts below `example.org`. By default, results
    /// are sent wherever a job says, so whoever sends jobs can make this machine send requests to any other.
    #[must_use]
    pub fn with_hosts(self, hosts: impl IntoIterator<Item = String>) -> Self {
        Self { hosts: Some(Hosts::new(hosts)), ..self }
    }

    /// Stores results in a folder, at destinations such as `file:///results/uws1.parquet`.
    #[must_use]
    pub fn with_folder(self, folder: ResultFolder) -> Self {
        Self { folder: Some(folder), ..self }
    }

    /// Stores results in S3, at destinations such as `s3://bucket/uws1.parquet`.
    ///
    /// # Errors
    /// The endpoint can't be used.
    #[cfg(feature = "s3")]
    pub fn with_s3(self, options: S3Options) -> Result<Self, Failure> {
        Ok(Self { s3: Some(S3::new(options)?), ..self })
    }

    /// Finds the place of a destination.
    ///
    /// # Errors
    /// [`FailureCause::InvalidRequest`] if results are not to be stored there. The message is the end of a sentence that
    /// begins with the name of the member that gives the destination.
    pub(crate) async fn place(&self, target: &Destination) -> Result<Place, Failure> {
        let url = target.url.expose();
        match url.scheme() {
            _ if is_web(url) => match &self.hosts {
                Some(hosts) if !hosts.hold(url) => Err(Failure::invalid(
                    "results are not sent to this host: it is not in the list of hosts of this service",
                )),
                _ => Ok(Place::Url),
            },
            "file" => match &self.folder {
                Some(folder) => {
                    // The file system may be slow, or hang.
                    let (folder, url) = (folder.clone(), url.clone());
                    let found = spawn_blocking(move || folder.file(&url)).await;
                    found.unwrap_or_else(|_| Err(Failure::defect())).map(Place::File)
                }
                None => Err(Failure::invalid(
                    "this service has no folder for results: give an https URL that takes a PUT",
                )),
            },
            #[cfg(feature = "s3")]
            "s3" => match &self.s3 {
                Some(s3) => s3.object(url).map(|object| Place::Object(Box::new(object))),
                None => Err(Failure::invalid(
                    "this service has no keys for S3: give an https URL that takes a PUT",
                )),
            },
            _ => Err(Failure::invalid("it is not an http or https URL")),
        }
    }

    /// Sends a scratch file with its length, and repeats that as often as the policy allows.
    pub(crate) async fn send_file(
        &self,
        target: &Destination,
        file: &ScratchReader,
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let mut retries = Retries::new(&self.policy);
        let whole = 0..file.len();
        loop {
            let put = self.put(target).with_length(file.len());
            match put.send(waiting_result::read(file, whole.clone())).await {
                Ok(_) => return Ok(()),
                Err(problem) => retries.after(problem, observer).await?,
            }
        }
    }

    /// Sends bytes as they are made, once. If `bytes` ends with an error, the request is broken off, so that
    /// the store does not store an incomplete result.
    pub(crate) async fn send_stream(
        &self,
        target: &Destination,
        bytes: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), Failure> {
        let sent = self.put(target).send(bytes).await;
        sent.map(drop).map_err(|problem| failed(&problem.what))
    }

    /// Sends a scratch file to S3, in parts if it is large.
    #[cfg(feature = "s3")]
    pub(crate) async fn send_object(
        &self,
        object: &Object,
        content_type: &str,
        file: &ScratchReader,
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let store = Store { client: &self.client, policy: &self.policy, chores: &self.chores };
        s3::send(store, object, content_type, file, observer).await
    }

    /// Waits until the store has been told that uploads in parts are aborted.
    pub(crate) async fn rest(&self) {
        self.chores.rest().await;
    }

    fn put<'a>(&'a self, target: &'a Destination) -> Put<'a> {
        Put::new(&self.client, target.url.expose().clone(), self.policy.idle_timeout)
            .with_content_type(&target.content_type)
    }
}

/// The attempts of one request.
struct Retries<'a> {
    policy: &'a UploadPolicy,
    since: Instant,
    made: usize,
    delays: ExponentialBackoff,
}

impl<'a> Retries<'a> {
    fn new(policy: &'a UploadPolicy) -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.longest_delay)
            .without_max_times()
            .with_jitter()
            .build();
        Self { policy, since: Instant::now(), made: 0, delays }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// There must be no further attempt.
    async fn after(
        &mut self,
        problem: Problem,
        observer: &mut dyn JobObserver,
    ) -> Result<(), Failure> {
        let Problem { what, again } = problem;
        let Again::After(asked) = again else { return Err(failed(&what)) };
        self.made += 1;
        let longest = self.policy.longest_delay;
        if self.made >= self.policy.attempts && self.since.elapsed() >= self.policy.outage {
            return Err(failed(&format!("{what}, at attempt {0} of {0}", self.made)));
        }
        // Without a maximum number of times there is always another delay.
        let delay = self.delays.next().unwrap_or(longest);
        let delay = asked.map_or(delay, |asked| delay.max(asked.min(longest)));
        warn!(problem = what, seconds = delay.as_secs_f64(), "the upload is tried again");
        observer.upload_retried();
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// The failure of a result that can't be stored.
pub(crate) fn failed(what: &str) -> Failure {
    Failure::new(FailureCause::UploadFailed, format!("the result could not be stored: {what}"))
}
