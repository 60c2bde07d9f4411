//! What a TAP service does with Kafka: it sends jobs, and reads their statuses.

use std::cell::{Ref, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::support::job_of;

/// How the names of topics begin by default.
pub(crate) const PREFIX: &str = "lsst.tap.";
const STATUS_PARTITIONS: i32 = 2;
/// How the names of the topics end, and their numbers of partitions.
pub(crate) const TOPICS: [(&str, i32); 3] =
    [("job-run", 4), ("job-delete", 1), ("job-status", STATUS_PARTITIONS)];

/// Time within which something has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client of the brokers, and the statuses that it has read.
pub(crate) struct Tap {
    producer: FutureProducer,
    statuses: StreamConsumer,
    published: RefCell<Vec<Value>>,
    /// How the names of the topics begin.
    prefix: String,
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(future)
}

impl Tap {
    /// A client that reads statuses from the beginning of their topic. It is in no group: a member of a group reads some
    /// statuses twice after a rebalance, and they would look like second final statuses.
    pub(crate) fn connect(brokers: &str, prefix: &str) -> Self {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", brokers).set("enable.idempotence", "true");
        let producer = client.create().unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", brokers);
        // librdkafka requires a name of a group. Nothing is committed in it.
        client.set("group.id", "tap").set("enable.auto.commit", "false");
        let statuses: StreamConsumer = client.create().unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..STATUS_PARTITIONS {
            let topic = format!("{prefix}job-status");
            all.add_partition_offset(&topic, partition, Offset::Beginning).unwrap();
        }
        statuses.assign(&all).unwrap();
        Self { producer, statuses, published: RefCell::default(), prefix: prefix.to_owned() }
    }

    /// Returns partition and offset.
    pub(crate) fn send(&self, topic: &str, message: &[u8]) -> (i32, i64) {
        self.send_with(topic, message, OwnedHeaders::new())
    }

    /// The same, with headers.
    pub(crate) fn send_with(
        &self,
        topic: &str,
        message: &[u8],
        headers: OwnedHeaders,
    ) -> (i32, i64) {
        let record = FutureRecord::<(), _>::to(topic).payload(message).headers(headers);
        let sent = wait(self.producer.send(record, Duration::from_secs(60))).unwrap();
        (sent.partition, sent.offset)
    }

    /// Sends a job whose result is stored under its name, with one column `n`. `store` is the URL of the object `1`.
    pub(crate) fn job(&self, name: &str, query: &str, store: &str) -> (i32, i64) {
        let job = job_of(query, store, &[("n", "long")]);
        self.send_job(name, job, &json!({"type": "csv"}))
    }

    /// The same with the columns of `job`, and a format.
    pub(crate) fn send_job(&self, name: &str, mut job: Value, format: &Value) -> (i32, i64) {
        let store = job["resultDestination"].as_str().unwrap();
        job["resultDestination"] = json!(store.replace("/bucket/1", &format!("/bucket/{name}")));
        job["jobID"] = json!(name);
        job["resultFormat"]["format"] = format.clone();
        self.send(&format!("{}job-run", self.prefix), job.to_string().as_bytes())
    }

    /// Waits until the published statuses satisfy `holds`.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&[Value]) -> bool) {
        let started = Instant::now();
        while !holds(&self.published()) {
            assert!(started.elapsed() < PATIENCE, "{what}: {:#?}", self.phases());
            self.listen(Duration::from_millis(200));
        }
    }

    /// Reads a status, if one arrives in time.
    pub(crate) fn listen(&self, time: Duration) {
        let received = wait(async { tokio::time::timeout(time, self.statuses.recv()).await });
        if let Ok(Ok(message)) = received {
            let status = serde_json::from_slice(message.payload().unwrap()).unwrap();
            self.published.borrow_mut().push(status);
        }
    }

    /// The statuses that were read so far.
    pub(crate) fn published(&self) -> Ref<'_, [Value]> {
        Ref::map(self.published.borrow(), Vec::as_slice)
    }

    /// The phases of each job, in order.
    pub(crate) fn phases(&self) -> HashMap<String, Vec<String>> {
        let mut phases: HashMap<String, Vec<String>> = HashMap::new();
        for status in self.published().iter() {
            let text = |name: &str| status[name].as_str().unwrap().to_owned();
            phases.entry(text("jobID")).or_default().push(text("status"));
        }
        phases
    }
}

pub(crate) fn is_final(status: &Value) -> bool {
    ["COMPLETED", "ERROR", "ABORTED"].iter().any(|phase| status["status"] == *phase)
}

/// Number of final statuses.
pub(crate) fn finals(statuses: &[Value]) -> usize {
    statuses.iter().filter(|status| is_final(status)).count()
}

/// Whether a job has, or had, a phase.
pub(crate) fn has(statuses: &[Value], job: &str, phase: &str) -> bool {
    statuses.iter().any(|status| status["jobID"] == job && status["status"] == phase)
}
