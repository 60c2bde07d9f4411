//! Finds the jobs that have ended, by their published final statuses.
//!
//! A worker publishes the final status of a job and then commits its message. A worker that dies in between
//! leaves a job that has ended and a message that still asks for it. Each final status therefore names its
//! message in a header, and the worker that takes over a partition reads the statuses that were published since
//! the first uncommitted message. Transactions are not used: they hide a status only from readers that ask for
//! committed messages.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Headers, Message};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::RDKafkaErrorCode;
use tracing::info;

/// The header of a final status that names the message of its job.
pub(crate) const MESSAGE_HEADER: &str = "taploom-job-run";

/// Time after which a silent Kafka is an error.
const LIMIT: Duration = Duration::from_secs(30);

/// Largest expected difference between the clocks of publishers.
const CLOCKS_DIFFER_MS: i64 = 10 * 60 * 1000;

/// Number of statuses to read from a partition if no time is known.
const LATEST: i64 = 1000;

/// A message of the topic of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageOfJob {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// The form in the header: `lsst.tap.job-run/3/1234`.
impl fmt::Display for MessageOfJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl MessageOfJob {
    fn parse(text: &str) -> Option<Self> {
        let (rest, offset) = text.rsplit_once('/')?;
        let (topic, partition) = rest.rsplit_once('/')?;
        let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
        Some(Self { topic: topic.to_owned(), partition, offset })
    }
}

/// The messages of a partition, from `first` on, whose jobs have a final status. Only statuses are read that
/// were published after `published` (in milliseconds since 1970, if known). Blocks.
pub(crate) fn ended_since(
    client: &ClientConfig,
    status_topic: &str,
    first: &MessageOfJob,
    published: Option<i64>,
) -> KafkaResult<BTreeSet<i64>> {
    let mut client = client.clone();
    client
        // librdkafka requires a group. Nothing is committed in it.
        .set("group.id", "taploom-ended")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = client.create()?;
    let from = beginnings(&consumer, status_topic, published)?;
    let mut unread: HashSet<i32> =
        from.elements().iter().map(TopicPartitionListElem::partition).collect();
    consumer.assign(&from)?;
    let mut ended = BTreeSet::new();
    let (mut read, mut heard) = (0_u64, Instant::now());
    while !unread.is_empty() {
        match consumer.poll(Duration::from_millis(500)) {
            None if heard.elapsed() > LIMIT => {
                return Err(KafkaError::Global(RDKafkaErrorCode::OperationTimedOut));
            }
            None => continue,
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(error)) => return Err(error),
            Some(Ok(status)) => {
                read += 1;
                let headers = status.headers().into_iter().flat_map(Headers::iter);
                let values = headers.filter(|header| header.key == MESSAGE_HEADER);
                let texts = values.filter_map(|header| std::str::from_utf8(header.value?).ok());
                let of_partition = texts.filter_map(MessageOfJob::parse).filter(|message| {
                    message.topic == first.topic && message.partition == first.partition
                });
                let offsets = of_partition.map(|message| message.offset);
                ended.extend(offsets.filter(|offset| *offset >= first.offset));
            }
        }
        heard = Instant::now();
    }
    let MessageOfJob { partition, offset, .. } = first;
    info!(partition, offset, statuses = read, ended = ended.len(), "takes over");
    Ok(ended)
}

/// The offset at which to begin in each partition of the status topic.
fn beginnings(
    consumer: &BaseConsumer,
    topic: &str,
    published: Option<i64>,
) -> KafkaResult<TopicPartitionList> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    let partitions: Vec<i32> = partitions.map(MetadataPartition::id).collect();
    let mut from = TopicPartitionList::new();
    let Some(published) = published else {
        for partition in partitions {
            from.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        return Ok(from);
    };
    let since = Offset::Offset((published - CLOCKS_DIFFER_MS).max(0));
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition_offset(topic, partition, since)?;
    }
    for found in consumer.offsets_for_times(asked, LIMIT)?.elements() {
        // No status is that late, or the broker does not index times, as librdkafka's mock broker.
        let offset = match found.offset() {
            Offset::Offset(offset) => Offset::Offset(offset),
            _ => Offset::OffsetTail(LATEST),
        };
        from.add_partition_offset(topic, found.partition(), offset)?;
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_place() {
        let message = MessageOfJob { topic: "a/b".to_owned(), partition: 3, offset: 1234 };
        assert_eq!(MessageOfJob::parse(&message.to_string()), Some(message));
        for text in ["", "a", "a/1", "a/x/1", "a/1/x", "1/2"] {
            assert_eq!(MessageOfJob::parse(text), None, "{text}");
        }
    }
}
