//! The partitions that this worker reads, and what happens when one moves to another worker.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::status::now;
use crate::worker::history::Done;
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
    /// Cancelled when the partition moves to another worker.
    hand_over: CancellationToken,
    /// Shared with every final status that is being published.
    publishing: Arc<()>,
}

/// How long a rebalance waits for final statuses that are being published.
const PATIENCE: Duration = Duration::from_secs(5);

/// The position of a message whose job runs here.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Cancelled when the partition moves to another worker.
    pub(crate) hand_over: CancellationToken,
    /// What other workers have done for the job.
    pub(crate) done: Option<Done>,
}

impl Partitions {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Partition>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (hand_over, publishing) = (CancellationToken::new(), Arc::new(()));
        let learned = Partition { offsets, begun: HashSet::new(), done, hand_over, publishing };
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

    /// A guard to hold while the final status of this message's job is published. Returns `None` if the
    /// partition belongs to another worker.
    pub(crate) fn publishing(&self, place: &Place) -> Option<Arc<()>> {
        let partitions = self.lock();
        let partition = partitions.get(&place.partition)?;
        (!place.hand_over.is_cancelled()).then(|| Arc::clone(&partition.publishing))
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
        let offsets = &mut known.offsets;
        offsets.finish(place.offset);
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, place.partition);
        element.set_metadata(offsets.text());
        Some(element.set_offset(Offset::Offset(offsets.position())).map(|()| list))
    }

    /// Releases all partitions, so that other workers can run their jobs.
    pub(crate) fn hand_over_all(&self) {
        for (_, partition) in self.lock().drain() {
            partition.hand_over.cancel();
        }
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

    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.partitions.revocations.fetch_add(1, Ordering::Relaxed);
            let removed = list.elements().into_iter().filter_map(|element| {
                let partition = self.partitions.lock().remove(&element.partition())?;
                info!(partition = element.partition(), "another worker takes over");
                partition.hand_over.cancel();
                Some(partition)
            });
            // The next worker reads the final statuses, so those being published have to arrive first.
            let (removed, started) = (removed.collect::<Vec<_>>(), Instant::now());
            let is_quiet = |partition: &Partition| Arc::strong_count(&partition.publishing) == 1;
            while !removed.iter().all(is_quiet) && started.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
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
