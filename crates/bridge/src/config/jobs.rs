//! The number of jobs of a worker, and their resources.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::check::seconds;

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
