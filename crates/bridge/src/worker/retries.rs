//! When a status is published again, and when it is not.

use std::fmt;
use std::io;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, error, warn};

use crate::status::JobStatus;
use crate::worker::partitions::Place;

/// The delays between attempts to publish a status.
pub(super) struct Delays(ExponentialBackoff);

impl Default for Delays {
    fn default() -> Self {
        let delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(10))
            .without_max_times();
        Self(delays.build())
    }
}

impl Delays {
    /// Waits before the next attempt.
    ///
    /// # Errors
    /// There must be no further attempt.
    pub(super) async fn after(&mut self, error: &KafkaError, place: &Place) -> io::Result<()> {
        use RDKafkaErrorCode::{Fatal, IllegalGeneration, RebalanceInProgress, UnknownMemberId};
        if error.rdkafka_error_code() == Some(Fatal) {
            return Err(io::Error::other(error.to_string()));
        }
        match error.rdkafka_error_code() {
            Some(IllegalGeneration | RebalanceInProgress | UnknownMemberId) => {
                debug!("a step of a job waits for a rebalance: {error}");
            }
            _ => warn!("a step of a job can't be reported to Kafka, retrying: {error}"),
        }
        tokio::select! {
            () = tokio::time::sleep(self.0.next().unwrap_or_default()) => Ok(()),
            () = place.hand_over.jobs.cancelled() => Err(handed_over()),
        }
    }
}

/// Cuts the query in a status that is larger than Kafka takes. Returns whether that made it smaller.
pub(super) fn shortened(status: &mut JobStatus) -> bool {
    let is_shorter = status.metadata.shorten();
    if is_shorter {
        warn!(job = status.job_id, "a status is too large; its query is cut");
    }
    is_shorter
}

/// A smaller status in place of a final one that is larger than Kafka takes: with the query cut, or without all that may be
/// large. `None` if Kafka does not take that either, because the id of the job is as large.
pub(super) fn fitting(mut status: JobStatus, is_replaced: &mut bool) -> Option<JobStatus> {
    if shortened(&mut status) {
        return Some(status);
    }
    if std::mem::replace(is_replaced, true) {
        error!(job = status.job_id, "a final status is larger than Kafka takes, and is left out");
        return None;
    }
    error!(job = status.job_id, "a final status is larger than Kafka takes, and is replaced");
    Some(status.bare())
}

pub(super) fn is_too_large(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{InvalidMessageSize, MessageSizeTooLarge};
    matches!(error.rdkafka_error_code(), Some(InvalidMessageSize | MessageSizeTooLarge))
}

/// The job belongs to another worker.
#[derive(Debug)]
struct HandedOver;

impl fmt::Display for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the job belongs to another worker")
    }
}

impl std::error::Error for HandedOver {}

pub(super) fn handed_over() -> io::Error {
    io::Error::other(HandedOver)
}

/// Whether a status was not published because the job belongs to another worker.
pub(super) fn is_handed_over(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<HandedOver>)
}
