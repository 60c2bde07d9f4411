//! Tasks that go on after the work that began them.

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
#[cfg(feature = "s3")]
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

/// Tasks that nobody awaits when they are begun, such as requests to remove what a job has left. A process that ends in an
/// orderly way waits for them with [`rest`](Self::rest). Clones share the tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chores(TaskTracker);

/// Belongs to something that may begin a chore when it is dropped. [`Chores::rest`] waits for that.
#[cfg(feature = "s3")]
#[derive(Debug)]
pub(crate) struct PossibleChore {
    _counted: TaskTrackerToken,
}

impl Chores {
    /// Begins a task. Outside of a runtime, nothing is done: nothing can be sent there.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            self.0.spawn_on(work.in_current_span(), &runtime);
        }
    }

    /// Waits until no task is left.
    pub(crate) async fn rest(&self) {
        self.0.close();
        self.0.wait().await;
        self.0.reopen();
    }

    /// Makes [`rest`](Self::rest) wait for a chore that may be begun.
    #[cfg(feature = "s3")]
    pub(crate) fn expect(&self) -> PossibleChore {
        PossibleChore { _counted: self.0.token() }
    }
}
