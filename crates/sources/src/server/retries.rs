//! Further attempts to connect.

use std::time::Duration;

use taploom_model::{Error, ErrorKind, Result};
use tokio::runtime::Handle;

use super::failure::{Failure, Reported};

/// Runs `attempt` until it succeeds, fails for good, or has failed `times` times more. It waits longer before each
/// further attempt. `error` makes the error of the last failure.
pub(crate) async fn retried<T, E: Reported, A>(
    times: u32,
    mut attempt: impl FnMut() -> A,
    error: impl Fn(Failure<E>) -> Error,
) -> Result<T>
where
    A: Future<Output = Result<T, Failure<E>>>,
{
    let mut pause = Duration::from_millis(200);
    let mut left = times;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(failure) if left == 0 || !failure.may_pass() => return Err(error(failure)),
            Err(_) => {}
        }
        left -= 1;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Checks that there is a tokio runtime, without which tokio panics.
pub(crate) fn check_runtime<E>(scheme: &str) -> Result<(), Failure<E>> {
    if Handle::try_current().is_ok() {
        return Ok(());
    }
    let message = format!("{scheme} needs a tokio runtime with I/O and time");
    Err(Failure::Final(Error::new(ErrorKind::Misuse, message)))
}
