#![doc = include_str!("../README.md")]

#[cfg(feature = "kafka")]
mod config;
mod database;
mod envelope;
mod failure;
mod format;
mod job;
mod message;
mod metrics;
mod pipeline;
mod report;
mod secret;
mod status;
mod upload;
mod url_rewrite;
#[cfg(feature = "kafka")]
mod worker;

#[cfg(feature = "kafka")]
pub use config::{
    Config, DatabaseConfig, JobsConfig, KafkaConfig, LogFormat, ObserveConfig, QservConfig,
    ResultsConfig, UploadConfig,
};
pub use database::{Database, Execution, News, Plain, Query, QueryPhase};
#[cfg(feature = "mysql")]
pub use database::{Qserv, QservOptions};
pub use failure::{ErrorCode, Failure};
pub use format::Formats;
pub use job::{Bridge, JobLimits, Outcome, Stop};
pub use message::{ColumnType, Format, JobDelete, JobRun, Rejected, ResultFormat, UploadTable};
pub use metrics::Metrics;
pub use pipeline::{ScratchSpace, UploadMode};
pub use secret::Secret;
pub use status::{Chunks, JobStatus, Metadata, Phase, QueryInfo, ResultInfo, Statuses};
pub use upload::{UploadPolicy, Uploader};
pub use url_rewrite::UrlRewrite;
#[cfg(feature = "kafka")]
pub use worker::{Worker, serve};
