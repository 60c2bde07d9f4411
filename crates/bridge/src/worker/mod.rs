//! The worker: jobs from Kafka, several at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use crate::message::{JobDelete, JobRun};
use crate::status::now;
use crate::worker::ended::{MessageOfJob, ended_since};
use crate::worker::offsets::Offsets;
use crate::worker::partitions::{Place, SharedPartitions, committed};
use crate::worker::publisher::{JobStatuses, Publisher};

mod ended;
mod http;
mod offsets;
mod partitions;
mod publisher;

pub use http::serve;

/// Messages that wait for a place in the short lane. They are large, and going on after a pause takes a
/// second.
const WAITING_MOST: usize = 16;
/// Times that Kafka is asked once more how far a partition is. Then the program ends, and hands over.
const LEARN_ATTEMPTS: u64 = 4;

/// Takes jobs from a topic, as a member of a consumer group, and runs them.
pub struct Worker {
    bridge: Bridge,
    kafka: KafkaConfig,
    consumer: Arc<StreamConsumer<SharedPartitions>>,
    publisher: Publisher,
    lanes: Lanes,
    /// In KiB.
    memory: Arc<Semaphore>,
    shutdown_grace: Duration,
    running: Mutex<HashMap<String, Running>>,
    /// When Kafka was last listened to, in milliseconds since 1970.
    alive: AtomicU64,
}

/// A job that runs.
struct Running {
    execution_id: Arc<Mutex<Option<String>>>,
    abort: CancellationToken,
}

/// Jobs begin in the short lane. One that takes long moves over to the long lane when there is room, so
/// that it does not hold up those that come after it.
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
    /// A setting that Kafka's client does not take, or brokers that can't be reached.
    pub fn new(bridge: Bridge, kafka: KafkaConfig, jobs: &JobsConfig) -> KafkaResult<Arc<Self>> {
        let consumer: StreamConsumer<SharedPartitions> = kafka
            .client()
            .set("group.id", &kafka.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            // Messages are large, and few are needed at a time.
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

    /// Whether Kafka has been listened to within the last minute.
    pub fn is_alive(&self) -> bool {
        now().saturating_sub(self.alive.load(Ordering::Relaxed)) < 60_000
    }

    /// Works until `shutdown`; then takes no new jobs, lets those that run come to an end for a while,
    /// and hands the rest over to other workers.
    ///
    /// # Errors
    /// Where Kafka's client is of no more use: the program has to be started again.
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
                            // Kafka is listened to all the same, so that it knows this worker lives.
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
        info!(jobs = jobs.len(), "no new jobs are taken; those that run come to an end");
        let deadline = tokio::time::sleep(self.shutdown_grace);
        tokio::pin!(deadline);
        while !jobs.is_empty() {
            tokio::select! {
                _ = jobs.join_next() => {}
                // Kafka hears of this worker as long as its jobs run; new ones are left to others.
                _ = self.consumer.recv() => {}
                () = &mut deadline => {
                    warn!(jobs = jobs.len(), "jobs are handed over to other workers");
                    return;
                }
            }
        }
    }

    /// Tells the consumer something of all its partitions; whether it did it.
    fn tell(
        &self,
        what: &str,
        act: fn(&StreamConsumer<SharedPartitions>, &TopicPartitionList) -> KafkaResult<()>,
    ) -> bool {
        let told = self.consumer.assignment().and_then(|all| act(&self.consumer, &all));
        told.inspect_err(|error| warn!("Kafka's client can't {what}: {error}")).is_ok()
    }

    /// Takes a message in hand, unless it is done already.
    async fn take(&self, message: &BorrowedMessage<'_>) -> KafkaResult<Option<Waiting>> {
        let partitions = &self.consumer.context().0;
        let partition = message.partition();
        let mut attempts = 0;
        while !partitions.is_known(partition) {
            self.alive.store(now(), Ordering::Relaxed);
            // What this worker itself published before the partition went away and came back is there.
            self.publisher.rest().await;
            match self.learn(message).await {
                Ok(offsets) => partitions.learn(partition, offsets),
                Err(error) if attempts < LEARN_ATTEMPTS => {
                    attempts += 1;
                    warn!(partition, "Kafka does not say how far it is: {error}");
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

    /// How far a partition is, of which this message is the first to come.
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
                warn!(job = rejected.job_id, "a message is no job: {}", rejected.failure);
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
        self.registered().insert(job.job_id.clone(), Running { execution_id, abort });
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

    /// Every worker hears of every job that is to be stopped: it is a group of its own.
    async fn listen_for_deletes(self: Arc<Self>) {
        let consumer: KafkaResult<StreamConsumer> = self
            .kafka
            .client()
            .set("group.id", self.kafka.delete_group())
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            .create();
        let consumer = consumer.and_then(|consumer| {
            consumer.subscribe(&[&self.kafka.delete_topic])?;
            Ok(consumer)
        });
        let consumer = match consumer {
            Ok(consumer) => consumer,
            Err(error) => {
                error!("jobs can't be stopped: {error}");
                return;
            }
        };
        loop {
            match consumer.recv().await {
                Ok(message) => self.delete(message.payload().unwrap_or_default()),
                Err(error) => {
                    warn!("Kafka, jobs to stop: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn delete(&self, message: &[u8]) {
        let delete = match JobDelete::parse(message) {
            Ok(delete) => delete,
            Err(why) => {
                error!("a message of {} is skipped: {why}", self.kafka.delete_topic);
                self.bridge.metrics().unreadable_messages.inc();
                return;
            }
        };
        let running = self.registered();
        let Some(job) = running.get(&delete.job_id) else { return };
        let known = job.execution_id.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Of another run of the same job.
        if known.is_some() && delete.execution_id.is_some() && known != delete.execution_id {
            return;
        }
        info!(job = delete.job_id, "is to be stopped");
        job.abort.cancel();
    }

    fn registered(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that panicked is a defect, and runs again on another worker.
fn ended_well(ended: Result<KafkaResult<()>, tokio::task::JoinError>) -> KafkaResult<()> {
    ended.unwrap_or_else(|panic| {
        error!("a defect: {panic}");
        Err(KafkaError::Canceled)
    })
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}
