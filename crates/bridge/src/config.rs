//! The settings of a worker: a TOML file, and the environment over it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use rdkafka::ClientConfig;
use serde::Deserialize;
use serde_json::Value;
use taploom_format::EncoderRegistry;
use taploom_jobs::{
    Database, Failure, JobLimits, JobRunner, ScratchSpace, Secret, StreamingDatabase, UploadMode,
    UploadPolicy, Uploader,
};
use url::Url;

use crate::bridge::Bridge;
use crate::format::Formats;

/// What the names of variables begin with; two more underscores stand between section and key:
/// `TAPLOOM__DATABASE__URL`.
const PREFIX: &str = "TAPLOOM__";

/// All settings. A key that is not known is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where jobs come from.
    pub kafka: KafkaConfig,
    /// Where queries run.
    pub database: DatabaseConfig,
    /// How many jobs, and what they may use.
    #[serde(default)]
    pub jobs: JobsConfig,
    /// How results are stored.
    #[serde(default)]
    pub upload: UploadConfig,
    /// How results are written.
    #[serde(default)]
    pub results: ResultsConfig,
    /// Options of formats, by the id of the format.
    #[serde(default)]
    pub formats: BTreeMap<String, Value>,
    /// What others see of the worker.
    #[serde(default)]
    pub observe: ObserveConfig,
}

/// Where jobs come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Host and port of brokers, with commas between them.
    pub brokers: String,
    /// The consumer group. `qserv`.
    #[serde(default = "group")]
    pub group: String,
    /// `lsst.tap.job-run`.
    #[serde(default = "run_topic")]
    pub run_topic: String,
    /// `lsst.tap.job-delete`.
    #[serde(default = "delete_topic")]
    pub delete_topic: String,
    /// `lsst.tap.job-status`.
    #[serde(default = "status_topic")]
    pub status_topic: String,
    /// More settings of librdkafka: `security.protocol`, `sasl.username` and so on.
    #[serde(default)]
    pub properties: BTreeMap<String, Secret<String>>,
    /// A name that no other worker has. By default made of the host's, the process's and the time.
    #[serde(default = "worker")]
    pub worker: String,
}

/// Where queries run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE?...` or `sqlite:FILE`; for a Qserv, where its rows are
    /// read.
    pub url: Secret<String>,
    /// Makes it a Qserv.
    pub qserv: Option<QservConfig>,
}

/// The REST service of a Qserv.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QservConfig {
    /// Its base.
    pub url: Url,
    /// Where it wants a login.
    pub user: Option<String>,
    /// With its password.
    pub password: Option<Secret<String>>,
    /// The version of the interface that requests name. None.
    pub api_version: Option<u32>,
    /// The query for the rows, in which `{id}` is the query's number.
    pub rows_query: Option<String>,
    /// Seconds between two questions how far a query is. 1.
    pub poll_seconds: Option<f64>,
    /// Times that a question is asked at most. 3.
    pub attempts: Option<usize>,
    /// Seconds that an answer may take. 30.
    pub timeout_seconds: Option<f64>,
    /// Whether results are deleted once they are stored. Yes.
    pub delete_results: Option<bool>,
}

/// How many jobs, and what they may use.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Jobs at a time that have not run long. 6.
    pub short: usize,
    /// Jobs at a time that have. 2.
    pub long: usize,
    /// Seconds after which a job is long. 30.
    pub long_after_seconds: f64,
    /// Memory of all encoders together. 256 MiB.
    pub memory: ByteSize,
    /// Memory of one. 32 MiB.
    pub memory_per_job: ByteSize,
    /// Threads of one. 1.
    pub threads: usize,
    /// Rows of a batch at most. By default what takes 2 MiB of numbers.
    pub batch_rows: Option<usize>,
    /// Seconds that a job may take which does not say so itself. No limit.
    pub timeout_seconds: Option<f64>,
    /// Seconds that jobs have to come to an end when the worker is to stop. 30.
    pub shutdown_grace_seconds: f64,
}

