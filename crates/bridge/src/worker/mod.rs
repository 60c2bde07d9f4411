//! The worker: takes jobs from Kafka and runs several at a time.
//!
//! **Two lanes.** A job begins in the short lane. A job that runs longer than `long_after` moves to the long lane
//! if that has room, so that up to `long` slow jobs can run without delaying the rest. Result sizes are not known
//! in advance, so a job can't be sorted before it runs.
//!
//! **Memory.** Each job takes its encoder's budget from a shared semaphore before it begins. Messages that wait
//! for the short lane are bounded by [`WAITING_MOST`]; beyond that the consumer is paused, but still polled, so
//! that Kafka keeps this worker in its group.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::TopicPartitionList;
use taploom_jobs::{Outcome, Stop};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::bridge::Bridge;
use crate::config::{JobsConfig, KafkaConfig};
use crate::message::JobRun;
use crate::status::now;
use crate::worker::deletes::RunningJob;
use crate::worker::ended::{MessageOfJob, ended_since};
use crate::worker::offsets::Offsets;
use crate::worker::partitions::{Place, SharedPartitions, committed};
use crate::worker::publisher::{JobStatuses, Publisher};

mod deletes;
mod ended;
mod http;
mod offsets;
mod partitions;
mod publisher;

pub use http::serve;

/// Number of waiting messages at which the consumer is paused. Messages are large, and resuming takes about a
/// second.
const WAITING_MOST: usize = 16;
/// Retries when the progress of a partition can't be read. After these the worker ends, and another takes over.
const LEARN_ATTEMPTS: u64 = 4;

/// A member of a consumer group that takes jobs from a topic and runs them.
pub struct Worker {
    bridge: Bridge,
    kafka: KafkaConfig,
    consumer: Arc<StreamConsumer<SharedPartitions>>,
    publisher: Publisher,
    lanes: Lanes,
    /// The memory of all encoders; a permit is a KiB.
    memory: Arc<Semaphore>,
    shutdown_grace: Duration,
    running: Mutex<HashMap<String, RunningJob>>,
    /// When Kafka was last polled, in milliseconds since 1970.
    alive: AtomicU64,
}

/// The places for jobs. A job moves from the short lane to the long lane when it has run for `long_after`.
struct Lanes {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
    long_after: Duration,
}

/// A message that waits for a place in the short lane.
struct Waiting {
    place: Place,
    message: Vec<u8>,
}

