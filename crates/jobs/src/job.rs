//! Jobs, and the resources that they may use.

use std::time::Duration;

use taploom_format::{EncoderSpec, Resources};
use taploom_pipeline::Encoded;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::database::{Query, RowRequest, UserTable};
use crate::failure::Failure;
use crate::secret::Secret;

/// A query, and what becomes of its result.
pub struct Job<'a> {
    /// The name of the job in the log.
    pub id: String,
    /// Makes the query, whenever it is submitted. The text of one of a thousand columns need not be held while it runs.
    pub query: Box<dyn Fn() -> Result<Query, Failure> + Send + Sync + 'a>,
    /// Tables of the user, which are in the database while the query runs.
    pub tables: Vec<UserTable>,
    /// The id of the query in the database if another process has submitted it. It is submitted again if the database
    /// does not know it any more.
    pub resume: Option<String>,
    /// The time limit of the job, without the time that it waits for room beside other jobs, and without the upload of a
    /// spooled result. By default [`JobLimits::timeout`].
    pub timeout: Option<Duration>,
    /// Time that another worker has used before.
    pub used: Duration,
    /// How often the rows may be begun, if the database goes away each time while they are read: three times at most, which
    /// is also the default.
    pub attempts: Option<u32>,
    /// Makes the request for the result, once the query has ended: a description of a thousand columns need not be held
    /// before. It is called again if the query has to be begun again.
    pub result: Box<dyn Fn() -> Result<ResultRequest, Failure> + Send + Sync + 'a>,
}

/// The format of a result, and where it goes.
#[derive(Debug, Clone)]
pub struct ResultRequest {
    /// The columns of the result, by position.
    pub rows: RowRequest,
    /// The format. The runner sets memory, threads and scratch from its [`JobLimits`].
    pub format: EncoderSpec,
    /// Columns whose URLs are rewritten.
    pub url_rewrite: Option<UrlRewriteColumns>,
    /// Maximum number of rows (TAP MAXREC). With more rows, the result says OVERFLOW.
    pub maxrec: Option<u64>,
    /// The destination of the result.
    pub destination: Destination,
}

/// Columns whose URLs are rewritten.
#[derive(Debug, Clone)]
pub struct UrlRewriteColumns {
    /// The base of the rewritten URLs.
    pub base: Url,
    /// The positions of the columns.
    pub columns: Vec<usize>,
}

/// The place of a result.
#[derive(Debug, Clone)]
pub struct Destination {
    /// An `http` or `https` URL that takes one PUT and may hold a signature; where the [uploader](crate::Uploader) has
    /// them, `s3://BUCKET/KEY`, or the `file` URL of a file in a folder of this machine.
    pub url: Secret<Url>,
    /// The media type that is sent to the store.
    pub content_type: String,
}

/// The resources that jobs may use, and how their results are sent.
#[derive(Debug, Clone, Default)]
pub struct JobLimits {
    /// The memory and threads of each job's encoder, and the disk on which all jobs together keep their
    /// results and their encoders' temporary files.
    pub resources: Resources,
    /// Disk limit for the result and the temporary files of one job, in bytes. No limit by default.
    pub scratch_per_job: Option<u64>,
    /// The size at which a result ends, in bytes. It then says OVERFLOW, as with more rows than MAXREC; in a format that
    /// can't say so, the job fails. A result may exceed it by a batch of rows and half a MiB. No limit by default.
    pub max_bytes: Option<u64>,
    /// How results are sent.
    pub upload: UploadMode,
    /// The time limit of jobs without a separate limit. Unlimited by default.
    pub timeout: Option<Duration>,
    /// Maximum number of rows of a batch; by default the rows that fit in about 2 MiB.
    pub batch_rows: Option<usize>,
}

/// Whether a result is kept on disk before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadMode {
    /// The result is encoded into a scratch file, then sent with its length. A failed upload is repeated.
    #[default]
    Spooled,
    /// The result is sent in chunks while it is encoded. A failed upload ends the job.
    Chunked,
}

impl JobLimits {
    /// The resources of one job. Its files count against its own limit and against the common limit
    /// of all jobs.
    pub(crate) fn resources_of_a_job(&self) -> Resources {
        let scratch = &self.resources.scratch;
        let scratch = scratch.limited_to(self.scratch_per_job.unwrap_or(u64::MAX));
        self.resources.clone().with_scratch(scratch)
    }

    /// Maximum number of rows of a batch with this number of columns: about 2 MiB at 8 bytes per cell,
    /// so that a batch of a wide result does not take too much memory.
    pub fn batch_rows(&self, columns: usize) -> usize {
        self.batch_rows.unwrap_or_else(|| ((2 << 20) / (8 * columns.max(1))).clamp(64, 2000))
    }
}

/// Tokens to stop a job from outside.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Aborts the job, because nobody wants its result any more: it ends as [`Outcome::Aborted`].
    pub abort: CancellationToken,
    /// Hands the job over to another worker: the observer is not called any more. A query that can be resumed goes on.
    pub hand_over: CancellationToken,
    /// The same, unless the rows of the job are being read: a job that is nearly done is finished here.
    pub hand_over_query: CancellationToken,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The result is stored.
    Completed(Encoded),
    /// The job failed and has no result.
    Failed(Failure),
    /// The job was aborted and has no result.
    Aborted,
    /// Another worker will run the job. The end was not reported to the observer.
    HandedOver,
}