/// How results are stored.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadConfig {
    /// `spooled` or `chunked`.
    pub mode: UploadMode,
    /// Times that a spooled result is sent at most. 5.
    pub attempts: usize,
    /// Seconds before the second attempt; twice as many before each that follows. 1.
    pub first_delay_seconds: f64,
    /// Seconds between two attempts at most. 60.
    pub longest_delay_seconds: f64,
    /// Seconds for a connection to stand. 10.
    pub connect_timeout_seconds: f64,
    /// Seconds that the store may take neither bytes nor answer. 60.
    pub idle_timeout_seconds: f64,
    /// Where results are kept until they are stored. The system's place for temporary files.
    pub scratch_dir: PathBuf,
    /// Disk that one result may take there. No limit.
    pub scratch_per_job: Option<ByteSize>,
}

/// How results are written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResultsConfig {
    /// The base of rewritten URLs. By default the message's own.
    pub datalink_url: Option<Url>,
    /// The formats that are served, as `VOTable/BINARY2` or `Parquet`. All.
    pub accept: Option<Vec<String>>,
}

/// What others see of the worker.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObserveConfig {
    /// Where `/metrics` and `/health` are answered. 127.0.0.1:9464.
    pub listen: SocketAddr,
    /// `text` or `json`.
    pub log: LogFormat,
    /// What is logged, as in RUST_LOG. `info`.
    pub filter: String,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            short: 6,
            long: 2,
            long_after_seconds: 30.0,
            memory: ByteSize::mib(256),
            memory_per_job: ByteSize::mib(32),
            threads: 1,
            batch_rows: None,
            timeout_seconds: None,
            shutdown_grace_seconds: 30.0,
        }
    }
}

