//! The settings of a worker: a TOML file, overridden by environment variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
#[cfg(feature = "kafka")]
use rdkafka::ClientConfig;
use serde::Deserialize;
use serde_json::Value;
use taploom_jobs::{Secret, UploadMode, UploadPolicy};
use url::Url;

mod build;

/// The prefix of environment variables. Two underscores separate section and key: `TAPLOOM__DATABASE__URL`.
const PREFIX: &str = "TAPLOOM__";

/// The largest number of places in a lane.
const MOST_PLACES: usize = 10_000;

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

/// The Kafka cluster that jobs come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `HOST:PORT` of the brokers, separated by commas.
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
    /// Further settings of librdkafka, such as `security.protocol` and `sasl.username`.
    #[serde(default)]
    pub properties: BTreeMap<String, Secret<String>>,
    /// A unique name of this worker. By default made of the host name, the process id and the time.
    #[serde(default = "worker")]
    pub worker: String,
}

/// The database in which queries run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE?...`, `postgres://...` likewise, or `sqlite:FILE`. For a Qserv, the
    /// MySQL server that gives the rows.
    pub url: Secret<String>,
    /// Time for which a database that is away is waited for, in seconds [default: 600].
    #[serde(default = "outage_seconds")]
    pub outage_seconds: f64,
    /// The REST service, if the database is a Qserv.
    pub qserv: Option<QservConfig>,
}

/// The REST service of a Qserv.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QservConfig {
    /// The base URL.
    pub url: Url,
    /// The user, if the service requires a login.
    pub user: Option<String>,
    /// The password of that user.
    pub password: Option<Secret<String>>,
    /// The API version that requests name [default: none].
    pub api_version: Option<u32>,
    /// The SQL that reads the rows; `{id}` stands for the id of the query.
    pub rows_query: Option<String>,
    /// Interval at which progress is polled at first, in seconds; it grows with the time that the query takes [default: 1].
    pub poll_seconds: Option<f64>,
    /// Maximum number of attempts of a request [default: 3].
    pub attempts: Option<usize>,
    /// Time limit for an answer, in seconds [default: 30].
    pub timeout_seconds: Option<f64>,
    /// Whether a result is deleted from Qserv after it is stored [default: true].
    pub delete_results: Option<bool>,
    /// Time limit for a table of a user to be taken, in seconds [default: 1800].
    pub table_seconds: Option<f64>,
}

/// The number of jobs, and their resources.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Number of jobs that a worker has at a time, most of them queries that run in the database [default: 1000].
    pub executing: usize,
    /// Number of jobs that one owner has in a worker at a time. Further ones end as quota_exceeded [default: no limit].
    pub per_owner: Option<usize>,
    /// How often the rows of a job are begun before the job fails, because the worker or the database ended each time
    /// [default: 10].
    pub attempts: u32,
    /// Number of jobs in the short lane that read rows at a time [default: 6].
    pub short: usize,
    /// Number of such jobs in the long lane [default: 2].
    pub long: usize,
    /// Time of reading after which a job moves to the long lane, in seconds [default: 30].
    pub long_after_seconds: f64,
    /// Memory of all encoders together [default: 256 MiB].
    pub memory: ByteSize,
    /// Memory of one encoder [default: 32 MiB].
    pub memory_per_job: ByteSize,
    /// Threads of one encoder [default: 1].
    pub threads: usize,
    /// Maximum number of rows of a batch [default: 2 MiB of numbers].
    pub batch_rows: Option<usize>,
    /// Time limit of a job whose message has none, in seconds [default: no limit].
    pub timeout_seconds: Option<f64>,
    /// Grace period for running jobs at shutdown, in seconds [default: 30].
    pub shutdown_grace_seconds: f64,
}

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

