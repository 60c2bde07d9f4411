//! Status messages into Kafka.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerGroupMetadata, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use tracing::warn;

use crate::status::{JobStatus, Statuses};
use crate::worker::partitions::{Place, SharedPartitions};

/// How long a call to Kafka may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Publishes statuses, and commits a message together with the final status of its job.
pub(crate) struct Publisher {
    plain: FutureProducer,
    transactional: Option<FutureProducer>,
    /// One final status at a time.
    turn: tokio::sync::Mutex<()>,
    consumer: Arc<StreamConsumer<SharedPartitions>>,
    run_topic: String,
    status_topic: String,
}

impl Publisher {
    /// With `transactional_id`, a final status and the position of its job become visible together or
    /// not at all. Blocks.
    pub(crate) fn new(
        client: &ClientConfig,
        transactional_id: Option<&str>,
        consumer: Arc<StreamConsumer<SharedPartitions>>,
        run_topic: &str,
        status_topic: &str,
    ) -> KafkaResult<Self> {
        let mut client = client.clone();
        // A status waits for no other: each is awaited.
        client.set("enable.idempotence", "true").set("linger.ms", "0");
        let plain = client.create()?;
        let transactional = match transactional_id {
            Some(id) => {
                let producer: FutureProducer = client.set("transactional.id", id).create()?;
                producer.init_transactions(LIMIT)?;
                Some(producer)
            }
            None => None,
        };
        Ok(Self {
            plain,
            transactional,
            turn: tokio::sync::Mutex::default(),
            consumer,
            run_topic: run_topic.to_owned(),
            status_topic: status_topic.to_owned(),
        })
    }

    async fn send(&self, producer: &FutureProducer, key: &str, status: &[u8]) -> KafkaResult<()> {
        let header = Header { key: "Content-Type", value: Some("application/json") };
        let record = FutureRecord::to(&self.status_topic)
            .key(key)
            .payload(status)
            .headers(OwnedHeaders::new().insert(header));
        producer.send(record, LIMIT).await.map(drop).map_err(|(error, _)| error)
    }

    /// Publishes the last status of a job, if any, and commits its message; again and again until that
    /// is done or the job is another worker's.
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
                    warn!("a final status can't be published, it is tried again: {error}");
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

    /// `false` where the job is another worker's.
    async fn try_finish(&self, place: &Place, status: Option<(&str, &[u8])>) -> KafkaResult<bool> {
        // In turn, so that no position is committed after a later one.
        let _turn = self.turn.lock().await;
        let partitions = &self.consumer.context().0;
        let Some(offsets) = partitions.after(&self.run_topic, place) else { return Ok(false) };
        let offsets = offsets?;
        match &self.transactional {
            Some(producer) => {
                let Some(group) = self.consumer.group_metadata() else { return Ok(false) };
                self.in_transaction(producer, status, offsets.clone(), group).await?;
            }
            None => {
                if let Some((key, status)) = status {
                    self.send(&self.plain, key, status).await?;
                }
            }
        }
        partitions.finish(place);
        // After a transaction Kafka knows it already. Librdkafka's own broker takes the offsets of a
        // transaction and forgets them.
        let consumer = Arc::clone(&self.consumer);
        let committed =
            tokio::task::spawn_blocking(move || consumer.commit(&offsets, CommitMode::Sync)).await;
        if let Err(error) = committed.unwrap_or(Err(KafkaError::Canceled)) {
            warn!("the position can't be committed, the next one will be: {error}");
        }
        Ok(true)
    }

    async fn in_transaction(
        &self,
        producer: &FutureProducer,
        status: Option<(&str, &[u8])>,
        offsets: TopicPartitionList,
        group: ConsumerGroupMetadata,
    ) -> KafkaResult<()> {
        producer.begin_transaction()?;
        let sent = match status {
            Some((key, status)) => self.send(producer, key, status).await,
            None => Ok(()),
        };
        let blocking = producer.clone();
        let ended = tokio::task::spawn_blocking(move || {
            let committed = sent
                .and_then(|()| blocking.send_offsets_to_transaction(&offsets, &group, LIMIT))
                .and_then(|()| blocking.commit_transaction(LIMIT));
            committed.inspect_err(|_| {
                // Where even that fails, the next transaction can't begin, and says so.
                let _ = blocking.abort_transaction(LIMIT);
            })
        });
        ended.await.unwrap_or(Err(KafkaError::Canceled))
    }
}

/// A producer that can't be used any more: another one has its name, say.
fn is_fatal(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_fatal(),
        error => error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal),
    }
}

fn handed_over() -> io::Error {
    io::Error::other("the job is another worker's")
}

/// The statuses of one job.
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
        // How far a query is must not be what fails a job.
        let sent = self.publisher.send(&self.publisher.plain, &status.job_id, &json).await;
        if let Err(error) = sent {
            warn!(job = status.job_id, "a status can't be published: {error}");
        }
        Ok(())
    }
}
