//! The partitions that this worker reads.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::worker::offsets::Offsets;

/// How far each partition is, and whether it is still this worker's.
#[derive(Default)]
pub(crate) struct Partitions(Mutex<HashMap<i32, Partition>>);

struct Partition {
    offsets: Offsets,
    /// Its jobs are another worker's now.
    hand_over: CancellationToken,
}

/// One message in hand.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Set where the partition went to another worker.
    pub(crate) hand_over: CancellationToken,
}

impl Partitions {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Partition>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_known(&self, partition: i32) -> bool {
        self.lock().contains_key(&partition)
    }

    /// Remembers what Kafka has of a partition.
    pub(crate) fn learn(&self, partition: i32, committed: &TopicPartitionList) {
        let elements = committed.elements();
        let found = elements.iter().find(|element| element.partition() == partition);
        let offsets = match found.map(|element| (element.offset(), element.metadata())) {
            Some((Offset::Offset(position), text)) => Offsets::committed(position, text),
            _ => Offsets::committed(0, ""),
        };
        let hand_over = CancellationToken::new();
        self.lock().entry(partition).or_insert(Partition { offsets, hand_over });
    }

    /// Takes a message in hand; `None` where it is done, or its partition is another worker's.
    pub(crate) fn begin(&self, partition: i32, offset: i64) -> Option<Place> {
        let mut partitions = self.lock();
        let known = partitions.get_mut(&partition)?;
        let hand_over = known.hand_over.clone();
        known.offsets.begin(offset).then_some(Place { partition, offset, hand_over })
    }

    /// What to commit when this message is done too; `None` where its partition is another worker's.
    pub(crate) fn after(
        &self,
        topic: &str,
        place: &Place,
    ) -> Option<KafkaResult<TopicPartitionList>> {
        let partitions = self.lock();
        let partition = partitions.get(&place.partition)?;
        if place.hand_over.is_cancelled() {
            return None;
        }
        let mut offsets = partition.offsets.clone();
        offsets.finish(place.offset);
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, place.partition);
        element.set_metadata(offsets.text());
        Some(element.set_offset(Offset::Offset(offsets.position())).map(|()| list))
    }

    /// The message is done, and Kafka knows it.
    pub(crate) fn finish(&self, place: &Place) {
        if let Some(partition) = self.lock().get_mut(&place.partition) {
            partition.offsets.finish(place.offset);
        }
    }

    /// Hands all jobs over.
    pub(crate) fn hand_over_all(&self) {
        for (_, partition) in self.lock().drain() {
            partition.hand_over.cancel();
        }
    }
}

impl ClientContext for SharedPartitions {}

/// Learns from the consumer which partitions go away.
#[derive(Clone, Default)]
pub(crate) struct SharedPartitions(pub(crate) std::sync::Arc<Partitions>);

impl ConsumerContext for SharedPartitions {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let mut partitions = self.0.lock();
            for element in list.elements() {
                if let Some(partition) = partitions.remove(&element.partition()) {
                    info!(partition = element.partition(), "another worker takes over");
                    partition.hand_over.cancel();
                }
            }
        }
    }
}

/// What Kafka has of a partition; blocks.
pub(crate) fn committed(
    consumer: &StreamConsumer<SharedPartitions>,
    topic: &str,
    partition: i32,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    consumer.committed_offsets(list, std::time::Duration::from_secs(30))
}
