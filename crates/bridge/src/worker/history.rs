//! Learns from the published statuses what other workers have done.
//!
//! A worker publishes the final status of a job and then commits its message. A worker that dies in between
//! leaves a job that has ended and a message that still asks for it. Each status therefore names its message in a header,
//! and the worker that takes over a partition reads the statuses that were published since the first uncommitted message.
//! From a final one it learns that the job has ended; from another one, by which query in the database to go on, and how
//! often the rows of the job were begun. Transactions are not used: they hide a status only from readers that ask for
//! committed messages.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Headers, Message};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::RDKafkaErrorCode;
use tracing::info;

/// The header of a status that names the message of its job.
pub(crate) const MESSAGE_HEADER: &str = "taploom-job-run";
/// The header of a status that is not final: what was done for the job.
pub(crate) const DONE_HEADER: &str = "taploom-job-done";

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

/// What was done for a job that has not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// When the job was begun for the first time, in milliseconds since 1970.
    pub(crate) began: u64,
    /// How often the reading of its rows was begun.
    pub(crate) reads: u32,
    /// The query that runs in the database, unless its rows were begun: a worker that ended then has left them half
    /// read.
    pub(crate) execution_id: Option<String>,
}

/// The form in the header: `began=1796085245858 reads=0 execution=4711`.
impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "began={} reads={}", self.began, self.reads)?;
        self.execution_id.iter().try_for_each(|id| write!(f, " execution={id}"))
    }
}

impl Done {
    fn parse(text: &str) -> Option<Self> {
        let (began, rest) = text.strip_prefix("began=")?.split_once(" reads=")?;
        let (reads, execution_id) = match rest.split_once(" execution=") {
            Some((reads, id)) => (reads, Some(id.to_owned())),
            None => (rest, None),
        };
        Some(Self { began: began.parse().ok()?, reads: reads.parse().ok()?, execution_id })
    }
}

/// What other workers have done for the messages of a partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The messages whose jobs have ended.
    pub(crate) ended: BTreeSet<i64>,
    /// The messages whose jobs were begun and have not ended.
    pub(crate) done: HashMap<i64, Done>,
}

impl History {
    /// Takes up a status, by its headers.
    fn add(&mut self, first: &MessageOfJob, message: &str, done: Option<&str>) {
        let Some(message) = MessageOfJob::parse(message) else { return };
        let MessageOfJob { topic, partition, offset } = message;
        if (&topic, partition) != (&first.topic, first.partition) || offset < first.offset {
            return;
        }
        match done {
            Some(done) => {
                self.done.extend(Done::parse(done).map(|done| (offset, done)));
            }
            None => {
                self.done.remove(&offset);
                self.ended.insert(offset);
            }
        }
    }
}

/// What was done for the messages of a partition, from `first` on. Only statuses are read that were published after
/// `published` (in milliseconds since 1970, if known). Blocks.
pub(crate) fn history(
    client: &ClientConfig,
    status_topic: &str,
    first: &MessageOfJob,
    published: Option<i64>,
) -> KafkaResult<History> {
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
    let mut history = History::default();
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
                let text = |key| {
                    let mut headers = status.headers().into_iter().flat_map(Headers::iter);
                    let header = headers.find(|header| header.key == key);
                    header.and_then(|header| std::str::from_utf8(header.value?).ok())
                };
                if let Some(message) = text(MESSAGE_HEADER) {
                    history.add(first, message, text(DONE_HEADER));
                }
            }
        }
        heard = Instant::now();
    }
    let MessageOfJob { partition, offset, .. } = first;
    let (ended, begun) = (history.ended.len(), history.done.len());
    info!(partition, offset, statuses = read, ended, begun, "takes over");
    Ok(history)
}

/// The offset at which to begin in each partition of a topic, to read what was published since a time. Blocks.
pub(super) fn beginnings<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
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

    #[test]
    fn what_was_done_is_read_from_the_last_status() {
        let first = MessageOfJob { topic: "run".to_owned(), partition: 3, offset: 10 };
        let done = |reads, execution_id: Option<&str>| Done {
            began: 1_796_085_245_858,
            reads,
            execution_id: execution_id.map(str::to_owned),
        };
        let mut history = History::default();
        for (message, done) in [
            ("run/3/9", Some(done(0, Some("8")))),
            ("run/2/10", Some(done(0, Some("8")))),
            ("run/3/10", Some(done(0, Some("4711 a")))),
            ("run/3/11", Some(done(0, Some("12")))),
            ("run/3/11", Some(done(1, None))),
            ("run/3/12", Some(done(0, Some("13")))),
            ("run/3/12", None),
        ] {
            history.add(&first, message, done.map(|done| done.to_string()).as_deref());
        }
        history.add(&first, "run/3/14", Some("of another version"));
        assert_eq!(history.ended, BTreeSet::from([12]));
        let expected = HashMap::from([(10, done(0, Some("4711 a"))), (11, done(1, None))]);
        assert_eq!(history.done, expected);
    }
}
