//! Further attempts to connect.

use std::time::Duration;

use taploom_model::{Error, Result};

use super::failure::{Failure, Reported};

/// Counts the attempts that are left, and waits longer before each.
pub(crate) struct Retries {
    left: u32,
    pause: Duration,
}

impl Retries {
    pub(crate) fn new(times: u32) -> Self {
        Self { left: times, pause: Duration::from_millis(200) }
    }

    /// Waits before the next attempt. Returns the error if no attempt is left or another one would not help.
    pub(crate) async fn after<E: Reported>(
        &mut self,
        failure: Failure<E>,
        error: impl FnOnce(Failure<E>) -> Error,
    ) -> Result<()> {
        if self.left == 0 || !failure.may_pass() {
            return Err(error(failure));
        }
        self.left -= 1;
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(5));
        Ok(())
    }
}
