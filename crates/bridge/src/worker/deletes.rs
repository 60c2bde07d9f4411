//! Stops jobs on request: reads the delete topic.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::message::JobDelete;
use crate::worker::Worker;

/// A running job that can be stopped.
pub(super) struct RunningJob {
    pub(super) execution_id: Arc<Mutex<Option<String>>>,
    pub(super) abort: CancellationToken,
}

impl Worker {
    /// Listens to the delete topic. Each worker is its own consumer group, so each one sees every message.
    pub(super) async fn listen_for_deletes(self: Arc<Self>) {
        let consumer: KafkaResult<StreamConsumer> = self
            .kafka
            .client()
            .set("group.id", self.kafka.delete_group())
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            .create();
        let consumer = consumer.and_then(|consumer| {
            consumer.subscribe(&[&self.kafka.delete_topic])?;
            Ok(consumer)
        });
        let consumer = match consumer {
            Ok(consumer) => consumer,
            Err(error) => {
                error!("jobs can't be stopped: {error}");
                return;
            }
        };
        loop {
            match consumer.recv().await {
                Ok(message) => self.delete(message.payload().unwrap_or_default()),
                Err(error) => {
                    warn!("Kafka, jobs to stop: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn delete(&self, message: &[u8]) {
        let delete = match JobDelete::parse(message) {
            Ok(delete) => delete,
            Err(why) => {
                error!("a message of {} is skipped: {why}", self.kafka.delete_topic);
                self.bridge.metrics().unreadable_messages.inc();
                return;
            }
        };
        let running = self.registered();
        let Some(job) = running.get(&delete.job_id) else { return };
        let known = job.execution_id.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The message is about another run of the same job.
        if known.is_some() && delete.execution_id.is_some() && known != delete.execution_id {
            return;
        }
        info!(job = delete.job_id, "is to be stopped");
        job.abort.cancel();
    }

    pub(super) fn registered(&self) -> MutexGuard<'_, HashMap<String, RunningJob>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