impl Default for UploadConfig {
    fn default() -> Self {
        let UploadPolicy { attempts, first_delay, longest_delay, connect_timeout, idle_timeout } =
            UploadPolicy::default();
        Self {
            mode: UploadMode::default(),
            attempts,
            first_delay_seconds: first_delay.as_secs_f64(),
            longest_delay_seconds: longest_delay.as_secs_f64(),
            connect_timeout_seconds: connect_timeout.as_secs_f64(),
            idle_timeout_seconds: idle_timeout.as_secs_f64(),
            scratch_dir: std::env::temp_dir(),
            scratch_per_job: None,
        }
    }
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

impl Config {
    /// Reads a file, and the variables that begin with `TAPLOOM__` over it.
    ///
    /// # Errors
    /// A sentence that names the file or variable and the key, and says what would be right.
    pub fn load(path: &Path) -> Result<Self, String> {
        if !path.is_file() {
            return Err(format!("no such file: {}", path.display()));
        }
        let settings =
            Figment::from(Toml::file_exact(path)).merge(Env::prefixed(PREFIX).split("__"));
        let config: Self = settings.extract().map_err(|error| {
            let all: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
            all.join("; ")
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let JobsConfig { short, memory, memory_per_job, .. } = &self.jobs;
        if *short == 0 {
            return Err("jobs.short is 0; one job at a time is the least".to_owned());
        }
        if memory < memory_per_job {
            return Err(format!(
                "jobs.memory is {memory} and jobs.memory_per_job is {memory_per_job}: not even one job \
                 could run"
            ));
        }
        for (key, value) in [
            ("jobs.long_after_seconds", Some(self.jobs.long_after_seconds)),
            ("jobs.timeout_seconds", self.jobs.timeout_seconds),
            ("jobs.shutdown_grace_seconds", Some(self.jobs.shutdown_grace_seconds)),
            ("upload.first_delay_seconds", Some(self.upload.first_delay_seconds)),
            ("upload.longest_delay_seconds", Some(self.upload.longest_delay_seconds)),
            ("upload.connect_timeout_seconds", Some(self.upload.connect_timeout_seconds)),
            ("upload.idle_timeout_seconds", Some(self.upload.idle_timeout_seconds)),
        ] {
            if value.is_some_and(|value| Duration::try_from_secs_f64(value).is_err()) {
                return Err(format!("{key} is no number of seconds"));
            }
        }
        Ok(())
    }

    /// The bridge that they describe.
    ///
    /// # Errors
    /// A format that the registry does not have or that has no such option, a database URL that is
    /// malformed, settings that contradict each other.
    pub fn bridge(&self, registry: EncoderRegistry) -> Result<Bridge, Failure> {
        let invalid = |error: taploom_format::Error| Failure::invalid(error.to_string());
        let mut formats =
            Formats::new(registry).with_defaults(self.formats.clone()).map_err(invalid)?;
        if let Some(accepted) = &self.results.accept {
            formats = formats.accepting(accepted.clone());
        }
        let upload = &self.upload;
        let uploader = Uploader::new(UploadPolicy {
            attempts: upload.attempts,
            first_delay: seconds(upload.first_delay_seconds),
            longest_delay: seconds(upload.longest_delay_seconds),
            connect_timeout: seconds(upload.connect_timeout_seconds),
            idle_timeout: seconds(upload.idle_timeout_seconds),
        })?;
        let limits = JobLimits {
            memory_budget: usize::try_from(self.jobs.memory_per_job.as_u64()).unwrap_or(usize::MAX),
            threads: self.jobs.threads,
            scratch: ScratchSpace {
                folder: upload.scratch_dir.clone(),
                budget: upload.scratch_per_job.map_or(u64::MAX, |size| size.as_u64()),
            },
            upload: upload.mode,
            timeout: self.jobs.timeout_seconds.map(seconds),
            batch_rows: self.jobs.batch_rows,
        };
        let runner = JobRunner::new(self.database.open()?, uploader, limits)?;
        Ok(Bridge::new(formats, runner).with_datalink_url(self.results.datalink_url.clone()))
    }
}

impl DatabaseConfig {
    fn open(&self) -> Result<Arc<dyn Database>, Failure> {
        let invalid =
            |error: taploom_format::Error| Failure::invalid(format!("database.url: {error}"));
        let url = self.url.expose();
        match &self.qserv {
            None => Ok(Arc::new(StreamingDatabase::new(url).map_err(invalid)?)),
            #[cfg(not(feature = "mysql"))]
            Some(_) => Err(Failure::invalid("database.qserv: built without MySQL")),
            #[cfg(feature = "mysql")]
            Some(qserv) => {
                use crate::qserv::{Qserv, QservOptions};
                let rows = url.parse().map_err(invalid)?;
                let mut options = QservOptions::new(qserv.url.clone(), rows);
                let QservConfig { user, password, api_version, .. } = qserv.clone();
                options.rest_login = user.zip(password);
                options.api_version = api_version;
                if let Some(query) = &qserv.rows_query {
                    options.rows_query.clone_from(query);
                }
                options.poll = qserv.poll_seconds.map_or(options.poll, seconds);
                options.timeout = qserv.timeout_seconds.map_or(options.timeout, seconds);
                options.attempts = qserv.attempts.unwrap_or(options.attempts);
                options.delete_results = qserv.delete_results.unwrap_or(options.delete_results);
                Ok(Arc::new(Qserv::new(options)?))
            }
        }
    }
}

impl KafkaConfig {
    /// What all clients of the worker have in common.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers).set("client.id", &self.worker);
        for (name, value) in &self.properties {
            client.set(name, value.expose());
        }
        client
    }

    pub(crate) fn delete_group(&self) -> String {
        format!("{}-delete-{}", self.group, self.worker)
    }
}

impl JobsConfig {
    pub(crate) fn long_after(&self) -> Duration {
        seconds(self.long_after_seconds)
    }

    pub(crate) fn shutdown_grace(&self) -> Duration {
        seconds(self.shutdown_grace_seconds)
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory.as_u64()
    }
}

/// Numbers that are none have been refused.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn group() -> String {
    "qserv".to_owned()
}

fn run_topic() -> String {
    "lsst.tap.job-run".to_owned()
}

fn delete_topic() -> String {
    "lsst.tap.job-delete".to_owned()
}

fn status_topic() -> String {
    "lsst.tap.job-status".to_owned()
}

fn worker() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "worker".to_owned());
    format!("{host}-{}-{}", std::process::id(), crate::status::now())
}
