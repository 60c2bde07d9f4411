//! A cluster, its workers, and the services that they use, each of which can be interrupted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use serde_json::Value;
use taploom_test_servers::{Kafka, Link, MariaDb};
use tempfile::TempDir;

use crate::support::qserv::ManyQueries;
use crate::support::store::Store;
use crate::support::tap::{TOPICS, Tap, finals, wait};
use crate::support::worker::{Process, Settings};

/// The servers that all tests share.
pub(crate) struct Servers {
    pub(crate) kafka: Kafka,
    pub(crate) mariadb: MariaDb,
}

impl Servers {
    pub(crate) fn start(brokers: usize) -> Self {
        let mariadb = MariaDb::start().unwrap_or_else(|why| panic!("{why}"));
        let kafka = Kafka::start(brokers, &libraries()).unwrap_or_else(|why| panic!("{why}"));
        Self { kafka, mariadb }
    }
}

/// Where `cargo xtask setup` installs Kafka.
fn libraries() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    workspace.join(target.unwrap_or_else(|| "target".into())).join("kafka/lib")
}

/// The settings of workers whose rows come from [`ROWS`].
impl Default for OfWorkers {
    fn default() -> Self {
        Self {
            rows_query: ROWS.to_owned(),
            jobs: "shutdown_grace_seconds = 20".to_owned(),
            upload: "attempts = 100\nlongest_delay_seconds = 5".to_owned(),
        }
    }
}

/// A group of workers with topics of their own, a Qserv, and a store.
pub(crate) struct Scene<'a> {
    pub(crate) servers: &'a mut Servers,
    pub(crate) tap: Tap,
    pub(crate) qserv: ManyQueries,
    pub(crate) store: Store,
    /// The way to Qserv's REST service, to its rows, and to the store.
    pub(crate) links: Links,
    pub(crate) jobs: Vec<String>,
    /// More settings of the workers.
    pub(crate) of_workers: OfWorkers,
    prefix: String,
    folder: TempDir,
    started: Instant,
}

pub(crate) struct Links {
    pub(crate) rest: Link,
    pub(crate) rows: Link,
    pub(crate) store: Link,
}

/// Sections of the settings of workers.
pub(crate) struct OfWorkers {
    pub(crate) rows_query: String,
    pub(crate) jobs: String,
    pub(crate) upload: String,
}

/// The rows of a query: how many depends on its id. One query in seven gives them slowly, for about two seconds.
const ROWS: &str = "SELECT {id} * 10000 + seq AS n FROM seq_1_to_5000 \
                    WHERE seq <= 1 + {id} * 379 % 4999 AND ({id} % 7 OR seq % 25 OR SLEEP(0.01) = 0)";

/// The object that such a query makes.
pub(crate) fn object(id: u64) -> String {
    let mut text = "n\r\n".to_owned();
    for row in 1..=1 + id * 379 % 4999 {
        text.push_str(&format!("{}\r\n", id * 10_000 + row));
    }
    text
}

impl<'a> Scene<'a> {
    /// Makes the topics.
    pub(crate) fn new(servers: &'a mut Servers, name: &str) -> Self {
        let (qserv, url) = wait(ManyQueries::start());
        let store = wait(Store::start(&[]));
        let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
        let link = |port| Link::to(port).unwrap();
        let links = Links {
            rest: link(port),
            rows: link(servers.mariadb.port()),
            store: link(store.port()),
        };
        let prefix = format!("{name}.");
        let brokers = servers.kafka.bootstrap();
        make_topics(&brokers, &prefix, servers.kafka.len());
        Self {
            tap: Tap::connect(&brokers, &prefix),
            servers,
            qserv,
            store,
            links,
            jobs: Vec::new(),
            of_workers: OfWorkers::default(),
            prefix,
            folder: TempDir::new().unwrap(),
            started: Instant::now(),
        }
    }

    /// Starts a worker.
    pub(crate) fn worker(&self) -> Process {
        self.worker_at(&self.servers.kafka.bootstrap())
    }

    /// Starts a worker that reaches the brokers by the links.
    pub(crate) fn linked_worker(&self) -> Process {
        self.worker_at(&self.servers.kafka.linked())
    }

    fn worker_at(&self, brokers: &str) -> Process {
        let Self { links, prefix, servers, of_workers, .. } = self;
        let port = |port: u16| format!("127.0.0.1:{port}");
        let rows =
            servers.mariadb.url().replace(&port(servers.mariadb.port()), &port(links.rows.port()));
        let settings = Settings {
            brokers,
            kafka: &format!(
                "group = \"{prefix}qserv\"\nrun_topic = \"{prefix}job-run\"\n\
                 delete_topic = \"{prefix}job-delete\"\nstatus_topic = \"{prefix}job-status\""
            ),
            database: &format!(
                "url = {rows:?}\n[database.qserv]\nurl = \"http://{}\"\npoll_seconds = 0.3\n\
                 rows_query = {:?}",
                port(links.rest.port()),
                of_workers.rows_query
            ),
            jobs: &of_workers.jobs,
            upload: &of_workers.upload,
        };
        Process::start(self.folder.path(), &settings, &[])
    }

    /// Sends a job whose query runs for a time.
    pub(crate) fn job(&mut self, time: Duration) {
        let name = format!("job{}", self.jobs.len());
        let (url, query) = (self.url(), format!("{} {name}", time.as_millis()));
        self.tap.job(&name, &query, &url);
        self.jobs.push(name);
    }

    /// The URL of the object `1`, over the link.
    pub(crate) fn url(&self) -> String {
        let (own, link) = (self.store.port(), self.links.store.port());
        self.store.url().replace(&format!(":{own}/"), &format!(":{link}/"))
    }

    /// Reads statuses for a time.
    pub(crate) fn pass(&self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.tap.listen(left.min(Duration::from_millis(200)));
        }
    }

    /// Waits until at least `count` jobs have ended.
    pub(crate) fn until_ended(&self, count: usize) {
        self.tap.until(&format!("{count} jobs end"), |statuses| finals(statuses) >= count);
    }

    /// Waits until at least `count` queries run in Qserv, and their workers have said so.
    pub(crate) fn until_running(&self, count: usize) {
        self.tap.until(&format!("{count} queries run"), |statuses: &[Value]| {
            let running = statuses.iter().filter(|status| status["status"] == "EXECUTING");
            let jobs: std::collections::HashSet<_> =
                running.map(|status| status["jobID"].as_str()).collect();
            jobs.len() >= count
        });
    }

    /// Prints what is done to the workers and services, with the time.
    pub(crate) fn say(&self, what: &str) {
        println!("{:>7.1} s  {what}", self.started.elapsed().as_secs_f64());
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

fn make_topics(brokers: &str, prefix: &str, replicas: usize) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let replicas = i32::try_from(replicas.min(3)).unwrap();
    let started = Instant::now();
    for (name, partitions) in TOPICS {
        let name = format!("{prefix}{name}");
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(replicas));
        // A broker that was started just now may not know the others yet.
        loop {
            let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
            match wait(admin.create_topics([&topic], &options)) {
                Ok(made) if made.iter().all(Result::is_ok) => break,
                failed => {
                    assert!(started.elapsed() < Duration::from_secs(60), "{name}: {failed:?}");
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }
}
