//! Stops jobs on request: reads the delete topic.
//!
//! Every worker sees every request, since it does not say which worker runs the job. A request may also come before its
//! job is begun: while a worker starts, while the message waits, or while the job moves from one worker to another. The
//! requests of the last day are therefore kept, also those that were published before this worker started.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::done::ExecutionId;
use crate::lock::lock;
use crate::message::JobDelete;
use crate::status::now;
use crate::worker::Worker;
use crate::worker::history::beginnings;

/// How long a request is kept, in milliseconds.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Number of requests that are kept; a request takes about 200 bytes.
const MOST: usize = 100_000;

/// A job that can be stopped.
#[derive(Clone)]
pub(super) struct RunningJob {
    pub(super) job_id: String,
    /// When the message of the job was published, in milliseconds since 1970, if known.
    pub(super) published: Option<i64>,
    /// The query in the database, once there is one.
    pub(super) execution_id: ExecutionId,
    pub(super) abort: CancellationToken,
}

/// The jobs of this worker, and the requests to stop jobs.
#[derive(Default)]
pub(super) struct Stops {
    /// By partition and offset of their messages: a job may have been sent twice.
    jobs: HashMap<(i32, i64), RunningJob>,
    requests: HashMap<String, Request>,
    /// The jobs of `requests` in order of arrival.
    order: VecDeque<String>,
}

/// The last request to stop a job.
struct Request {
    execution_id: Option<String>,
    /// In milliseconds since 1970.
    at: i64,
}

impl Stops {
    /// Enters a job. It is stopped at once if that was asked for after its message was published.
    pub(super) fn enter(&mut self, place: (i32, i64), job: RunningJob) {
        if let Some(request) = self.requests.get(&job.job_id) {
            job.stop(request);
        }
        self.jobs.insert(place, job);
    }

    pub(super) fn leave(&mut self, place: (i32, i64)) {
        self.jobs.remove(&place);
    }

    /// Enters a request that was published `at` a time.
    fn request(&mut self, delete: JobDelete, at: i64, now: i64) {
        let request = Request { execution_id: delete.execution_id, at };
        for job in self.jobs.values().filter(|job| job.job_id == delete.job_id) {
            job.stop(&request);
        }
        if self.requests.insert(delete.job_id.clone(), request).is_none() {
            self.order.push_back(delete.job_id);
        }
        while let Some(first) = self.order.front()
            && (self.order.len() > MOST
                || self
                    .requests
                    .get(first)
                    .is_none_or(|request| request.at.saturating_add(KEPT_MS) < now))
        {
            self.requests.remove(first);
            self.order.pop_front();
        }
    }
}

impl RunningJob {
    /// Stops the job, unless the request is about an earlier message, or another run of it. A job whose query was begun again
    /// goes by all ids that it has had, since whoever asks may have read none but the first.
    fn stop(&self, request: &Request) {
        let is_other = |asked: &String| !self.execution_id.may_be(asked);
        if self.published.is_some_and(|published| published > request.at)
            || request.execution_id.as_ref().is_some_and(is_other)
        {
            return;
        }
        info!(job = self.job_id, "is to be stopped");
        self.abort.cancel();
    }
}

