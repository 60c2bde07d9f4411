#![doc = include_str!("../README.md")]

mod bridge;
#[cfg(feature = "kafka")]
mod config;
mod envelope;
mod format;
mod message;
mod metrics;
mod packed;
#[cfg(feature = "mysql")]
mod qserv;
mod report;
mod status;
#[cfg(feature = "kafka")]
mod worker;

pub use bridge::{Bridge, Earlier};
#[cfg(feature = "kafka")]
pub use config::{
    Config, DatabaseConfig, JobsConfig, KafkaConfig, LogFormat, ObserveConfig, QservConfig,
    ResultsConfig, UploadConfig,
};
pub use format::Formats;
pub use message::{
    ColumnType, Format, JobDelete, JobRun, Metadata, Rejected, ResultFormat, UploadTable,
};
pub use metrics::Metrics;
pub use packed::Packed;
#[cfg(feature = "mysql")]
pub use qserv::{Qserv, QservOptions};
pub use status::{Chunks, ErrorInfo, JobStatus, Phase, QueryInfo, ResultInfo, Statuses};
pub use taploom_jobs as jobs;
#[cfg(feature = "kafka")]
pub use worker::{Worker, serve};
