//! Learns the progress of partitions that were assigned to this worker, beside its jobs.
//!
//! A partition is paused while its progress is read, and the messages that have arrived of it are held.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use tracing::{info, warn};

use crate::done::Done;
use crate::worker::history::{History, MessageOfJob, history};
use crate::worker::offsets::Offsets;
use crate::worker::partitions::committed;
use crate::worker::running::JobMessage;
use crate::worker::{Work, Worker};

/// Retries when the progress of a partition can't be read. After these the worker ends, and another takes over.
const ATTEMPTS: u64 = 4;

/// The progress of a partition.
pub(super) struct Learned {
    offsets: Offsets,
    done: HashMap<i64, Done>,
    /// [`Partitions::revocations`](crate::worker::partitions::Partitions::revocations) before it was read.
    revocations: u64,
}

impl Worker {
    pub(super) fn begin_to_learn(
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
    pub(super) fn learned(self: &Arc<Self>, partition: i32, learned: Learned, work: &mut Work) {
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
                let History { read, ended, done } = history(&client, &topic, &first, published)?;
                let (known, begun) = (ended.len(), done.len());
                info!(partition, offset, statuses = read, ended = known, begun, "takes over");
                offsets.have_ended(ended);
                Ok(Learned { offsets, done, revocations })
            });
            match known.await.unwrap_or(Err(KafkaError::Canceled)) {
                Err(error) if attempts < ATTEMPTS => {
                    attempts += 1;
                    warn!(partition, "can't read the progress of the partition, retrying: {error}");
                    tokio::time::sleep(Duration::from_secs(attempts)).await;
                }
                known => return known,
            }
        }
    }
}
