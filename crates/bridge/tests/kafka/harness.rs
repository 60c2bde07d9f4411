//! The mock broker, and what the workers need beside it.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::support::SampleDatabase;
use crate::support::store::Store;
use crate::support::tap::{self, Tap, wait};
use crate::support::worker::{Process, Settings};

/// A query without an end.
pub(crate) const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c";

/// A broker, a database, a store, and the published statuses.
pub(crate) struct Kafka {
    pub(crate) database: SampleDatabase,
    pub(crate) tap: Tap,
    pub(crate) store: Store,
    /// Dropped last, because clients without their broker take half a minute to end.
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Kafka {
    pub(crate) fn start() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for (name, partitions) in tap::TOPICS {
            cluster.create_topic(&format!("{}{name}", tap::PREFIX), partitions, 1).unwrap();
        }
        let tap = Tap::connect(&cluster.bootstrap_servers(), tap::PREFIX);
        let (database, store) = (SampleDatabase::create(), wait(Store::start(&[])));
        Self { database, tap, store, cluster }
    }

    /// Sends a job whose result is stored under its name.
    pub(crate) fn job(&self, name: &str, query: &str) -> (i32, i64) {
        self.tap.job(name, query, &self.store.url())
    }

    pub(crate) fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Makes the broker refuse the next messages, because they are too large.
    pub(crate) fn refuse_as_too_large(&self, times: usize) {
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        self.cluster.request_errors(RDKafkaApiKey::Produce, &vec![error; times]);
    }

    pub(crate) fn worker(&self, jobs: &str) -> Process {
        self.worker_with(&format!("url = {:?}", self.database.location()), jobs, &[])
    }

    pub(crate) fn worker_with(
        &self,
        database: &str,
        jobs: &str,
        variables: &[(&str, &str)],
    ) -> Process {
        let brokers = self.brokers();
        let settings = Settings { brokers: &brokers, database, jobs, ..Settings::default() };
        Process::start(self.database.folder(), &settings, variables)
    }
}
