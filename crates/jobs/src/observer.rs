//! Who is told how a job goes.

use std::io;
use std::time::Duration;

use async_trait::async_trait;

use crate::database::QueryProgress;
use crate::job::Outcome;

/// Is told of the steps of one job, in order.
///
/// A service publishes status messages from here, and counts. [`ended`](Self::ended) is called last and
/// exactly once, unless the job is handed over or an earlier call fails.
#[async_trait]
pub trait JobObserver: Send {
    /// The database has the query, under this name.
    fn submitted(&mut self, execution_id: String);

    /// The query made progress, or came to its end.
    ///
    /// # Errors
    /// The progress can't be published. The job then ends with that error, and has to be run again.
    async fn progress(&mut self, progress: &QueryProgress) -> io::Result<()>;

    /// The job ended. Never called with [`Outcome::HandedOver`].
    ///
    /// # Errors
    /// The end can't be published. Nobody knows then how the job ended, and it has to be run again.
    async fn ended(&mut self, outcome: &Outcome) -> io::Result<()>;

    /// A stage of the job took this long, with this format.
    fn took(&mut self, _stage: Stage, _format: &'static str, _time: Duration) {}

    /// The store refused the result for now; the upload is tried again.
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
    /// Both at once, where the result is sent while it is encoded.
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
