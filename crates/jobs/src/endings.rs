//! Tells the database of the end of queries, apart from the jobs that they belonged to.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::chores::Chores;
use crate::database::{Database, Execution, UserTable};
use crate::failure::Failure;

/// Time within which the database has to answer before a query is left to itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Queries that are being ended in the database.
#[derive(Default)]
pub(crate) struct Endings(Chores);

/// What is known of the query of a job.
pub(crate) enum Submitted {
    /// There is none, it has ended, or the connection to its rows broke. In the last case, the server may have given its
    /// number to another query since, so that it can't be ended by that.
    Nothing,
    /// It runs. Another worker can find it once its id is published.
    Known { execution: Box<dyn Execution>, is_published: bool },
    /// Another worker has submitted it, under this id.
    Elsewhere(String),
    /// The database has not answered yet. Cancelling `leave` while tables are being sent ends that, and no query follows.
    UnderWay {
        submission: JoinHandle<Result<Box<dyn Execution>, Failure>>,
        leave: CancellationToken,
    },
}

/// What the database is told of the end of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its result is stored.
    Stored,
    /// Nobody wants its result.
    Stopped,
    /// It will be run again.
    HandedOver,
    /// The database itself has ended it.
    InDatabase,
}

impl Submitted {
    /// Whether the query is left to another worker as it is, which goes on with it or submits it again.
    pub(crate) fn can_be_left(&self) -> bool {
        match self {
            Self::Known { execution, is_published } => *is_published && execution.can_be_resumed(),
            Self::Nothing | Self::Elsewhere(_) => true,
            Self::UnderWay { .. } => false,
        }
    }

    /// The query, if the database has it.
    async fn found(self, database: &dyn Database, end: End) -> Option<Box<dyn Execution>> {
        match self {
            Self::Nothing => None,
            Self::Known { execution, .. } => Some(execution),
            Self::Elsewhere(id) => {
                let found = timeout(PATIENCE, database.resume(&id)).await;
                found.ok().and_then(Result::ok).flatten()
            }
            // The database may have taken the query, or a table, so its answer is waited for.
            Self::UnderWay { mut submission, leave } => {
                if end == End::HandedOver {
                    leave.cancel();
                }
                match timeout(PATIENCE, &mut submission).await {
                    Ok(submitted) => submitted.ok().and_then(Result::ok),
                    Err(_) => {
                        submission.abort();
                        // Nothing is sent any more once it has ended.
                        let _ = submission.await;
                        None
                    }
                }
            }
        }
    }
}

impl Endings {
    /// Tells the database of the end of a query, and then removes `tables` of its user, in a task of its own. Tables may be in
    /// the database without a query: sent by this worker, or by one that has ended.
    pub(crate) fn tell(
        &self,
        database: &Arc<dyn Database>,
        query: Submitted,
        tables: Vec<UserTable>,
        end: End,
    ) {
        if matches!(query, Submitted::Nothing) && tables.is_empty() {
            return;
        }
        let database = Arc::clone(database);
        self.0.spawn(async move {
            if let Some(mut execution) = query.found(&*database, end).await {
                match end {
                    End::Stored => execution.forget().await,
                    End::Stopped | End::HandedOver => execution.cancel().await,
                    End::InDatabase => {}
                }
            }
            if !tables.is_empty() {
                database.remove_tables(&tables).await;
            }
        });
    }

    /// Waits until the database has been told everything.
    pub(crate) async fn rest(&self) {
        self.0.rest().await;
    }
}
