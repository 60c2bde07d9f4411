#![doc = include_str!("../README.md")]

mod database;
mod delivery;
mod failure;
pub mod http;
mod job;
mod observer;
mod runner;
mod secret;
mod upload;

#[cfg(feature = "mysql")]
pub use database::mysql_rows;
pub use database::{Database, Execution, Query, QueryPhase, QueryProgress, StreamingDatabase};
pub use failure::{Failure, FailureCause};
pub use job::{Destination, Job, JobLimits, Outcome, Stop, UploadMode, UrlRewriteColumns};
pub use observer::{JobObserver, Stage};
pub use runner::JobRunner;
pub use secret::Secret;
pub use upload::{UploadPolicy, Uploader};
