//! Tells the database of the end of queries, apart from the jobs that they belonged to.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

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
    /// There is none, or it has ended.
    Nothing,
    /// It runs. Another worker can find it once its id is published.
    Known { execution: Box<dyn Execution>, is_published: bool },
    /// The connection to its rows broke. The server may have given its number to another query since, so that it can't be
    /// ended by that.
    Lost(Box<dyn Execution>),
    /// Another worker has submitted it, under this id and with these tables.
    Elsewhere(String, Vec<UserTable>),
    /// The database has not answered yet.
    UnderWay(JoinHandle<Result<Box<dyn Execution>, Failure>>),
}

/// What the database is told of the end of a query.
#[derive(Clone, Copy)]
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
            Self::Nothing | Self::Lost(_) | Self::Elsewhere(..) => true,
            Self::UnderWay(_) => false,
        }
    }
}

impl Endings {
    /// Tells the database of the end of a query, in a task of its own.
    pub(crate) fn tell(&self, database: &Arc<dyn Database>, query: Submitted, end: End) {
        if matches!(query, Submitted::Nothing) {
            return;
        }
        let end = if let Submitted::Lost(_) = query { End::InDatabase } else { end };
        let database = Arc::clone(database);
        self.0.spawn(async move {
            let execution = match query {
                Submitted::Nothing => None,
                Submitted::Known { execution, .. } | Submitted::Lost(execution) => Some(execution),
                Submitted::Elsewhere(id, tables) => {
                    let found = timeout(PATIENCE, database.resume(&id, &tables)).await;
                    found.ok().and_then(Result::ok).flatten()
                }
                // The database may have taken the query, so its answer is waited for.
                Submitted::UnderWay(mut submission) => {
                    match timeout(PATIENCE, &mut submission).await {
                        Ok(submitted) => submitted.ok().and_then(Result::ok),
                        Err(_) => {
                            submission.abort();
                            // What it leaves is known when it has ended.
                            let _ = submission.await;
                            None
                        }
                    }
                }
            };
            let Some(mut execution) = execution else { return };
            match end {
                End::Stored => execution.forget().await,
                End::Stopped => execution.cancel().await,
                End::HandedOver => execution.hand_over().await,
                End::InDatabase => execution.clean_up().await,
            }
        });
    }

    /// Waits until the database has been told everything.
    pub(crate) async fn rest(&self) {
        self.0.rest().await;
    }
}