impl Worker {
    /// Joins the consumer group. Blocks.
    ///
    /// # Errors
    /// A setting that Kafka's client refuses, or brokers that can't be reached.
    pub fn new(bridge: Bridge, kafka: KafkaConfig, jobs: &JobsConfig) -> KafkaResult<Arc<Self>> {
        let consumer: StreamConsumer<SharedPartitions> = kafka
            .client()
            .set("group.id", &kafka.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            // Messages are large, and the worker needs few of them at a time.
            .set("queued.max.messages.kbytes", "8192")
            .create_with_context(SharedPartitions::default())?;
        let consumer = Arc::new(consumer);
        let publisher = Publisher::new(
            &kafka.client(),
            Arc::clone(&consumer),
            &kafka.run_topic,
            &kafka.status_topic,
        )?;
        consumer.subscribe(&[&kafka.run_topic])?;
        Ok(Arc::new(Self {
            bridge,
            consumer,
            publisher,
            lanes: Lanes {
                short: Arc::new(Semaphore::new(jobs.short)),
                long: Arc::new(Semaphore::new(jobs.long)),
                long_after: jobs.long_after(),
            },
            memory: Arc::new(Semaphore::new(kib(jobs.memory()) as usize)),
            shutdown_grace: jobs.shutdown_grace(),
            running: Mutex::default(),
            alive: AtomicU64::new(now()),
            kafka,
        }))
    }

    /// The bridge that runs the jobs.
    pub fn bridge(&self) -> &Bridge {
        &self.bridge
    }

    /// Whether Kafka was polled within the last minute.
    pub fn is_alive(&self) -> bool {
        now().saturating_sub(self.alive.load(Ordering::Relaxed)) < 60_000
    }

    /// Works until `shutdown`. Then it takes no new jobs, waits for the running ones up to the grace period, and
    /// leaves the rest to other workers.
    ///
    /// # Errors
    /// Kafka's client can't be used any more: the program has to be restarted.
    pub async fn run(self: &Arc<Self>, shutdown: &CancellationToken) -> KafkaResult<()> {
        let deletes = tokio::spawn(Arc::clone(self).listen_for_deletes());
        let mut jobs = JoinSet::new();
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let mut paused = false;
        let worked = loop {
            let slot = Arc::clone(&self.lanes.short).acquire_owned();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                Some(ended) = jobs.join_next(), if !jobs.is_empty() => {
                    if let Err(error) = ended_well(ended) {
                        break Err(error);
                    }
                }
                Ok(slot) = slot, if !waiting.is_empty() => {
                    if let Some(next) = waiting.pop_front() {
                        jobs.spawn(Arc::clone(self).process(next, slot));
                    }
                    if paused && waiting.len() <= WAITING_MOST / 4 {
                        paused = !self.tell("go on", Consumer::resume);
                    }
                }
                received = self.consumer.recv() => match received {
                    Ok(message) => {
                        match self.take(&message).await {
                            Ok(taken) => waiting.extend(taken),
                            Err(error) => break Err(error),
                        }
                        if waiting.len() >= WAITING_MOST {
                            // The consumer is still polled, so that Kafka keeps this worker in the group.
                            paused = self.tell("pause", Consumer::pause);
                        }
                    }
                    Err(error) => warn!("Kafka: {error}"),
                },
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
            self.alive.store(now(), Ordering::Relaxed);
        };
        if worked.is_ok() {
            self.end_jobs(&mut jobs).await;
        }
        deletes.abort();
        self.consumer.context().0.hand_over_all();
        while jobs.join_next().await.is_some() {}
        self.consumer.unsubscribe();
        worked
    }

    async fn end_jobs(&self, jobs: &mut JoinSet<KafkaResult<()>>) {
        info!(jobs = jobs.len(), "shutting down: waiting for the running jobs");
        let deadline = tokio::time::sleep(self.shutdown_grace);
        tokio::pin!(deadline);
        while !jobs.is_empty() {
            tokio::select! {
                _ = jobs.join_next() => {}
                // Polling keeps this worker in the group while its jobs run. New messages are left to others.
                _ = self.consumer.recv() => {}
                () = &mut deadline => {
                    warn!(jobs = jobs.len(), "the grace period is over: other workers take the jobs over");
                    return;
                }
            }
        }
    }

    /// Pauses or resumes all partitions. Returns whether that succeeded.
    fn tell(
        &self,
        what: &str,
        act: fn(&StreamConsumer<SharedPartitions>, &TopicPartitionList) -> KafkaResult<()>,
    ) -> bool {
        let told = self.consumer.assignment().and_then(|all| act(&self.consumer, &all));
        told.inspect_err(|error| warn!("Kafka's client can't {what}: {error}")).is_ok()
    }

    /// Registers a message, unless its job has ended already.
    async fn take(&self, message: &BorrowedMessage<'_>) -> KafkaResult<Option<Waiting>> {
        let partitions = &self.consumer.context().0;
        let partition = message.partition();
        let mut attempts = 0;
        while !partitions.is_known(partition) {
            self.alive.store(now(), Ordering::Relaxed);
            // The partition may have been here before: wait for final statuses of this worker to arrive.
            self.publisher.rest().await;
            match self.learn(message).await {
                Ok(offsets) => partitions.learn(partition, offsets),
                Err(error) if attempts < LEARN_ATTEMPTS => {
                    attempts += 1;
                    warn!(partition, "can't read the progress of the partition, retrying: {error}");
                    tokio::time::sleep(Duration::from_secs(attempts)).await;
                }
                Err(error) => return Err(error),
            }
        }
        let Some(place) = partitions.begin(partition, message.offset()) else {
            debug!(partition, offset = message.offset(), "the message is done already");
            return Ok(None);
        };
        Ok(Some(Waiting { place, message: message.payload().unwrap_or_default().to_vec() }))
    }

    /// Reads the progress of a partition from Kafka. `message` is the first message seen of it.
    async fn learn(&self, message: &BorrowedMessage<'_>) -> KafkaResult<Offsets> {
        let consumer = Arc::clone(&self.consumer);
        let (client, topic) = (self.kafka.client(), self.kafka.status_topic.clone());
        let first = MessageOfJob {
            topic: self.kafka.run_topic.clone(),
            partition: message.partition(),
            offset: message.offset(),
        };
        let published = message.timestamp().to_millis();
        let known = tokio::task::spawn_blocking(move || {
            let mut offsets = committed(&consumer, &first.topic, first.partition)?;
            offsets.have_ended(ended_since(&client, &topic, &first, published)?);
            Ok(offsets)
        });
        known.await.unwrap_or(Err(KafkaError::Canceled))
    }

    async fn process(
        self: Arc<Self>,
        waiting: Waiting,
        slot: OwnedSemaphorePermit,
    ) -> KafkaResult<()> {
        let Waiting { place, message } = waiting;
        if place.hand_over.is_cancelled() {
            return Ok(());
        }
        let execution_id = Arc::default();
        let statuses = JobStatuses {
            publisher: &self.publisher,
            place: &place,
            execution_id: Arc::clone(&execution_id),
        };
        let outcome = match JobRun::parse(&message) {
            Ok(job) => {
                drop(message);
                let span = info_span!("job", id = job.job_id, owner = job.owner);
                self.run_job(job, &statuses, execution_id, slot).instrument(span).await
            }
            Err(rejected) if rejected.job_id.is_some() => {
                warn!(
                    job = rejected.job_id,
                    "a message can't be taken as a job: {}", rejected.failure
                );
                self.bridge.reject(&rejected, &statuses).await
            }
            Err(rejected) => {
                let Place { partition, offset, .. } = place;
                error!(partition, offset, "a message is skipped: {}", rejected.failure);
                self.bridge.metrics().unreadable_messages.inc();
                self.publisher.finish(&place, None).await.map(|()| Outcome::HandedOver)
            }
        };
        match outcome {
            Ok(_) => Ok(()),
            Err(_) if place.hand_over.is_cancelled() => Ok(()),
            Err(error) => {
                error!("the end of a job can't be published: {error}");
                Err(KafkaError::Canceled)
            }
        }
    }

    async fn run_job(
        &self,
        job: JobRun,
        statuses: &JobStatuses<'_>,
        execution_id: Arc<Mutex<Option<String>>>,
        slot: OwnedSemaphorePermit,
    ) -> std::io::Result<Outcome> {
        let stop = Stop { hand_over: statuses.place.hand_over.clone(), ..Stop::default() };
        let abort = stop.abort.clone();
        self.registered().insert(job.job_id.clone(), RunningJob { execution_id, abort });
        let run = async {
            let budget = self.bridge.memory_budget();
            let permits = kib(budget as u64);
            let _memory = Arc::clone(&self.memory).acquire_many_owned(permits).await;
            let _counted = self.bridge.metrics().memory(budget);
            info!("begins");
            self.bridge.run(&job, statuses, &stop).await
        };
        tokio::pin!(run);
        let long = async {
            tokio::time::sleep(self.lanes.long_after).await;
            Arc::clone(&self.lanes.long).acquire_owned().await
        };
        let outcome = tokio::select! {
            outcome = &mut run => outcome,
            long = long => {
                drop(slot);
                let outcome = run.await;
                drop(long);
                outcome
            }
        };
        self.registered().remove(&job.job_id);
        match &outcome {
            Ok(Outcome::Failed(failure)) => info!("failed: {failure}"),
            Ok(Outcome::Completed(_)) => info!("completed"),
            Ok(Outcome::Aborted) => info!("stopped"),
            Ok(Outcome::HandedOver) => info!("handed over"),
            Err(_) => {}
        }
        outcome
    }
}

/// A job that panicked ends the worker, and runs again on another one.
fn ended_well(ended: Result<KafkaResult<()>, tokio::task::JoinError>) -> KafkaResult<()> {
    ended.unwrap_or_else(|panic| {
        error!("defect: a job panicked: {panic}");
        Err(KafkaError::Canceled)
    })
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}
