//! The partitions that this worker reads, and what happens when one moves to another worker.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::done::Done;
use crate::lock::lock;
use crate::status::now;
use crate::worker::offsets::Offsets;

/// The progress of each partition that belongs to this worker.
#[derive(Default)]
pub(crate) struct Partitions {
    known: Mutex<HashMap<i32, Partition>>,
    /// Number of times that partitions were revoked.
    revocations: AtomicU64,
}

struct Partition {
    offsets: Offsets,
    /// Unfinished messages that were begun here: Kafka may deliver one again.
    begun: HashSet<i64>,
    /// What other workers have done for messages that were not begun here yet.
    done: HashMap<i64, Done>,
    hand_over: HandOver,
    /// Shared with the jobs that read rows, and with every final status that is being published.
    busy: Arc<()>,
}

/// How a partition moves to another worker. Its jobs obey these tokens.
#[derive(Clone, Default)]
pub(crate) struct HandOver {
    /// Cancelled first if there is time: queries that run are left to the next worker, and jobs that read rows go on.
    pub(crate) queries: CancellationToken,
    /// Cancelled when the partition moves: its jobs end here.
    pub(crate) jobs: CancellationToken,
    /// Cancelled before `jobs` if the partition has moved already: nothing may be published any more.
    pub(crate) lost: CancellationToken,
}

/// How long a rebalance waits for jobs that read rows: Qserv gives the rows of a query once, so the query would have to
/// run again. Other workers go on with their jobs in the meantime.
const READERS: Duration = Duration::from_secs(10);
/// How long a rebalance waits for statuses that are being published.
const PUBLISHERS: Duration = Duration::from_secs(5);

/// The position of a message whose job runs here.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) hand_over: HandOver,
    /// What other workers have done for the job.
    pub(crate) done: Option<Done>,
}

impl Partitions {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Partition>> {
        lock(&self.known)
    }

    pub(crate) fn is_known(&self, partition: i32) -> bool {
        self.lock().contains_key(&partition)
    }

    /// A number that changes when any partition is revoked: what was learned before may be out of date.
    pub(crate) fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::Relaxed)
    }

    /// Stores the progress of a partition that was assigned to this worker.
    pub(crate) fn learn(&self, partition: i32, offsets: Offsets, done: HashMap<i64, Done>) {
        let (hand_over, busy) = (HandOver::default(), Arc::new(()));
        let learned = Partition { offsets, begun: HashSet::new(), done, hand_over, busy };
        self.lock().entry(partition).or_insert(learned);
    }

    /// Marks a message as begun. Returns `None` if its job has ended or was begun here before, or its partition belongs to
    /// another worker.
    pub(crate) fn begin(&self, partition: i32, offset: i64) -> Option<Place> {
        let mut partitions = self.lock();
        let known = partitions.get_mut(&partition)?;
        let (hand_over, done) = (known.hand_over.clone(), known.done.remove(&offset));
        let begins = known.offsets.begin(offset) && known.begun.insert(offset);
        begins.then_some(Place { partition, offset, hand_over, done })
    }

    /// A guard to hold while rows of this message's job are read, and while its final status is published. Returns `None`
    /// if the partition belongs to another worker.
    pub(crate) fn busy(&self, place: &Place) -> Option<Arc<()>> {
        let partitions = self.lock();
        let partition = partitions.get(&place.partition)?;
        (!place.hand_over.jobs.is_cancelled()).then(|| Arc::clone(&partition.busy))
    }

    /// What to commit for the partition of a message. Returns `None` if it belongs to another worker.
    pub(crate) fn position(
        &self,
        topic: &str,
        place: &Place,
    ) -> Option<KafkaResult<TopicPartitionList>> {
        let partitions = self.lock();
        let known = partitions.get(&place.partition)?;
        (!place.hand_over.jobs.is_cancelled()).then(|| known.position(topic, place.partition))
    }

    /// Marks a message as done, and returns what to commit.
    pub(crate) fn after(
        &self,
        topic: &str,
        place: &Place,
    ) -> Option<KafkaResult<TopicPartitionList>> {
        let mut partitions = self.lock();
        let known = partitions.get_mut(&place.partition)?;
        known.begun.remove(&place.offset);
        known.offsets.finish(place.offset);
        Some(known.position(topic, place.partition))
    }

    /// Leaves the queries that run to other workers. Jobs that read rows go on.
    pub(crate) fn leave_queries(&self) {
        self.lock().values().for_each(|partition| partition.hand_over.queries.cancel());
    }

    /// Releases all partitions, so that other workers can run their jobs.
    pub(crate) fn hand_over_all(&self) {
        for (_, partition) in self.lock().drain() {
            partition.hand_over.jobs.cancel();
        }
    }

    /// Releases partitions that Kafka takes away, or has given away already if they are lost. Blocks while jobs read their
    /// rows, and while statuses are published: the next worker reads the statuses.
    fn revoke(&self, revoked: &[i32], is_lost: bool) {
        self.revocations.fetch_add(1, Ordering::Relaxed);
        let find = |number: &i32| {
            let partitions = self.lock();
            let partition = partitions.get(number)?;
            Some((partition.hand_over.clone(), Arc::downgrade(&partition.busy)))
        };
        let (moving, busy): (Vec<HandOver>, Vec<Weak<()>>) =
            revoked.iter().filter_map(find).unzip();
        if is_lost {
            moving.iter().for_each(|hand_over| hand_over.lost.cancel());
        } else {
            moving.iter().for_each(|hand_over| hand_over.queries.cancel());
            wait(READERS, || busy.iter().all(|busy| busy.strong_count() <= 1));
        }
        for number in revoked {
            if self.lock().remove(number).is_some() {
                info!(partition = number, "another worker takes over");
            }
        }
        moving.iter().for_each(|hand_over| hand_over.jobs.cancel());
        if !is_lost {
            wait(PUBLISHERS, || busy.iter().all(|busy| busy.strong_count() == 0));
        }
    }
}

