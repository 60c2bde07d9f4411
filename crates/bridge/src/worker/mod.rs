//! The worker: takes jobs from Kafka and runs many at a time.
//!
//! **A query that runs in the database takes next to nothing.** The job holds its query and a compressed form of its
//! result, a few KiB. Only when its rows can be read, it waits for a place and for memory ([`lanes`]).
//!
//! **Queries outlive workers.** The statuses of a job name its message, the query in the database, and how often its rows
//! were begun. A worker that takes over a partition reads them ([`history`]) and goes on with the queries that run. A
//! worker that is told to stop leaves such queries alone, and finishes the jobs whose rows it is reading.
//!
//! **Bounds.** With `executing` jobs the consumer is paused, but still polled, so that Kafka keeps this worker in its
//! group. A partition is paused as well while its statuses are read.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::TopicPartitionList;
use taploom_jobs::{Failure, FailureCause, Outcome, Stop};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::bridge::{Bridge, Earlier};
use crate::config::{JobsConfig, KafkaConfig};
use crate::lanes::Lanes;
use crate::message::{JobRun, Rejected};
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::status::now;
use crate::worker::deletes::{RunningJob, Stops};
use crate::worker::history::{Done, History, MessageOfJob, history};
use crate::worker::offsets::Offsets;
use crate::worker::partitions::{Place, SharedPartitions, committed};
use crate::worker::publisher::{JobStatuses, Publisher, is_handed_over};

mod deletes;
mod history;
mod offsets;
mod partitions;
mod publisher;

/// Retries when the progress of a partition can't be read. After these the worker ends, and another takes over.
const LEARN_ATTEMPTS: u64 = 4;
/// Partitions whose progress is read at the same time.
const LEARNED_AT_ONCE: usize = 4;
/// Time at the end for the database to learn of queries that were ended.
const REST: Duration = Duration::from_secs(5);
/// Time without a sign of life after which the worker, or Kafka, counts as dead, in milliseconds.
const SILENT_MS: u64 = 60_000;

/// A member of a consumer group that takes jobs from a topic and runs them.
pub struct Worker {
    bridge: Bridge,
    kafka: KafkaConfig,
    consumer: Arc<StreamConsumer<SharedPartitions>>,
    publisher: Publisher,
    /// Number of jobs that this worker has at a time.
    executing: usize,
    /// How often the rows of a job are begun before it is given up.
    attempts: u32,
    shutdown_grace: Duration,
    stops: Mutex<Stops>,
    learning: Semaphore,
    /// Cancelled when this worker is to stop: queries that run are left to other workers.
    leaves: CancellationToken,
    /// When Kafka was last polled, in milliseconds since 1970.
    alive: AtomicU64,
}

/// A message of a job.
struct JobMessage {
    /// In milliseconds since 1970, if known.
    published: Option<i64>,
    /// Parsed as soon as it arrives, because the message itself may take a MiB.
    job: Result<JobRun, Rejected>,
}

/// The jobs and the partitions of a worker that is at work.
#[derive(Default)]
struct Work {
    jobs: JoinSet<KafkaResult<()>>,
    /// Partitions whose progress is being read.
    learning: JoinSet<(i32, KafkaResult<Learned>)>,
    /// Messages of those partitions, by offset.
    held: HashMap<i32, BTreeMap<i64, JobMessage>>,
    /// Whether all partitions are paused.
    is_full: bool,
}

