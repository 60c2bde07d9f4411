//! The time limit of a job.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a clock that stands still is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Counts the time that a job has used. It stands still while the job waits for its service: for room beside other jobs,
/// and for the store.
pub(crate) struct Clock {
    limit: Option<Duration>,
    state: Mutex<State>,
}

struct State {
    /// The time until `runs_since`.
    used: Duration,
    runs_since: Option<Instant>,
}

impl Clock {
    /// A clock that runs. `used` was used before, by another worker.
    pub(crate) fn start(limit: Option<Duration>, used: Duration) -> Self {
        Self { limit, state: Mutex::new(State { used, runs_since: Some(Instant::now()) }) }
    }

    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        if let Some(since) = state.runs_since.take() {
            state.used += since.elapsed();
        }
    }

    fn go_on(&self) {
        self.lock().runs_since.get_or_insert_with(Instant::now);
    }

    /// Stands still while something else than the job takes its time.
    pub(crate) async fn without<T>(&self, waiting: impl Future<Output = T>) -> T {
        self.stop();
        let waited = waiting.await;
        self.go_on();
        waited
    }

    /// Ends when the time is used up.
    pub(crate) async fn runs_out(&self) {
        let Some(limit) = self.limit else { return std::future::pending().await };
        loop {
            let wait = {
                let state = self.lock();
                match state.runs_since {
                    Some(since) => limit.saturating_sub(state.used + since.elapsed()),
                    None => LOOK,
                }
            };
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn time_that_stands_still_does_not_count() {
        let clock = Clock::start(Some(Duration::from_millis(250)), Duration::from_millis(100));
        let out = async |milliseconds| {
            let limit = Duration::from_millis(milliseconds);
            tokio::time::timeout(limit, clock.runs_out()).await.is_ok()
        };
        clock.stop();
        clock.stop();
        assert!(!out(600).await);
        clock.go_on();
        assert!(out(60_000).await);
        clock.stop();
        assert!(Clock::start(None, Duration::MAX).runs_out().now_or_never().is_none());
    }
}