impl Worker {
    /// Listens to the delete topic, until the task is aborted.
    pub(super) async fn listen_for_deletes(self: Arc<Self>) {
        let consumer = loop {
            let this = Arc::clone(&self);
            let listener = tokio::task::spawn_blocking(move || this.listener());
            match listener.await.unwrap_or(Err(KafkaError::Canceled)) {
                Ok(consumer) => break consumer,
                Err(error) => {
                    warn!("jobs can't be stopped yet: {error}");
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
        };
        loop {
            match consumer.recv().await {
                Ok(message) => {
                    let at = message.timestamp().to_millis().unwrap_or_else(now_ms);
                    self.delete(message.payload().unwrap_or_default(), at);
                }
                Err(error) => {
                    warn!("Kafka, jobs to stop: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Reads all partitions of the delete topic, from a day ago on. Blocks.
    fn listener(&self) -> KafkaResult<StreamConsumer> {
        let consumer: StreamConsumer = self
            .kafka
            .client()
            // librdkafka requires a group. Nothing is committed in it.
            .set("group.id", self.kafka.delete_group())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            // The messages are small, and there are few.
            .set("queued.max.messages.kbytes", "1024")
            .create()?;
        let from = beginnings(&consumer, &self.kafka.delete_topic, Some(now_ms() - KEPT_MS))?;
        consumer.assign(&from)?;
        Ok(consumer)
    }

    fn delete(&self, message: &[u8], at: i64) {
        match JobDelete::parse(message) {
            Ok(delete) => self.stops().request(delete, at, now_ms()),
            Err(why) => {
                error!("a message of {} is skipped: {why}", self.kafka.delete_topic);
                self.bridge.metrics().unreadable_messages.inc();
            }
        }
    }

    pub(super) fn stops(&self) -> MutexGuard<'_, Stops> {
        lock(&self.stops)
    }
}

fn now_ms() -> i64 {
    i64::try_from(now()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::done::{Account, Done};

    /// A job whose query had these ids, one after the other.
    fn job(published: i64, execution_ids: &[&str]) -> RunningJob {
        let execution_id = ExecutionId::default();
        execution_ids.iter().for_each(|id| execution_id.set(Some(*id)));
        let (job_id, abort) = ("a".to_owned(), CancellationToken::new());
        RunningJob { job_id, published: Some(published), execution_id, abort }
    }

    fn delete(execution_id: Option<&str>) -> JobDelete {
        JobDelete { job_id: "a".to_owned(), execution_id: execution_id.map(str::to_owned) }
    }

    #[test]
    fn a_request_finds_its_job_whichever_comes_first() {
        let cases: [(&[&str], _, _); 9] = [
            (&[], None, true),
            (&["1"], None, true),
            (&["1"], Some("1"), true),
            (&["1"], Some("2"), false),
            (&[], Some("2"), true),
            // The query was begun again.
            (&["1", "2", "3"], Some("1"), true),
            (&["1", "2", "3"], Some("2"), true),
            (&["1", "2", "3"], Some("3"), true),
            (&["1", "2", "3"], Some("4"), false),
        ];
        let wrong = cases.into_iter().filter(|(execution_ids, asked, stops)| {
            let (before, after) = (job(1000, execution_ids), job(1000, execution_ids));
            let mut all = Stops::default();
            all.enter((0, 1), before.clone());
            all.request(delete(*asked), 1000, 1000);
            all.enter((0, 2), after.clone());
            (before.abort.is_cancelled(), after.abort.is_cancelled()) != (*stops, *stops)
        });
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    /// The next worker has read the ids in the statuses of those before it.
    #[test]
    fn a_request_may_name_a_query_of_an_earlier_worker() {
        let earlier = vec!["1".to_owned()];
        let account = Account::new(Done { earlier, ..Done::default() });
        let execution_id = account.execution_id();
        execution_id.set(Some("2"));
        let asked = ["1", "2", "3"];
        assert_eq!(asked.map(|id| execution_id.may_be(id)), [true, true, false]);
    }

    #[test]
    fn a_request_is_not_about_a_later_message_and_is_forgotten_after_a_day() {
        let mut all = Stops::default();
        let later = job(1001, &[]);
        all.enter((0, 1), later.clone());
        all.request(delete(None), 1000, 1000);
        all.enter((0, 2), later.clone());
        assert!(!later.abort.is_cancelled());
        all.leave((0, 1));
        all.leave((0, 2));
        for number in 0..MOST {
            let other = JobDelete { job_id: number.to_string(), execution_id: None };
            all.request(other, 1000, 1000);
        }
        assert_eq!((all.requests.len(), all.order.len()), (MOST, MOST));
        // A clock that is wrong does not make others' requests old.
        all.request(delete(None), i64::MAX, 1000);
        assert_eq!(all.requests.len(), MOST);
        all.request(delete(None), 1001 + KEPT_MS, 1001 + KEPT_MS);
        assert_eq!((all.requests.len(), all.order.len(), all.jobs.len()), (1, 1, 0));
    }
}