/// The progress of a partition.
struct Learned {
    offsets: Offsets,
    done: HashMap<i64, Done>,
    /// [`Partitions::revocations`](partitions::Partitions::revocations) before it was read.
    revocations: u64,
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
            // Tells whether any broker can be reached.
            .set("statistics.interval.ms", "5000")
            .create_with_context(SharedPartitions::default())?;
        let consumer = Arc::new(consumer);
        let publisher = Publisher::new(
            &kafka.client(),
            Arc::clone(&consumer),
            &kafka.run_topic,
            &kafka.status_topic,
        )?;
        consumer.subscribe(&[&kafka.run_topic])?;
        let lanes = Lanes::new(jobs, bridge.memory_budget(), bridge.metrics());
        Ok(Arc::new(Self {
            bridge: bridge.with_gate(Arc::new(lanes)),
            consumer,
            publisher,
            executing: jobs.executing,
            attempts: jobs.attempts,
            shutdown_grace: jobs.shutdown_grace(),
            stops: Mutex::default(),
            learning: Semaphore::new(LEARNED_AT_ONCE),
            leaves: CancellationToken::new(),
            alive: AtomicU64::new(now()),
            kafka,
        }))
    }

    /// Works until `shutdown`. Then it takes no new jobs, leaves the queries that run to other workers, finishes the jobs
    /// whose rows are being read within the grace period, and leaves the rest to other workers.
    ///
    /// # Errors
    /// Kafka's client can't be used any more: the program has to be restarted.
    pub async fn run(self: &Arc<Self>, shutdown: &CancellationToken) -> KafkaResult<()> {
        let deletes = tokio::spawn(Arc::clone(self).listen_for_deletes());
        let mut work = Work::default();
        let worked = loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                Some(ended) = work.jobs.join_next(), if !work.jobs.is_empty() => {
                    if let Err(error) = ended_well(ended) {
                        break Err(error);
                    }
                    if work.is_full && work.jobs.len() <= self.executing - self.executing / 4 {
                        work.is_full = !self.tell("go on", Consumer::resume, |partition| {
                            !work.held.contains_key(&partition)
                        });
                    }
                }
                Some(learned) = work.learning.join_next(), if !work.learning.is_empty() => {
                    match learned {
                        Ok((partition, Ok(learned))) => self.learned(partition, learned, &mut work),
                        Ok((_, Err(error))) => break Err(error),
                        Err(_) => break Err(KafkaError::Canceled),
                    }
                }
                received = self.consumer.recv() => match received {
                    Ok(message) => {
                        let (partition, offset) = (message.partition(), message.offset());
                        self.take(partition, offset, JobMessage::of(&message), &mut work);
                        if work.jobs.len() >= self.executing {
                            // The consumer is still polled, so that Kafka keeps this worker in the group.
                            work.is_full = self.tell("pause", Consumer::pause, |_| true);
                        }
                    }
                    Err(error) => warn!("Kafka: {error}"),
                },
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
            self.alive.store(now(), Ordering::Relaxed);
        };
        work.learning.abort_all();
        if worked.is_ok() {
            self.end_jobs(&mut work.jobs).await;
        }
        deletes.abort();
        self.consumer.context().partitions.hand_over_all();
        while work.jobs.join_next().await.is_some() {}
        let rest = tokio::time::timeout(REST, self.bridge.rest());
        if rest.await.is_err() {
            warn!("the database was not told of the end of all queries in time");
        }
        self.consumer.unsubscribe();
        worked
    }

    async fn end_jobs(&self, jobs: &mut JoinSet<KafkaResult<()>>) {
        info!(jobs = jobs.len(), "shutting down: queries that run are left to other workers");
        self.leaves.cancel();
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

    /// Pauses or resumes the partitions of this worker for which `which` holds. Returns whether that succeeded.
    fn tell(
        &self,
        what: &str,
        act: fn(&StreamConsumer<SharedPartitions>, &TopicPartitionList) -> KafkaResult<()>,
        which: impl Fn(i32) -> bool,
    ) -> bool {
        let told = self.consumer.assignment().and_then(|all| {
            let mut some = TopicPartitionList::new();
            for element in all.elements() {
                if which(element.partition()) {
                    some.add_partition(element.topic(), element.partition());
                }
            }
            act(&self.consumer, &some)
        });
        told.inspect_err(|error| warn!("Kafka's client can't {what}: {error}")).is_ok()
    }

    /// Begins the job of a message, unless it has ended already. The first message of a partition waits until the progress
    /// of the partition is read, and so do those behind it.
    fn take(self: &Arc<Self>, partition: i32, offset: i64, message: JobMessage, work: &mut Work) {
        let partitions = &self.consumer.context().partitions;
        if let Some(held) = work.held.get_mut(&partition) {
            held.insert(offset, message);
            // It may have come back in the meantime, and is not paused then.
            self.tell("pause a partition", Consumer::pause, |other| other == partition);
            return;
        }
        if !partitions.is_known(partition) {
            self.tell("pause a partition", Consumer::pause, |other| other == partition);
            let held = BTreeMap::from([(offset, message)]);
            self.begin_to_learn(partition, held, work);
            return;
        }
        match partitions.begin(partition, offset) {
            Some(place) => {
                work.jobs.spawn(Arc::clone(self).process(message, place));
            }
            None => debug!(partition, offset, "the message is done already"),
        }
    }

    fn begin_to_learn(
        self: &Arc<Self>,
        partition: i32,
        held: BTreeMap<i64, JobMessage>,
        work: &mut Work,
    ) {
        let Some((offset, first)) = held.first_key_value() else { return };
        let (this, offset, published) = (Arc::clone(self), *offset, first.published);
        work.held.insert(partition, held);
        work.learning
            .spawn(async move { (partition, this.learn(partition, offset, published).await) });
    }

    /// Begins with a partition whose progress is known now.
    fn learned(self: &Arc<Self>, partition: i32, learned: Learned, work: &mut Work) {
        let held = work.held.remove(&partition).unwrap_or_default();
        let partitions = &self.consumer.context().partitions;
        // It may have moved to another worker in the meantime, and even come back.
        let assignment = self.consumer.assignment().unwrap_or_default();
        if assignment.find_partition(&self.kafka.run_topic, partition).is_none() {
            return;
        }
        if partitions.revocations() != learned.revocations {
            self.begin_to_learn(partition, held, work);
            return;
        }
        partitions.learn(partition, learned.offsets, learned.done);
        for (offset, message) in held {
            self.take(partition, offset, message, work);
        }
        if !work.is_full {
            self.tell("go on", Consumer::resume, |other| other == partition);
        }
    }

    /// Reads the progress of a partition from Kafka. `offset` is of the first message seen of it, and `published` its
    /// time.
    async fn learn(
        &self,
        partition: i32,
        offset: i64,
        published: Option<i64>,
    ) -> KafkaResult<Learned> {
        let mut attempts = 0;
        let _turn = self.learning.acquire().await;
        loop {
            // The partition may have been here before: wait for final statuses of this worker to arrive.
            self.publisher.rest().await;
            let consumer = Arc::clone(&self.consumer);
            let (client, topic) = (self.kafka.client(), self.kafka.status_topic.clone());
            let first = MessageOfJob { topic: self.kafka.run_topic.clone(), partition, offset };
            let revocations = self.consumer.context().partitions.revocations();
            let known = tokio::task::spawn_blocking(move || {
                let mut offsets = committed(&consumer, &first.topic, partition)?;
                let History { ended, done } = history(&client, &topic, &first, published)?;
                offsets.have_ended(ended);
                Ok(Learned { offsets, done, revocations })
            });
            match known.await.unwrap_or(Err(KafkaError::Canceled)) {
                Err(error) if attempts < LEARN_ATTEMPTS => {
                    attempts += 1;
                    warn!(partition, "can't read the progress of the partition, retrying: {error}");
                    tokio::time::sleep(Duration::from_secs(attempts)).await;
                }
                known => return known,
            }
        }
    }

    async fn process(self: Arc<Self>, message: JobMessage, place: Place) -> KafkaResult<()> {
        if place.hand_over.is_cancelled() {
            return Ok(());
        }
        let done = place.done.clone().unwrap_or_default();
        let statuses = JobStatuses::new(&self.publisher, &place, done.clone());
        let outcome = match message.job {
            Ok(job) => {
                let span = info_span!("job", id = job.job_id, owner = job.owner);
                let run = self.run_job(job, message.published, done, &place, &statuses);
                run.instrument(span).await
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
            Err(error) if place.hand_over.is_cancelled() || is_handed_over(&error) => Ok(()),
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
        if done.reads >= self.attempts {
            let times = done.reads;
            let message =
                format!("the job is given up: {times} workers ended while they read its rows");
            error!("{message}");
            let failure = Failure::new(FailureCause::Internal, message);
            return self.bridge.reject(&job.rejected(failure), statuses).await;
        }
        let stop = Stop {
            hand_over: place.hand_over.clone(),
            hand_over_query: self.leaves.clone(),
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
        info!("begins");
        let used = Duration::from_millis(done.used);
        let earlier = Earlier { execution_id: done.execution_id, used };
        let panicked = job.rejected(Failure::defect());
        let run = AssertUnwindSafe(self.bridge.go_on(job, earlier, statuses, &stop));
        let outcome = match run.catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => {
                error!("defect: the job panicked");
                let known = statuses.execution_id();
                let query = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                query.into_iter().for_each(|id| self.bridge.abandon(id));
                self.bridge.reject(&panicked, statuses).await
            }
        };
        self.stops().leave(key);
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

impl Observed for Worker {
    fn metrics(&self) -> &Metrics {
        self.bridge.metrics()
    }

    /// It hangs, or no broker can be reached.
    fn complaint(&self) -> Option<&'static str> {
        let is_silent = |since: u64| now().saturating_sub(since) > SILENT_MS;
        if is_silent(self.alive.load(Ordering::Relaxed)) {
            return Some("the worker has not polled Kafka for a minute");
        }
        is_silent(self.consumer.context().reached.load(Ordering::Relaxed))
            .then_some("no broker of Kafka could be reached for a minute")
    }
}

impl JobMessage {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            published: message.timestamp().to_millis(),
            job: JobRun::parse(message.payload().unwrap_or_default()),
        }
    }
}

/// A defect of this module ends the worker.
fn ended_well(ended: Result<KafkaResult<()>, tokio::task::JoinError>) -> KafkaResult<()> {
    ended.unwrap_or_else(|panic| {
        error!("defect: the task of a job panicked: {panic}");
        Err(KafkaError::Canceled)
    })
}
