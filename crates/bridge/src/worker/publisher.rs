//! Publishes status messages to Kafka and commits the messages of jobs that ended.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use tracing::{error, warn};

use crate::status::{JobStatus, Statuses};
use crate::worker::history::{DONE_HEADER, Done, ENDED_HEADER, MessageOfJob};
use crate::worker::partitions::{Place, SharedPartitions};

/// Time limit for a call to Kafka.
const LIMIT: Duration = Duration::from_secs(30);

/// Publishes status messages, and commits the message of a job after its final status is published.
pub(crate) struct Publisher {
    producer: FutureProducer,
    /// Held while a final status is published: one at a time.
    turn: tokio::sync::Mutex<()>,
    consumer: Arc<StreamConsumer<SharedPartitions>>,
    run_topic: String,
    status_topic: String,
}

impl Publisher {
    /// Connects a producer. Blocks.
    pub(crate) fn new(
        client: &ClientConfig,
        consumer: Arc<StreamConsumer<SharedPartitions>>,
        run_topic: &str,
        status_topic: &str,
    ) -> KafkaResult<Self> {
        let mut client = client.clone();
        // Each status is awaited, so batching would only delay it. Idempotence keeps a repeated one single. The broker
        // decides how large a message may be.
        client
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.max.bytes", "100000000")
            .set("message.timeout.ms", "30000");
        Ok(Self {
            producer: client.create()?,
            turn: tokio::sync::Mutex::default(),
            consumer,
            run_topic: run_topic.to_owned(),
            status_topic: status_topic.to_owned(),
        })
    }

    /// Publishes a status. `done` is what was done for a job that has not ended.
    async fn send(
        &self,
        place: &Place,
        status: &JobStatus,
        done: Option<&Done>,
    ) -> KafkaResult<()> {
        let job_id = &status.job_id;
        let status = serde_json::to_vec(status).unwrap_or_default();
        let Place { partition, offset, .. } = *place;
        let message = MessageOfJob { topic: self.run_topic.clone(), partition, offset };
        let (key, value) = match done {
            Some(done) => (DONE_HEADER, format!("{message} {done}")),
            None => (ENDED_HEADER, message.to_string()),
        };
        let headers = OwnedHeaders::new()
            .insert(Header { key: "Content-Type", value: Some("application/json") })
            .insert(Header { key, value: Some(&value) });
        let record =
            FutureRecord::to(&self.status_topic).key(job_id).payload(&status).headers(headers);
        self.producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| error)
    }

    /// Publishes a status that another worker needs to go on. Retries until that succeeds or the job belongs to another
    /// worker.
    async fn keep(&self, place: &Place, mut status: JobStatus, done: &Done) -> io::Result<()> {
        let mut delays = Delays::default();
        while let Err(error) = self.send(place, &status, Some(done)).await {
            if !is_too_large(&error) {
                delays.after(&error, place).await?;
            } else if !shortened(&mut status) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits until this worker publishes no final status.
    pub(crate) async fn rest(&self) {
        drop(self.turn.lock().await);
    }

    /// Publishes the final status of a job, if any, and commits its message. Retries until that succeeds or the
    /// job belongs to another worker.
    pub(crate) async fn finish(
        &self,
        place: &Place,
        mut status: Option<JobStatus>,
    ) -> io::Result<()> {
        let mut delays = Delays::default();
        loop {
            match self.try_finish(place, status.as_ref()).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(handed_over()),
                Err(error) if is_too_large(&error) => {
                    status = status.and_then(|mut status| shortened(&mut status).then_some(status));
                }
                Err(error) => delays.after(&error, place).await?,
            }
        }
    }

    /// Makes one attempt. Returns `false` if the job belongs to another worker.
    async fn try_finish(&self, place: &Place, status: Option<&JobStatus>) -> KafkaResult<bool> {
        // One at a time, so that no position is committed after a later one.
        let _turn = self.turn.lock().await;
        // Kafka has dropped this worker from the group, and the rebalance has not been reported yet.
        if self.consumer.assignment_lost() {
            return Ok(false);
        }
        let partitions = &self.consumer.context().partitions;
        let Some(publishing) = partitions.publishing(place) else { return Ok(false) };
        if let Some(status) = status {
            self.send(place, status, None).await?;
        }
        let offsets = partitions.after(&self.run_topic, place);
        drop(publishing);
        // If the worker dies here, the status that was published names the message that it ends, and the next
        // worker finds it.
        let Some(offsets) = offsets else { return Ok(true) };
        let consumer = Arc::clone(&self.consumer);
        let committed = tokio::task::spawn_blocking(move || {
            offsets.and_then(|offsets| consumer.commit(&offsets, CommitMode::Sync))
        });
        if let Err(error) = committed.await.unwrap_or(Err(KafkaError::Canceled)) {
            warn!("can't commit the position; the next commit includes it: {error}");
        }
        Ok(true)
    }
}

