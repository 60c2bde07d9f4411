//! Publishes status messages to Kafka and commits the messages of jobs that ended.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use tracing::warn;

use crate::status::{JobStatus, Statuses};
use crate::worker::ended::{MESSAGE_HEADER, MessageOfJob};
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
        // Each status is awaited, so batching would only delay it. Idempotence keeps a repeated one single.
        client.set("enable.idempotence", "true").set("linger.ms", "0");
        Ok(Self {
            producer: client.create()?,
            turn: tokio::sync::Mutex::default(),
            consumer,
            run_topic: run_topic.to_owned(),
            status_topic: status_topic.to_owned(),
        })
    }

    async fn send(
        &self,
        key: &str,
        status: &[u8],
        message: Option<&MessageOfJob>,
    ) -> KafkaResult<()> {
        let header = Header { key: "Content-Type", value: Some("application/json") };
        let mut headers = OwnedHeaders::new().insert(header);
        if let Some(message) = message {
            let value = message.to_string();
            headers = headers.insert(Header { key: MESSAGE_HEADER, value: Some(&value) });
        }
        let record = FutureRecord::to(&self.status_topic).key(key).payload(status).headers(headers);
        self.producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| error)
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
        status: Option<(&str, &[u8])>,
    ) -> io::Result<()> {
        let mut delay = Duration::from_millis(100);
        loop {
            let committed = match self.try_finish(place, status).await {
                Ok(committed) => committed,
                Err(error) if is_fatal(&error) => return Err(io::Error::other(error)),
                Err(error) => {
                    warn!("can't publish a final status, retrying: {error}");
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = place.hand_over.cancelled() => return Err(handed_over()),
                    }
                    delay = (delay * 2).min(Duration::from_secs(10));
                    continue;
                }
            };
            if !committed {
                return Err(handed_over());
            }
            return Ok(());
        }
    }

    /// Makes one attempt. Returns `false` if the job belongs to another worker.
    async fn try_finish(&self, place: &Place, status: Option<(&str, &[u8])>) -> KafkaResult<bool> {
        // One at a time, so that no position is committed after a later one.
        let _turn = self.turn.lock().await;
        // Kafka has dropped this worker from the group, and the rebalance has not been reported yet.
        if self.consumer.assignment_lost() {
            return Ok(false);
        }
        let partitions = &self.consumer.context().0;
        let Some(publishing) = partitions.publishing(place) else { return Ok(false) };
        if let Some((key, status)) = status {
            let Place { partition, offset, .. } = *place;
            let message = MessageOfJob { topic: self.run_topic.clone(), partition, offset };
            self.send(key, status, Some(&message)).await?;
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

/// Whether the producer can't be used any more.
fn is_fatal(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal)
}

fn handed_over() -> io::Error {
    io::Error::other("the job belongs to another worker")
}

/// Publishes the status messages of one job.
pub(crate) struct JobStatuses<'a> {
    pub(crate) publisher: &'a Publisher,
    pub(crate) place: &'a Place,
    pub(crate) execution_id: Arc<Mutex<Option<String>>>,
}

#[async_trait]
impl Statuses for JobStatuses<'_> {
    async fn publish(&self, status: &JobStatus) -> io::Result<()> {
        let json = serde_json::to_vec(status)?;
        if status.status.is_final() {
            return self.publisher.finish(self.place, Some((&status.job_id, &json))).await;
        }
        self.execution_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&status.execution_id);
        // A job must not fail because its progress can't be published.
        let sent = self.publisher.send(&status.job_id, &json, None).await;
        if let Err(error) = sent {
            warn!(job = status.job_id, "can't publish a status: {error}");
        }
        Ok(())
    }
}
