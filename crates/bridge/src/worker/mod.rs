//! The worker: takes jobs from Kafka and runs many at a time.
//!
//! **A query that runs in the database takes next to nothing.** The job holds the parts of its message, the text of the query
//! and the form of its result, compressed: some 10 KiB for a thousand columns. Only when its rows can be read, it waits for a
//! place and for memory ([`lanes`]).
//!
//! **Queries outlive workers.** The statuses of a job name its message, the query in the database, and how often its rows
//! were begun. A worker that takes over a partition reads them ([`history`]) and goes on with the queries that run. A
//! worker that is told to stop leaves such queries alone, and finishes the jobs whose rows it is reading.
//!
//! **Bounds.** With `executing` jobs the consumer is paused, but still polled, so that Kafka keeps this worker in its
//! group. A partition is paused as well while its statuses are read.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::bridge::Bridge;
use crate::config::{JobsConfig, KafkaConfig};
use crate::lanes::Lanes;
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::status::now;
use crate::worker::deletes::Stops;
use crate::worker::learning::Learned;
use crate::worker::partitions::SharedPartitions;
use crate::worker::publisher::Publisher;
use crate::worker::running::{JobMessage, ended_well};

mod deletes;
mod history;
mod job_statuses;
mod learning;
mod offsets;
mod partitions;
mod publisher;
mod retries;
mod running;

/// Partitions whose progress is read at the same time.
const LEARNED_AT_ONCE: usize = 4;
/// The last part of the grace period, for Kafka and the database to learn of jobs that were ended; at most a quarter.
const REST: Duration = Duration::from_secs(5);
/// Time after which a worker without anything to do shows that it is alive.
const POLL: Duration = Duration::from_secs(5);
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
    /// When Kafka was last polled, in milliseconds since 1970.
    alive: AtomicU64,
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
            alive: AtomicU64::new(now()),
            kafka,
        }))
    }

    /// Works until `shutdown`. Then it takes no new jobs, leaves the queries that run to other workers, finishes the jobs
    /// whose rows are being read within the grace period, and leaves the rest to other workers. It returns within the grace
    /// period.
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
                () = tokio::time::sleep(POLL) => {}
            }
            self.alive.store(now(), Ordering::Relaxed);
        };
        work.learning.abort_all();
        deletes.abort();
        let deadline = Instant::now() + self.shutdown_grace;
        if worked.is_ok() {
            self.end_jobs(&mut work.jobs, deadline - REST.min(self.shutdown_grace / 4)).await;
        }
        self.consumer.context().partitions.hand_over_all();
        let ended = async { while work.jobs.join_next().await.is_some() {} };
        if timeout_at(deadline, ended).await.is_err() {
            warn!("Kafka was not told in time how far the jobs have come");
        }
        self.consumer.unsubscribe();
        tokio::select! {
            rested = timeout_at(deadline, self.bridge.rest()) => if rested.is_err() {
                warn!("the database or the store was not told of all ends in time");
            },
            // Polling lets Kafka's client leave the group.
            () = self.pass_over() => {}
        }
        worked
    }

    /// Polls Kafka, and leaves its messages to other workers.
    async fn pass_over(&self) {
        loop {
            let _ = timeout(POLL, self.consumer.recv()).await;
            self.alive.store(now(), Ordering::Relaxed);
        }
    }

    async fn end_jobs(&self, jobs: &mut JoinSet<KafkaResult<()>>, deadline: Instant) {
        info!(jobs = jobs.len(), "shutting down: queries that run are left to other workers");
        self.consumer.context().partitions.leave_queries();
        let ended = async { while jobs.join_next().await.is_some() {} };
        tokio::select! {
            ended = timeout_at(deadline, ended) => if ended.is_err() {
                warn!("the grace period is over: other workers take the other jobs over");
            },
            // Polling keeps this worker in the group while its jobs run.
            () = self.pass_over() => {}
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
}

impl Observed for Worker {
    fn metrics(&self) -> &Metrics {
        self.bridge.metrics()
    }

    /// It hangs, or no broker can be reached.
    fn complaint(&self) -> Option<&'static str> {
        self.hangs().or_else(|| {
            is_silent(&self.consumer.context().reached)
                .then_some("no broker of Kafka could be reached for a minute")
        })
    }

    /// Kafka's client is polled whether or not a broker answers.
    fn hangs(&self) -> Option<&'static str> {
        is_silent(&self.alive).then_some("the worker has not polled Kafka for a minute")
    }
}

/// Whether the last sign of life is too old.
fn is_silent(since: &AtomicU64) -> bool {
    now().saturating_sub(since.load(Ordering::Relaxed)) > SILENT_MS
}
