//! The interface that reports the steps of a job.

use std::io;
use std::time::Duration;

use async_trait::async_trait;

use crate::database::QueryProgress;
use crate::job::Outcome;

/// Receives the steps of one job, in order.
///
/// A service implements it to publish status messages and to count jobs. [`ended`](Self::ended) is
/// called last and exactly once, unless the job is handed over or an earlier call fails.
#[async_trait]
pub trait JobObserver: Send {
    /// The database has accepted the query, under this name. Called again if the query is begun again because the database
    /// went away.
    fn submitted(&mut self, execution_id: String);

    /// The query has made progress or has ended.
    ///
    /// # Errors
    /// The progress can't be published. The job then ends with that error, and has to be run again.
    async fn progress(&mut self, progress: &QueryProgress) -> io::Result<()>;

    /// The query has ended, and its rows will be read now. A process that dies after this leaves a query whose rows may
    /// be gone.
    ///
    /// # Errors
    /// This can't be published. The job then ends with that error, and has to be run again.
    async fn reads_rows(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The job ended. Never called with [`Outcome::HandedOver`].
    ///
    /// # Errors
    /// The end can't be published. The job then has to be run again, because its end is not known
    /// to anyone else.
    async fn ended(&mut self, outcome: &Outcome) -> io::Result<()>;

    /// A stage of the job has ended. Reports its duration and the format.
    fn took(&mut self, _stage: Stage, _format: &'static str, _time: Duration) {}

    /// The store has refused the result temporarily, and the upload will be repeated.
    fn upload_retried(&mut self) {}
}

/// A stage of a job whose time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// From the submission until the rows can be read.
    Query,
    /// From the first row to the end of the scratch file.
    Encode,
    /// From the scratch file to the answer of the store.
    Upload,
    /// Encoding and upload together, if the result is sent while it is encoded.
    EncodeAndUpload,
}

impl Stage {
    /// The name of the stage in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Encode => "encode",
            Self::Upload => "upload",
            Self::EncodeAndUpload => "encode and upload",
        }
    }
}