/// The delays between attempts to publish a status.
struct Delays(Duration);

impl Default for Delays {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Delays {
    /// Waits before the next attempt.
    ///
    /// # Errors
    /// There must be no further attempt.
    async fn after(&mut self, error: &KafkaError, place: &Place) -> io::Result<()> {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            return Err(io::Error::other(error.to_string()));
        }
        warn!("can't publish a status, retrying: {error}");
        tokio::select! {
            () = tokio::time::sleep(self.0) => {}
            () = place.hand_over.cancelled() => return Err(handed_over()),
        }
        self.0 = (self.0 * 2).min(Duration::from_secs(10));
        Ok(())
    }
}

/// Cuts the query in a status that is larger than Kafka takes. Returns whether that made it smaller.
fn shortened(status: &mut JobStatus) -> bool {
    let is_shorter = status.metadata.shorten();
    match is_shorter {
        true => warn!(job = status.job_id, "a status is too large; its query is cut"),
        false => {
            error!(job = status.job_id, "a status is larger than Kafka takes, and is left out");
        }
    }
    is_shorter
}

fn is_too_large(error: &KafkaError) -> bool {
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

fn handed_over() -> io::Error {
    io::Error::other(HandedOver)
}

/// Whether a status was not published because the job belongs to another worker.
pub(crate) fn is_handed_over(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<HandedOver>)
}

/// Publishes the status messages of one job.
pub(crate) struct JobStatuses<'a> {
    publisher: &'a Publisher,
    place: &'a Place,
    /// What was done for the job.
    done: Mutex<Done>,
    /// The time that other workers have used.
    used_before: u64,
    since: Instant,
    /// The query in the database, for requests to stop it.
    execution_id: Arc<Mutex<Option<String>>>,
}

impl<'a> JobStatuses<'a> {
    pub(crate) fn new(publisher: &'a Publisher, place: &'a Place, done: Done) -> Self {
        let execution_id = Arc::new(Mutex::new(done.execution_id.clone()));
        let (used_before, since) = (done.used, Instant::now());
        Self { publisher, place, done: Mutex::new(done), used_before, since, execution_id }
    }

    /// The query in the database, once its id was published.
    pub(crate) fn execution_id(&self) -> Arc<Mutex<Option<String>>> {
        Arc::clone(&self.execution_id)
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Statuses for JobStatuses<'_> {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        if status.status.is_final() {
            return self.publisher.finish(self.place, Some(status.clone())).await;
        }
        self.execution_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&status.execution_id);
        let (done, is_news) = {
            let mut done = self.done();
            let is_news = done.execution_id != status.execution_id;
            done.execution_id.clone_from(&status.execution_id);
            let used = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            done.used = self.used_before.saturating_add(used);
            (done.clone(), is_news)
        };
        if is_news {
            return self.publisher.keep(self.place, status.clone(), &done).await;
        }
        // A job must not wait because its progress can't be published.
        let sent = self.publisher.send(self.place, status, Some(&done)).await;
        if let Err(error) = sent {
            warn!(job = status.job_id, "can't publish a status: {error}");
        }
        Ok(())
    }

    /// The time that the query has taken stays as it was: what follows does not count.
    async fn reads_rows(&self, status: &JobStatus) -> io::Result<()> {
        let done = {
            let mut done = self.done();
            done.reads += 1;
            done.execution_id = None;
            done.clone()
        };
        self.publisher.keep(self.place, status.clone(), &done).await
    }
}
