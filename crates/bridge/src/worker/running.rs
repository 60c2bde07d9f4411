//! Runs the job of one message.

use std::sync::Arc;

use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use taploom_jobs::{Outcome, Stop};
use tracing::{Instrument, error, info_span, warn};

use crate::done::Done;
use crate::message::{JobRun, Rejected};
use crate::worker::Worker;
use crate::worker::deletes::RunningJob;
use crate::worker::job_statuses::JobStatuses;
use crate::worker::partitions::Place;
use crate::worker::retries::is_handed_over;

/// A message of a job.
pub(super) struct JobMessage {
    /// In milliseconds since 1970, if known.
    pub(super) published: Option<i64>,
    /// Parsed as soon as it arrives, because the message itself may take a MiB.
    job: Result<JobRun, Rejected>,
}

impl JobMessage {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            published: message.timestamp().to_millis(),
            job: JobRun::parse(message.payload().unwrap_or_default()),
        }
    }
}

impl Worker {
    pub(super) async fn process(
        self: Arc<Self>,
        message: JobMessage,
        place: Place,
    ) -> KafkaResult<()> {
        let done = place.done.clone().unwrap_or_default();
        let statuses = JobStatuses::new(&self.publisher, &place, done.clone());
        let outcome = match (self.publisher.own(&place).await, message.job) {
            (Err(error), _) => Err(error),
            (Ok(()), Ok(job)) => {
                let span = info_span!("job", id = job.job_id, owner = job.owner);
                let run = self.run_job(job, message.published, done, &place, &statuses);
                run.instrument(span).await
            }
            (Ok(()), Err(rejected)) if rejected.job_id.is_some() => {
                warn!(
                    job = rejected.job_id,
                    "a message can't be taken as a job: {}", rejected.failure
                );
                self.bridge.reject(&rejected, &statuses).await
            }
            (Ok(()), Err(rejected)) => {
                let Place { partition, offset, .. } = place;
                error!(partition, offset, "a message is skipped: {}", rejected.failure);
                self.bridge.metrics().unreadable_messages.inc();
                self.publisher.finish(&place, None).await.map(|()| Outcome::HandedOver)
            }
        };
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if place.hand_over.jobs.is_cancelled() || is_handed_over(&error) => Ok(()),
            Err(error) => {
                error!("the end of a job can't be published: {error}");
                Err(KafkaError::Canceled)
            }
        }
    }

    async fn run_job(
        &self,
        job: JobRun,
        published: Option<i64>,
        done: Done,
        place: &Place,
        statuses: &JobStatuses<'_>,
    ) -> std::io::Result<Outcome> {
        let stop = Stop {
            hand_over: place.hand_over.jobs.clone(),
            hand_over_query: place.hand_over.queries.clone(),
            ..Stop::default()
        };
        let key = (place.partition, place.offset);
        let running = RunningJob {
            job_id: job.job_id.clone(),
            published,
            execution_id: statuses.execution_id(),
            abort: stop.abort.clone(),
        };
        self.stops().enter(key, running);
        let (most, execution_id) = (self.attempts, statuses.execution_id());
        let outcome = self.bridge.attempt(job, done, most, &execution_id, statuses, &stop).await;
        self.stops().leave(key);
        if let Ok(Outcome::HandedOver) = outcome {
            statuses.handed_over().await;
        }
        outcome
    }
}

/// A defect of the worker ends it.
pub(super) fn ended_well(
    ended: Result<KafkaResult<()>, tokio::task::JoinError>,
) -> KafkaResult<()> {
    ended.unwrap_or_else(|panic| {
        error!("defect: the task of a job panicked: {panic}");
        Err(KafkaError::Canceled)
    })
}
