//! Publishes status messages to Kafka and commits the messages of jobs that ended.
//!
//! **A worker that has lost its partitions publishes nothing.** It may not know of the loss: it was suspended, or cut off from
//! Kafka. Kafka refuses the commits of such a worker, so none publishes a status, begins a job or reads rows unless Kafka
//! has just taken a commit. A status that can't be delivered is given up before the session of the worker can end.
//!
//! **No final status is published twice.** A status that was given up may have arrived. It is looked for in the topic before it
//! is sent again.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::TopicPartitionList;
use tracing::warn;

use crate::done::Done;
use crate::lock::lock;
use crate::status::{JobStatus, now};
use crate::worker::history::{DONE_HEADER, ENDED_HEADER, MessageOfJob, history};
use crate::worker::partitions::{Place, SharedPartitions};
use crate::worker::retries::{Delays, fitting, handed_over, is_too_large, shortened};

/// Longest time until a status is delivered.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a commit proves that this worker is a member of its group. Sessions are longer.
const PROOF: Duration = Duration::from_secs(1);
/// The session of librdkafka if the settings have none, in milliseconds.
const SESSION_MS: u64 = 45_000;

/// Publishes status messages, and commits the message of a job after its final status is published.
pub(crate) struct Publisher {
    producer: FutureProducer,
    client: ClientConfig,
    /// Held during a commit, and while a final status is published: one at a time.
    turn: tokio::sync::Mutex<()>,
    /// When Kafka was last asked for a commit that it took.
    committed: Mutex<Option<Instant>>,
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
        let session = client.get("session.timeout.ms").and_then(|text| text.parse().ok());
        let limit = u128::from(session.unwrap_or(SESSION_MS) * 2 / 3).min(LIMIT.as_millis());
        let mut of_producer = client.clone();
        // Each status is awaited, so batching would only delay it. Idempotence keeps a repeated one single. The broker
        // decides how large a message may be.
        of_producer
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.max.bytes", "100000000")
            .set("message.timeout.ms", limit.to_string());
        Ok(Self {
            producer: of_producer.create()?,
            client: client.clone(),
            turn: tokio::sync::Mutex::default(),
            committed: Mutex::default(),
            consumer,
            run_topic: run_topic.to_owned(),
            status_topic: status_topic.to_owned(),
        })
    }

    /// Waits until it is certain that a job belongs to this worker.
    ///
    /// # Errors
    /// It belongs to another worker, or Kafka's client can't be used any more.
    pub(crate) async fn own(&self, place: &Place) -> io::Result<()> {
        let mut delays = Delays::default();
        loop {
            match self.is_own(place).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(handed_over()),
                Err(error) => delays.after(&error, place).await?,
            }
        }
    }

    async fn is_own(&self, place: &Place) -> KafkaResult<bool> {
        if !self.is_proved() {
            let _turn = self.turn.lock().await;
            self.prove(place).await?;
        }
        Ok(self.has(place))
    }

    /// Whether a job belongs to this worker, as far as the worker knows.
    fn has(&self, place: &Place) -> bool {
        !place.hand_over.jobs.is_cancelled() && !self.consumer.assignment_lost()
    }

    /// A guard to hold while rows are read. Returns `None` if the job belongs to another worker.
    pub(crate) fn busy(&self, place: &Place) -> Option<Arc<()>> {
        self.consumer.context().partitions.busy(place)
    }

    fn committed(&self) -> MutexGuard<'_, Option<Instant>> {
        lock(&self.committed)
    }

    fn is_proved(&self) -> bool {
        self.committed().is_some_and(|at| at.elapsed() < PROOF)
    }

    /// Commits the position of a partition once more, unless Kafka has just taken a commit. Call it in turn.
    async fn prove(&self, place: &Place) -> KafkaResult<()> {
        let position = self.consumer.context().partitions.position(&self.run_topic, place);
        match position.filter(|_| !self.is_proved()) {
            Some(position) => self.commit(position?).await,
            None => Ok(()),
        }
    }

    async fn commit(&self, position: TopicPartitionList) -> KafkaResult<()> {
        let (asked, consumer) = (Instant::now(), Arc::clone(&self.consumer));
        let committed =
            tokio::task::spawn_blocking(move || consumer.commit(&position, CommitMode::Sync));
        committed.await.unwrap_or(Err(KafkaError::Canceled))?;
        *self.committed() = Some(asked);
        Ok(())
    }

    fn message(&self, place: &Place) -> MessageOfJob {
        let Place { partition, offset, .. } = *place;
        MessageOfJob { topic: self.run_topic.clone(), partition, offset }
    }

    /// Publishes a status. `done` is what was done for a job that has not ended.
    pub(crate) async fn send(
        &self,
        place: &Place,
        status: &JobStatus,
        done: Option<&Done>,
    ) -> KafkaResult<()> {
        let job_id = &status.job_id;
        let status = serde_json::to_vec(status).unwrap_or_default();
        let message = self.message(place);
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
    pub(crate) async fn keep(
        &self,
        place: &Place,
        mut status: JobStatus,
        done: &Done,
    ) -> io::Result<()> {
        let mut delays = Delays::default();
        loop {
            match self.try_keep(place, &status, done).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(handed_over()),
                Err(error) if !is_too_large(&error) => delays.after(&error, place).await?,
                Err(_) if shortened(&mut status) => {}
                Err(_) => {
                    warn!(
                        job = status.job_id,
                        "a status is larger than Kafka takes, and is left out"
                    );
                    return Ok(());
                }
            }
        }
    }

    /// Makes one attempt. Returns `false` if the job belongs to another worker.
    pub(crate) async fn try_keep(
        &self,
        place: &Place,
        status: &JobStatus,
        done: &Done,
    ) -> KafkaResult<bool> {
        let is_own = self.is_own(place).await?;
        if is_own {
            self.send(place, status, Some(done)).await?;
        }
        Ok(is_own)
    }

    /// Waits until this worker publishes no final status.
    pub(crate) async fn rest(&self) {
        drop(self.turn.lock().await);
    }

    /// Publishes the final status of a job, if any, and commits its message. Retries until that succeeds or the
    /// job belongs to another worker. A status that Kafka does not take for its size is first cut, and then replaced by
    /// a short one.
    pub(crate) async fn finish(
        &self,
        place: &Place,
        mut status: Option<JobStatus>,
    ) -> io::Result<()> {
        let (mut delays, mut sent, mut is_replaced) = (Delays::default(), None, false);
        loop {
            match self.try_finish(place, status.as_ref(), &mut sent).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(handed_over()),
                Err(error) if is_too_large(&error) => {
                    sent = None;
                    status = status.and_then(|status| fitting(status, &mut is_replaced));
                }
                Err(error) => delays.after(&error, place).await?,
            }
        }
    }

    /// Makes one attempt. Returns `false` if the job belongs to another worker. `sent` is when the status was first sent,
    /// in milliseconds since 1970.
    async fn try_finish(
        &self,
        place: &Place,
        status: Option<&JobStatus>,
        sent: &mut Option<u64>,
    ) -> KafkaResult<bool> {
        // One at a time, so that no position is committed after a later one.
        let _turn = self.turn.lock().await;
        self.prove(place).await?;
        let Some(busy) = self.busy(place).filter(|_| self.has(place)) else { return Ok(false) };
        if let Some(status) = status
            && !self.has_arrived(place, *sent).await?
        {
            sent.get_or_insert_with(now);
            self.send(place, status, None).await?;
        }
        let position = self.consumer.context().partitions.after(&self.run_topic, place);
        drop(busy);
        // If the worker dies here, the status that was published names the message that it ends, and the next
        // worker finds it.
        let Some(position) = position else { return Ok(true) };
        let committed = match position {
            Ok(position) => self.commit(position).await,
            Err(error) => Err(error),
        };
        if let Err(error) = committed {
            warn!("can't commit the position; the next commit includes it: {error}");
        }
        Ok(true)
    }

    /// Whether a final status that was sent before is in the topic.
    async fn has_arrived(&self, place: &Place, sent: Option<u64>) -> KafkaResult<bool> {
        let Some(sent) = sent else { return Ok(false) };
        let (client, topic) = (self.client.clone(), self.status_topic.clone());
        let (message, sent) = (self.message(place), i64::try_from(sent).ok());
        let found = tokio::task::spawn_blocking(move || history(&client, &topic, &message, sent));
        let found = found.await.unwrap_or(Err(KafkaError::Canceled))?;
        Ok(found.ended.contains(&place.offset))
    }
}
