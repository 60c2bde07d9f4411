#![doc = include_str!("../README.md")]

#[cfg(feature = "worker")]
mod attempt;
mod bridge;
mod channels;
#[cfg(feature = "worker")]
mod config;
#[cfg(feature = "worker")]
mod done;
mod envelope;
mod format;
#[cfg(feature = "worker")]
mod lanes;
mod lock;
mod message;
mod metrics;
#[cfg(feature = "worker")]
mod observe;
mod outlet;
#[cfg(feature = "worker")]
mod owners;
mod packed;
#[cfg(feature = "mysql")]
mod qserv;
mod report;
#[cfg(feature = "worker")]
mod spool;
mod status;
#[cfg(feature = "kafka")]
mod worker;

pub use bridge::{Bridge, Earlier};
pub use channels::{StatusChannel, StatusPosts};
#[cfg(feature = "worker")]
pub use config::{
    Config, DatabaseConfig, JobsConfig, KafkaConfig, LogFormat, ObserveConfig, QservConfig,
    ResultsConfig, S3Config, TablesConfig, UploadConfig,
};
pub use format::Formats;
pub use message::{
    ColumnType, Format, JobDelete, JobRun, Metadata, Rejected, ResultFormat, UploadTable,
};
pub use metrics::Metrics;
#[cfg(feature = "worker")]
pub use observe::{Observed, serve};
pub use outlet::StatusesInOrder;
pub use packed::Packed;
#[cfg(feature = "mysql")]
pub use qserv::{Qserv, QservOptions};
#[cfg(feature = "worker")]
pub use spool::SpoolWorker;
pub use status::{Chunks, ErrorInfo, JobStatus, Phase, QueryInfo, ResultInfo, Statuses};
pub use taploom_jobs as jobs;
#[cfg(feature = "kafka")]
pub use worker::Worker;
