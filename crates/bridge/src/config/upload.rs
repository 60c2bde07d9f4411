//! How results are stored: the attempts of an upload, and the stores that are open to it.

use std::path::PathBuf;

use bytesize::ByteSize;
use serde::Deserialize;
use taploom_jobs::{Secret, UploadMode, UploadPolicy};
use url::Url;

use super::outage_seconds;

/// How results are stored.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadConfig {
    /// `spooled` or `chunked`.
    pub mode: UploadMode,
    /// Number of attempts to send a spooled result [default: 5].
    pub attempts: usize,
    /// Time for which a store that is away is tried again, after these attempts too, in seconds [default: 600].
    pub outage_seconds: f64,
    /// Delay before the second attempt, in seconds; it doubles before each further one [default: 1].
    pub first_delay_seconds: f64,
    /// Longest delay between two attempts, in seconds [default: 60].
    pub longest_delay_seconds: f64,
    /// Time limit for a connection to be made, in seconds [default: 10].
    pub connect_timeout_seconds: f64,
    /// Time after which an attempt fails if the store neither takes bytes nor answers, in seconds [default: 60].
    pub idle_timeout_seconds: f64,
    /// The proxy on the way to the store, and to tables of users [default: none, and HTTP_PROXY is not obeyed].
    pub proxy: Option<Secret<Url>>,
    /// Folder for results that wait for the store [default: the system's temporary folder].
    pub scratch_dir: PathBuf,
    /// Disk limit for one result [default: no limit].
    pub scratch_per_job: Option<ByteSize>,
    /// The only hosts to which results are sent; `*.example.org` stands for all hosts below [default: all].
    pub hosts: Option<Vec<String>>,
    /// Folder for results whose destination is a `file` URL below it [default: none].
    pub folder: Option<PathBuf>,
    /// The S3 for results whose destination is `s3://BUCKET/KEY` [default: none].
    pub s3: Option<S3Config>,
}

/// An S3, and the keys of this worker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// The URL of the service, without the bucket.
    pub endpoint: Url,
    /// The region [default: us-east-1].
    #[serde(default = "region")]
    pub region: String,
    /// Whether the bucket is in the path of URLs and not in the name of the host [default: false].
    #[serde(default)]
    pub path_style: bool,
    /// The id of the access key.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: Secret<String>,
    /// The token of temporary keys.
    pub session_token: Option<Secret<String>>,
    /// Size of the parts of results that are larger than one part [default: 64 MiB].
    #[serde(default = "part_size")]
    pub part_size: ByteSize,
}

impl Default for UploadConfig {
    fn default() -> Self {
        let UploadPolicy {
            attempts,
            outage: _,
            first_delay,
            longest_delay,
            connect_timeout,
            idle_timeout,
            proxy,
        } = UploadPolicy::default();
        Self {
            mode: UploadMode::default(),
            attempts,
            outage_seconds: outage_seconds(),
            first_delay_seconds: first_delay.as_secs_f64(),
            longest_delay_seconds: longest_delay.as_secs_f64(),
            connect_timeout_seconds: connect_timeout.as_secs_f64(),
            idle_timeout_seconds: idle_timeout.as_secs_f64(),
            proxy,
            scratch_dir: std::env::temp_dir(),
            scratch_per_job: None,
            hosts: None,
            folder: None,
            s3: None,
        }
    }
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn part_size() -> ByteSize {
    ByteSize::mib(64)
}
