//! The settings of a worker: a TOML file, overridden by environment variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytesize::ByteSize;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

pub use self::database::{DatabaseConfig, QservConfig};
pub use self::jobs::JobsConfig;
pub use self::kafka::KafkaConfig;
pub use self::upload::{S3Config, UploadConfig};

mod build;
mod check;
mod database;
mod jobs;
mod kafka;
mod load;
mod upload;

/// All settings. An unknown key is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The Kafka cluster that jobs come from. Not needed for jobs from a folder.
    pub kafka: Option<KafkaConfig>,
    /// The database in which queries run.
    pub database: DatabaseConfig,
    /// The number of jobs, and their resources.
    #[serde(default)]
    pub jobs: JobsConfig,
    /// How results are stored.
    #[serde(default)]
    pub upload: UploadConfig,
    /// Where tables of users are read.
    #[serde(default)]
    pub tables: TablesConfig,
    /// How results are written.
    #[serde(default)]
    pub results: ResultsConfig,
    /// Options of formats, by the id of the format.
    #[serde(default)]
    pub formats: BTreeMap<String, Value>,
    /// The log and the HTTP endpoints.
    #[serde(default)]
    pub observe: ObserveConfig,
}

/// Where tables of users are read: at the URLs that a message names, through `upload.proxy` if there is one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TablesConfig {
    /// The only hosts from which tables are read; `*.example.org` stands for all hosts below [default: `upload.hosts`].
    pub hosts: Option<Vec<String>>,
}

/// How results are written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResultsConfig {
    /// The base of rewritten URLs [default: the base in the message].
    pub datalink_url: Option<Url>,
    /// The accepted formats, such as `VOTable/BINARY2` and `Parquet` [default: all].
    pub accept: Option<Vec<String>>,
    /// Size at which a result ends with OVERFLOW; in a format that can't say so, the job fails [default: no limit].
    pub max_bytes: Option<ByteSize>,
}

/// The log and the HTTP endpoints.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObserveConfig {
    /// Address of `/metrics`, `/health` and `/live` [default: 127.0.0.1:9464].
    pub listen: SocketAddr,
    /// `text` or `json`.
    pub log: LogFormat,
    /// Filter of the log, in the syntax of RUST_LOG [default: info].
    pub filter: String,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for ObserveConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            log: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// The default of the time for which a database or a store that is away is waited for.
fn outage_seconds() -> f64 {
    600.0
}
