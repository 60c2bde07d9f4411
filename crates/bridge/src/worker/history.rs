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

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset};
use tracing::warn;

use crate::done::Done;

/// The header of a final status: the message of its job.
pub(crate) const ENDED_HEADER: &str = "taploom-job-run";
/// The header of a status that is not final: the message of its job, and what was done for the job.
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

/// What other workers have done for the messages of a partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// Number of statuses that were read.
    pub(crate) read: u64,
    /// The messages whose jobs have ended.
    pub(crate) ended: BTreeSet<i64>,
    /// The messages whose jobs were begun and have not ended.
    pub(crate) done: HashMap<i64, Done>,
}

impl History {
    /// Takes up a status, by a header of it.
    fn add(&mut self, first: &MessageOfJob, header: &str, text: &str) {
        let (message, done) = match (header, text.split_once(' ')) {
            (DONE_HEADER, Some((message, done))) => (message, Done::parse(done)),
            (ENDED_HEADER, _) => (text, None),
            _ => return,
        };
        let Some(MessageOfJob { topic, partition, offset }) = MessageOfJob::parse(message) else {
            return;
        };
        if (&topic, partition) != (&first.topic, first.partition) || offset < first.offset {
            return;
        }
        if header == ENDED_HEADER {
            self.done.remove(&offset);
            self.ended.insert(offset);
        } else if let Some(mut done) = done {
            if let Some(before) = self.done.remove(&offset) {
                done.earlier = before.earlier;
                let other = before.execution_id.filter(|id| done.execution_id.as_ref() != Some(id));
                done.earlier.extend(other);
            }
            self.done.insert(offset, done);
        }
    }
}

/// The context of a consumer that reads a topic to its end.
struct Reader;

impl ClientContext for Reader {
    fn error(&self, error: KafkaError, reason: &str) {
        // Each partition has an end.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            warn!("Kafka, statuses of other workers: {error}: {reason}");
        }
    }
}

impl ConsumerContext for Reader {}

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
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "8192");
    let consumer: BaseConsumer<Reader> = client.create_with_context(Reader)?;
    let from = beginnings(&consumer, status_topic, published)?;
    let mut unread: HashSet<i32> =
        from.elements().iter().map(TopicPartitionListElem::partition).collect();
    consumer.assign(&from)?;
    let mut history = History::default();
    let mut heard = Instant::now();
    while !unread.is_empty() {
        if heard.elapsed() > LIMIT {
            return Err(KafkaError::Global(RDKafkaErrorCode::OperationTimedOut));
        }
        match consumer.poll(Duration::from_millis(500)) {
            None => continue,
            // A broker is away. Another one takes its partitions over.
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure))) => {
                continue;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(error)) => return Err(error),
            Some(Ok(status)) => {
                history.read += 1;
                for header in status.headers().into_iter().flat_map(Headers::iter) {
                    let text = header.value.and_then(|value| std::str::from_utf8(value).ok());
                    history.add(first, header.key, text.unwrap_or_default());
                }
            }
        }
        heard = Instant::now();
    }
    Ok(history)
}

/// The offset at which to begin in each partition of a topic, to read what was published since a time. Blocks.
pub(super) fn beginnings<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
    published: Option<i64>,
) -> KafkaResult<TopicPartitionList> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    // What is left out in silence would be taken for what never happened.
    let refused = |error: RDKafkaRespErr| Err(KafkaError::Global(error.into()));
    let mut partitions = Vec::new();
    for of_topic in metadata.topics() {
        of_topic.error().map_or(Ok(()), refused)?;
        for partition in of_topic.partitions() {
            partition.error().map_or(Ok(()), refused)?;
            partitions.push(partition.id());
        }
    }
    if partitions.is_empty() {
        return Err(KafkaError::Global(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
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
        found.error()?;
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
            used: 3_600_000,
            reads,
            execution_id: execution_id.map(str::to_owned),
            earlier: Vec::new(),
        };
        let mut history = History::default();
        for (message, done) in [
            ("run/3/9", Some(done(0, Some("8")))),
            ("run/2/10", Some(done(0, Some("8")))),
            ("run/3/10", Some(done(0, Some("4711 a")))),
            ("run/3/10", Some(done(0, Some("4711 a")))),
            ("run/3/11", Some(done(0, Some("12")))),
            ("run/3/11", Some(done(1, None))),
            ("run/3/11", Some(done(1, Some("14")))),
            ("run/3/11", Some(done(2, None))),
            ("run/3/12", Some(done(0, Some("13")))),
            ("run/3/12", None),
        ] {
            match done {
                Some(done) => history.add(&first, DONE_HEADER, &format!("{message} {done}")),
                None => history.add(&first, ENDED_HEADER, message),
            }
        }
        history.add(&first, DONE_HEADER, "run/3/14 of another version");
        history.add(&first, "Content-Type", "run/3/10");
        assert_eq!(history.ended, BTreeSet::from([12]));
        // The ids of queries that are lost are remembered.
        let earlier = vec!["12".to_owned(), "14".to_owned()];
        let begun_again = Done { earlier, ..done(2, None) };
        let expected = HashMap::from([(10, done(0, Some("4711 a"))), (11, begun_again)]);
        assert_eq!(history.done, expected);
    }
}