/// Where tables of users are read: at the URLs that a message names, through `upload.proxy` if there is one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TablesConfig {
    /// The only hosts from which tables are read; `*.example.org` stands for all hosts below [default: `upload.hosts`].
    pub hosts: Option<Vec<String>>,
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

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            executing: 1000,
            per_owner: None,
            attempts: 10,
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
    /// Reads a file; variables that begin with `TAPLOOM__` override it.
    ///
    /// # Errors
    /// A sentence that names the file or variable and the key, and says how to correct it.
    pub fn load(path: &Path) -> Result<Self, String> {
        let file = std::fs::metadata(path)
            .map_err(|error| format!("can't read {}: {error}", path.display()))?;
        if !file.is_file() {
            return Err(format!("{} is not a file", path.display()));
        }
        Self::of(&Figment::from(Toml::file_exact(path)).merge(environment()))
    }

    /// The default settings, for a database; variables that begin with `TAPLOOM__` override the defaults.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn for_database(url: &str) -> Result<Self, String> {
        Self::of(&Figment::from(environment()).merge(Serialized::default("database.url", url)))
    }

    fn of(settings: &Figment) -> Result<Self, String> {
        let config: Self = settings.extract().map_err(|error| {
            let all: Vec<String> = error.into_iter().map(without_values).collect();
            all.join("; ")
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let JobsConfig { executing, attempts, short, memory, memory_per_job, .. } = &self.jobs;
        let attempts = usize::try_from(*attempts).unwrap_or(usize::MAX);
        for (key, value) in [
            ("jobs.executing", *executing),
            ("jobs.per_owner", self.jobs.per_owner.unwrap_or(1)),
            ("jobs.attempts", attempts),
            ("jobs.short", *short),
            ("upload.attempts", self.upload.attempts),
        ] {
            if value == 0 {
                return Err(format!("{key} is 0; it must be at least 1"));
            }
        }
        for (key, value) in [("jobs.short", *short), ("jobs.long", self.jobs.long)] {
            if value > MOST_PLACES {
                return Err(format!("{key} is {value}; it must be at most {MOST_PLACES}"));
            }
        }
        if memory < memory_per_job {
            return Err(format!(
                "jobs.memory ({memory}) is less than jobs.memory_per_job ({memory_per_job}), so no job \
                 could run"
            ));
        }
        let qserv = self.database.qserv.as_ref();
        if let Some(qserv) = qserv {
            qserv.check()?;
        }
        for (key, value) in [
            ("database.outage_seconds", Some(self.database.outage_seconds)),
            ("database.qserv.poll_seconds", qserv.and_then(|qserv| qserv.poll_seconds)),
            ("database.qserv.table_seconds", qserv.and_then(|qserv| qserv.table_seconds)),
            ("database.qserv.timeout_seconds", qserv.and_then(|qserv| qserv.timeout_seconds)),
            ("jobs.long_after_seconds", Some(self.jobs.long_after_seconds)),
            ("jobs.timeout_seconds", self.jobs.timeout_seconds),
            ("jobs.shutdown_grace_seconds", Some(self.jobs.shutdown_grace_seconds)),
            ("upload.outage_seconds", Some(self.upload.outage_seconds)),
            ("upload.first_delay_seconds", Some(self.upload.first_delay_seconds)),
            ("upload.longest_delay_seconds", Some(self.upload.longest_delay_seconds)),
            ("upload.connect_timeout_seconds", Some(self.upload.connect_timeout_seconds)),
            ("upload.idle_timeout_seconds", Some(self.upload.idle_timeout_seconds)),
        ] {
            if value.is_some_and(|value| Duration::try_from_secs_f64(value).is_err()) {
                return Err(format!("{key} must be a number of seconds, 0 or more"));
            }
        }
        Ok(())
    }
}

impl QservConfig {
    fn check(&self) -> Result<(), String> {
        if self.user.is_some() != self.password.is_some() {
            return Err(
                "database.qserv: user and password are given together or not at all".to_owned()
            );
        }
        if self.poll_seconds == Some(0.0) {
            return Err("database.qserv.poll_seconds is 0; it must be more".to_owned());
        }
        if self.rows_query.as_ref().is_some_and(|query| !query.contains("{id}")) {
            return Err("database.qserv.rows_query must contain {id}, the place of the query's id"
                .to_owned());
        }
        Ok(())
    }
}

#[cfg(feature = "kafka")]
impl KafkaConfig {
    /// The settings that all Kafka clients of the worker share.
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

/// An error without the values of the settings, one of which may be a password.
fn without_values(mut error: figment::Error) -> String {
    use figment::error::Kind;
    if let Kind::MissingField(field) = &error.kind {
        let mut keys: Vec<&str> = error.path.iter().map(String::as_str).collect();
        keys.push(field);
        let variable = keys.join("__").to_uppercase();
        return format!(
            "{} is missing: give it in the file or as the variable {PREFIX}{variable}",
            keys.join(".")
        );
    }
    error.kind = match error.kind {
        // The parser of TOML quotes the line: `17 | url = ...`.
        Kind::Message(text) => {
            let is_quoted = |line: &&str| {
                let line = line.trim_start();
                line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
            };
            let lines: Vec<&str> = text.lines().filter(|line| !is_quoted(line)).collect();
            Kind::Message(lines.join(": "))
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            Kind::Message(format!("the value has to be {expected}"))
        }
        other => other,
    };
    error.to_string()
}

/// A duration. `check` has refused numbers that are not durations.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn outage_seconds() -> f64 {
    600.0
}

fn environment() -> Env {
    Env::prefixed(PREFIX).split("__")
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn part_size() -> ByteSize {
    ByteSize::mib(64)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    fn an_error_in_the_settings_shows_no_password() {
        let folder = std::env::temp_dir().join(format!("taploom-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("worker.toml");
        for (settings, said) in [
            ("[database]\nurl=mysql://u:SECRET@h/d\n", "line 2, column 5"),
            ("[database]\nurl=\"mysql://u:SECRET@h/d\n", "line 2"),
            ("database = \"SECRET\"\n", "the value has to be"),
        ] {
            std::fs::write(&path, settings).unwrap();
            let error = Config::load(&path).unwrap_err();
            assert!(error.contains(said) && !error.contains("SECRET"), "{error}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
