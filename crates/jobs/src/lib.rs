#![doc = include_str!("../README.md")]

mod chores;
mod clock;
mod database;
mod delivery;
mod endings;
mod failure;
mod gate;
pub mod http;
mod job;
mod max_bytes;
mod observer;
mod runner;
mod secret;
mod upload;

#[cfg(feature = "mysql")]
pub use database::mysql_rows;
#[cfg(feature = "postgres")]
pub use database::postgres_rows;
pub use database::{
    Database, Execution, Partitioning, Query, QueryPhase, QueryProgress, RowRequest,
    StreamingDatabase, UserTable,
};
pub use failure::{Failure, FailureCause};
pub use gate::{Gate, Pass};
pub use job::{
    Destination, Job, JobLimits, Outcome, ResultRequest, Stop, UploadMode, UrlRewriteColumns,
};
pub use observer::{JobObserver, Stage};
pub use runner::JobRunner;
pub use secret::Secret;
#[cfg(feature = "s3")]
pub use upload::S3Options;
pub use upload::{ResultFolder, UploadPolicy, Uploader};