impl Partition {
    fn position(&self, topic: &str, partition: i32) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, partition);
        element.set_metadata(self.offsets.text());
        element.set_offset(Offset::Offset(self.offsets.position())).map(|()| list)
    }
}

/// Waits until something holds, or for the longest time. Blocks.
fn wait(longest: Duration, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() && started.elapsed() < longest {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The context of the consumer, which reports partitions that are revoked, and whether brokers can be reached.
#[derive(Clone)]
pub(crate) struct SharedPartitions {
    pub(crate) partitions: Arc<Partitions>,
    /// When a broker was last connected, in milliseconds since 1970.
    pub(crate) reached: Arc<AtomicU64>,
}

impl Default for SharedPartitions {
    fn default() -> Self {
        Self { partitions: Arc::default(), reached: Arc::new(AtomicU64::new(now())) }
    }
}

impl ClientContext for SharedPartitions {
    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            self.reached.store(now(), Ordering::Relaxed);
        }
    }
}

impl ConsumerContext for SharedPartitions {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // librdkafka remembers that a partition was paused, also when it has been away.
        if let Rebalance::Assign(list) = rebalance
            && let Err(error) = consumer.resume(list)
        {
            warn!("Kafka's client can't resume new partitions: {error}");
        }
    }

    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let revoked: Vec<i32> =
                list.elements().iter().map(TopicPartitionListElem::partition).collect();
            self.partitions.revoke(&revoked, consumer.assignment_lost());
        }
    }
}

/// The committed progress of a partition. Blocks.
pub(crate) fn committed(
    consumer: &StreamConsumer<SharedPartitions>,
    topic: &str,
    partition: i32,
) -> KafkaResult<Offsets> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let committed = consumer.committed_offsets(list, Duration::from_secs(30))?;
    let found = committed.find_partition(topic, partition);
    Ok(match found.as_ref().map(|element| (element.offset(), element.metadata())) {
        Some((Offset::Offset(position), text)) => Offsets::committed(position, text),
        _ => Offsets::committed(0, ""),
    })
}
