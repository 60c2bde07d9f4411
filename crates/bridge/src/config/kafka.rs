//! The Kafka cluster of a worker: the topics of its jobs, and the settings of its clients.

use std::collections::BTreeMap;

#[cfg(feature = "kafka")]
use rdkafka::ClientConfig;
use serde::Deserialize;
use taploom_jobs::Secret;

/// The Kafka cluster that jobs come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `HOST:PORT` of the brokers, separated by commas.
    pub brokers: String,
    /// The consumer group. `qserv`.
    #[serde(default = "group")]
    pub group: String,
    /// `lsst.tap.job-run`.
    #[serde(default = "run_topic")]
    pub run_topic: String,
    /// `lsst.tap.job-delete`.
    #[serde(default = "delete_topic")]
    pub delete_topic: String,
    /// `lsst.tap.job-status`.
    #[serde(default = "status_topic")]
    pub status_topic: String,
    /// Further settings of librdkafka, such as `security.protocol` and `sasl.username`.
    #[serde(default)]
    pub properties: BTreeMap<String, Secret<String>>,
    /// A unique name of this worker. By default made of the host name, the process id and the time.
    #[serde(default = "worker")]
    pub worker: String,
}

#[cfg(feature = "kafka")]
impl KafkaConfig {
    /// The settings that all Kafka clients of the worker share.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers).set("client.id", &self.worker);
        for (name, value) in &self.properties {
            client.set(name, value.expose());
        }
        client
    }

    pub(crate) fn delete_group(&self) -> String {
        format!("{}-delete-{}", self.group, self.worker)
    }
}

fn group() -> String {
    "qserv".to_owned()
}

fn run_topic() -> String {
    "lsst.tap.job-run".to_owned()
}

fn delete_topic() -> String {
    "lsst.tap.job-delete".to_owned()
}

fn status_topic() -> String {
    "lsst.tap.job-status".to_owned()
}

fn worker() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "worker".to_owned());
    format!("{host}-{}-{}", std::process::id(), crate::status::now())
}
