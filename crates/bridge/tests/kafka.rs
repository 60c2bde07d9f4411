//! Runs workers as processes against the mock broker of librdkafka.
//!
//! The program has two roles: with a file in `TAPLOOM_TEST_WORKER` it is a worker; otherwise it runs
//! the tests, which start it again as a worker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use libtest_mimic::{Arguments, Trial};
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use serde_json::{Value, json};
use support::qserv::ManyQueries;
use support::store::Store;
use support::{SampleDatabase, bridge_to, job_of, limits, numbers};
use taploom_bridge::jobs::{Database, Execution, Failure, Query, StreamingDatabase};
use taploom_bridge::{Config, Worker, serve};
use taploom_test_servers::MariaDb;
use tokio_util::sync::CancellationToken;

const WORKER: &str = "TAPLOOM_TEST_WORKER";
/// Jobs of a worker with this variable panic, if their SQL is `panic`.
const PANICS: &str = "TAPLOOM_TEST_PANICS";

fn main() -> ExitCode {
    if let Some(config) = std::env::var_os(WORKER) {
        return work(Path::new(&config));
    }
    let trial = |name: &str, test: fn(&Kafka)| {
        Trial::test(name, move || {
            let runtime = tokio::runtime::Runtime::new()?;
            let _inside = runtime.enter();
            test(&Kafka::start());
            Ok(())
        })
    };
    let tests = vec![
        trial("every_job_ends_once_though_a_worker_is_killed", killed),
        trial("a_job_that_has_ended_is_not_run_again", found),
        trial("what_is_no_job_is_skipped_and_jobs_are_stopped", skipped),
        trial("a_worker_that_is_told_to_stop_hands_over", handed_over),
        trial("small_jobs_do_not_wait_for_long_ones", lanes),
        trial("a_job_is_stopped_though_the_request_came_before_the_worker", stopped_before),
        trial("a_job_that_ends_its_workers_is_given_up", given_up),
        trial("a_panic_is_that_of_its_job", panicked),
        trial("queries_outlive_their_workers", outlived),
    ];
    // The tests run one at a time, because they measure time and share the machine.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// Runs a worker until SIGTERM.
fn work(path: &Path) -> ExitCode {
    let config = Config::load(path).unwrap();
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let bridge = match std::env::var_os(PANICS) {
        Some(location) => bridge_to(Panicking::over(location.to_str().unwrap()), limits()),
        None => config.bridge(taploom::registry().unwrap()).unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (kafka, jobs) = (config.kafka, config.jobs);
        let worker = tokio::task::spawn_blocking(move || Worker::new(bridge, kafka, &jobs));
        let worker = worker.await.unwrap().unwrap();
        let listener = tokio::net::TcpListener::bind(config.observe.listen).await.unwrap();
        tokio::spawn(serve(Arc::clone(&worker), listener));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            let kind = tokio::signal::unix::SignalKind::terminate();
            tokio::signal::unix::signal(kind).unwrap().recv().await;
            stop.cancel();
        });
        worker.run(&shutdown).await.unwrap();
    });
    ExitCode::SUCCESS
}

/// A database that panics when it is given the SQL `panic`.
struct Panicking(StreamingDatabase);

impl Panicking {
    fn over(location: &str) -> Self {
        Self(StreamingDatabase::new(location).unwrap())
    }
}

#[async_trait]
impl Database for Panicking {
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure> {
        assert_ne!(query.sql, "panic", "as it was told");
        self.0.submit(query).await
    }

    fn reads_once(&self) -> bool {
        false
    }
}

/// A broker, a database, a store, and the published statuses.
struct Kafka {
    database: SampleDatabase,
    producer: FutureProducer,
    statuses: StreamConsumer,
    store: Store,
    published: std::cell::RefCell<Vec<Value>>,
    /// Dropped last, because clients without their broker take half a minute to end.
    cluster: MockCluster<'static, DefaultProducerContext>,
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(future)
}

impl Kafka {
    fn start() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for (topic, partitions) in
            [("lsst.tap.job-run", 4), ("lsst.tap.job-delete", 1), ("lsst.tap.job-status", 1)]
        {
            cluster.create_topic(topic, partitions, 1).unwrap();
        }
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer = client.create().unwrap();
        let statuses: StreamConsumer =
            client.set("group.id", "tap").set("auto.offset.reset", "earliest").create().unwrap();
        statuses.subscribe(&["lsst.tap.job-status"]).unwrap();
        Self {
            database: SampleDatabase::create(),
            producer,
            statuses,
            store: wait(Store::start(&[])),
            published: std::cell::RefCell::default(),
            cluster,
        }
    }

    /// Returns partition and offset.
    fn send(&self, topic: &str, message: &[u8]) -> (i32, i64) {
        let record = FutureRecord::<(), _>::to(topic).payload(message);
        let sent = wait(self.producer.send(record, Duration::from_secs(10))).unwrap();
        (sent.partition, sent.offset)
    }

    /// Sends a job whose result is stored under its name.
    fn job(&self, name: &str, query: &str) -> (i32, i64) {
        let url = self.store.url().replace("/bucket/1", &format!("/bucket/{name}"));
        let mut job = job_of(query, &url, &[("n", "long")]);
        job["jobID"] = json!(name);
        job["resultFormat"]["format"] = json!({"type": "csv"});
        self.send("lsst.tap.job-run", job.to_string().as_bytes())
    }

    fn worker(&self, more: &str) -> Process {
        self.worker_with(&format!("url = {:?}", self.database.location()), more, &[])
    }

    fn worker_with(&self, database: &str, jobs: &str, variables: &[(&str, &str)]) -> Process {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let brokers = self.cluster.bootstrap_servers();
        let config = format!(
            "[kafka]\nbrokers = {brokers:?}\n[kafka.properties]\n\"session.timeout.ms\" = \"6000\"\n\
             \"heartbeat.interval.ms\" = \"500\"\n[database]\n{database}\n[observe]\n\
             listen = \"127.0.0.1:{port}\"\n[jobs]\n{jobs}\n"
        );
        let path = self.database.folder().join(format!("{port}.toml"));
        std::fs::write(&path, config).unwrap();
        Process::start(&path, port, variables)
    }

    /// Waits until the published statuses satisfy `holds`.
    fn until(&self, what: &str, holds: impl Fn(&[Value]) -> bool) {
        let started = Instant::now();
        while !holds(&self.published.borrow()) {
            assert!(started.elapsed() < Duration::from_secs(120), "{what}: {:#?}", self.phases());
            self.listen(Duration::from_millis(200));
        }
    }

    fn listen(&self, time: Duration) {
        let received = wait(async { tokio::time::timeout(time, self.statuses.recv()).await });
        if let Ok(Ok(message)) = received {
            let status = serde_json::from_slice(message.payload().unwrap()).unwrap();
            self.published.borrow_mut().push(status);
        }
    }

    fn phases(&self) -> HashMap<String, Vec<String>> {
        let mut phases: HashMap<String, Vec<String>> = HashMap::new();
        for status in &*self.published.borrow() {
            let text = |name: &str| status[name].as_str().unwrap().to_owned();
            phases.entry(text("jobID")).or_default().push(text("status"));
        }
        phases
    }
}

fn is_final(status: &Value) -> bool {
    ["COMPLETED", "ERROR", "ABORTED"].iter().any(|phase| status["status"] == *phase)
}

fn finals(statuses: &[Value]) -> usize {
    statuses.iter().filter(|status| is_final(status)).count()
}

fn has(statuses: &[Value], job: &str, phase: &str) -> bool {
    statuses.iter().any(|status| status["jobID"] == job && status["status"] == phase)
}

/// A worker in a separate process.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    fn start(config: &Path, port: u16, variables: &[(&str, &str)]) -> Self {
        let program: PathBuf = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.env(WORKER, config).envs(variables.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        // The worker's output is printed, because it usually shows why a test fails.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                assert!(!line.contains("5ec3e7"), "the log shows a signature: {line}");
                eprintln!("worker {port}: {line}");
            }
        });
        Self { child, port }
    }

    /// The body of an answer.
    fn get(&self, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn terminate(&mut self) -> std::process::ExitStatus {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two workers run 200 small jobs and 5 large ones, and one worker is killed: every job has one
/// final status, and every object is complete.
fn killed(kafka: &Kafka) {
    const LARGE: u64 = 100_000;
    let mut expected = HashMap::new();
    for number in 0..205_u64 {
        let rows = if number % 41 == 7 { LARGE } else { number % 17 };
        let name = format!("job{number}");
        let query = match rows {
            0 => "SELECT id AS n FROM result WHERE 0".to_owned(),
            rows => numbers(rows),
        };
        kafka.job(&name, &query);
        expected.insert(name, rows);
    }
    let workers = [kafka.worker(""), kafka.worker("")];
    kafka.until("a part of the jobs", |statuses| finals(statuses) >= 60);
    let [mut first, second] = workers;
    first.child.kill().unwrap();
    kafka.until("all jobs", |statuses| {
        let ended = statuses.iter().filter(|status| is_final(status));
        let names: std::collections::HashSet<_> =
            ended.map(|status| status["jobID"].to_string()).collect();
        names.len() == expected.len()
    });
    // Surplus statuses would arrive now.
    for _ in 0..20 {
        kafka.listen(Duration::from_millis(100));
    }
    assert_eq!(second.get("/health"), "OK\n");
    drop(second);
    for (name, rows) in &expected {
        let statuses = kafka.published.borrow();
        let ended: Vec<&Value> = statuses
            .iter()
            .filter(|status| is_final(status) && status["jobID"] == **name)
            .collect();
        assert_eq!(ended.len(), 1, "{name}: {ended:#?}");
        assert_eq!(ended[0]["status"], "COMPLETED", "{}", ended[0]);
        assert_eq!(ended[0]["resultInfo"]["totalRows"], *rows);
        let path = format!("PUT /bucket/{name}?");
        let puts = kafka.store.puts();
        let object = puts.iter().rfind(|put| put.whole && put.line.starts_with(&path)).unwrap();
        let lines = object.body.split(|byte| *byte == b'\n').count() as u64;
        assert_eq!(lines, rows + 2, "{name}: the names, the rows, and nothing after the last");
    }
}

/// A worker died between publishing the final status of a job and committing the position of its message.
/// The next worker finds the status, and runs only the jobs without one.
fn found(kafka: &Kafka) {
    let mut places = Vec::new();
    for name in ["ended", "other"] {
        places.push(kafka.job(name, "SELECT 1 AS n"));
    }
    let [(partition, offset), _] = places[..] else { panic!("{places:?}") };
    let status = json!({"jobID": "ended", "status": "COMPLETED"}).to_string();
    let message = format!("lsst.tap.job-run/{partition}/{offset}");
    let header = Header { key: "taploom-job-run", value: Some(&message) };
    let record = FutureRecord::<(), _>::to("lsst.tap.job-status")
        .payload(&status)
        .headers(OwnedHeaders::new().insert(header));
    wait(kafka.producer.send(record, Duration::from_secs(10))).unwrap();
    let _worker = kafka.worker("");
    kafka.job("last", "SELECT 1 AS n");
    kafka.until("the others", |statuses| {
        has(statuses, "other", "COMPLETED") && has(statuses, "last", "COMPLETED")
    });
    for _ in 0..20 {
        kafka.listen(Duration::from_millis(100));
    }
    assert_eq!(kafka.phases()["ended"], ["COMPLETED"], "it was run again");
    assert!(kafka.store.puts().iter().all(|put| !put.line.contains("/ended?")));
}

const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c";

fn skipped(kafka: &Kafka) {
    for message in ["not JSON", "{\"query\": 1}", "{\"jobID\": \"poison\"}", ""] {
        kafka.send("lsst.tap.job-run", message.as_bytes());
    }
    kafka.job("endless", ENDLESS);
    kafka.job("good", "SELECT 1 AS n");
    let worker = kafka.worker("");
    kafka.until("jobs", |statuses| {
        has(statuses, "poison", "ERROR")
            && has(statuses, "good", "COMPLETED")
            && has(statuses, "endless", "EXECUTING")
    });
    kafka.send("lsst.tap.job-delete", b"no JSON either");
    let other = json!({"jobID": "endless", "executionID": "another", "ownerID": "me"});
    let delete = json!({"jobID": "endless", "ownerID": "me"});
    kafka.until("the job is stopped", |statuses| {
        for message in [&other, &delete] {
            kafka.send("lsst.tap.job-delete", message.to_string().as_bytes());
        }
        has(statuses, "endless", "ABORTED")
    });
    let metrics = worker.get("/metrics");
    for line in [
        "taploom_jobs_total{outcome=\"completed\",code=\"\"} 1",
        "taploom_jobs_total{outcome=\"failed\",code=\"invalid_request\"} 1",
        "taploom_jobs_total{outcome=\"aborted\",code=\"\"} 1",
        "taploom_jobs_running 0",
        "taploom_rows_total 1",
        "taploom_memory_granted_bytes 0",
        "taploom_scratch_bytes 0",
        "taploom_stage_seconds_count{stage=\"upload\",format=\"csv\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

fn handed_over(kafka: &Kafka) {
    kafka.job("endless", ENDLESS);
    let mut first = kafka.worker("shutdown_grace_seconds = 1");
    kafka.until("the job begins", |statuses| has(statuses, "endless", "EXECUTING"));
    assert!(first.terminate().success());
    assert_eq!(finals(&kafka.published.borrow()), 0);
    let _second = kafka.worker("timeout_seconds = 1");
    kafka.until("the job ends elsewhere", |statuses| has(statuses, "endless", "ERROR"));
    // Each worker says that the query runs, and that rows are read.
    let phases = kafka.phases()["endless"].clone();
    assert_eq!(phases, ["EXECUTING", "EXECUTING", "EXECUTING", "EXECUTING", "ERROR"]);
}

fn lanes(kafka: &Kafka) {
    kafka.job("long", ENDLESS);
    let worker = kafka.worker("short = 1\nlong = 1\nlong_after_seconds = 0.5");
    kafka.until("the long job begins", |statuses| has(statuses, "long", "EXECUTING"));
    for number in 0..5 {
        kafka.job(&format!("small{number}"), "SELECT 1 AS n");
    }
    kafka.until("small jobs", |statuses| finals(statuses) == 5);
    assert!(worker.get("/metrics").contains("taploom_jobs_running 1"));
}

/// The request is kept: the job waits for its first worker when it is stopped.
fn stopped_before(kafka: &Kafka) {
    kafka.job("endless", ENDLESS);
    kafka.job("endless", ENDLESS);
    kafka.job("good", "SELECT 1 AS n");
    let delete = json!({"jobID": "endless", "ownerID": "me"});
    kafka.send("lsst.tap.job-delete", delete.to_string().as_bytes());
    // The same name again, after the request.
    std::thread::sleep(Duration::from_millis(20));
    kafka.job("endless", "SELECT 2 AS n");
    let _worker = kafka.worker("");
    kafka.until("all end", |statuses| finals(statuses) == 4);
    let endless = &kafka.phases()["endless"];
    let number = |phase: &str| endless.iter().filter(|one| *one == phase).count();
    assert_eq!((number("ABORTED"), number("COMPLETED")), (2, 1), "{endless:?}");
}

/// The statuses say that the rows of a job were begun five times, each time by a worker that ended.
fn given_up(kafka: &Kafka) {
    let mut places = Vec::new();
    for name in ["five", "four"] {
        places.push(kafka.job(name, "SELECT 1 AS n"));
    }
    for (reads, name, (partition, offset)) in [(5, "five", places[0]), (4, "four", places[1])] {
        let status = json!({"jobID": name, "status": "EXECUTING"}).to_string();
        let done = format!("lsst.tap.job-run/{partition}/{offset} used=1000 reads={reads}");
        let header = Header { key: "taploom-job-done", value: Some(&done) };
        let headers = OwnedHeaders::new().insert(header);
        let record =
            FutureRecord::<(), _>::to("lsst.tap.job-status").payload(&status).headers(headers);
        wait(kafka.producer.send(record, Duration::from_secs(10))).unwrap();
    }
    let _worker = kafka.worker("attempts = 5");
    kafka.until("both end", |statuses| finals(statuses) == 2);
    assert!(has(&kafka.published.borrow(), "four", "COMPLETED"));
    let published = kafka.published.borrow();
    let five =
        published.iter().find(|status| status["jobID"] == "five" && is_final(status)).unwrap();
    assert_eq!(five["errorInfo"]["errorCode"], "backend_internal_error", "{five}");
    assert!(five["errorInfo"]["errorMessage"].as_str().unwrap().contains("given up"), "{five}");
}

fn panicked(kafka: &Kafka) {
    kafka.job("bad", "panic");
    kafka.job("good", "SELECT 1 AS n");
    let location = kafka.database.location();
    let url = format!("url = {location:?}");
    let mut worker = kafka.worker_with(&url, "", &[(PANICS, &location)]);
    kafka.until("both end", |statuses| {
        has(statuses, "bad", "ERROR") && has(statuses, "good", "COMPLETED")
    });
    assert_eq!(worker.get("/health"), "OK\n");
    assert!(worker.terminate().success());
}

/// Queries run in Qserv while their workers are killed and stopped. None is submitted twice, and none is cancelled. They
/// need no places: a short job among them is not delayed.
fn outlived(kafka: &Kafka) {
    const QUERIES: usize = 60;
    let (qserv, url) = wait(ManyQueries::start());
    let server = MariaDb::start().unwrap();
    let database = format!(
        "url = {:?}\n[database.qserv]\nurl = {url:?}\npoll_seconds = 0.3\nrows_query = \"SELECT {{id}} AS n\"",
        server.url()
    );
    let lanes = "short = 1\nlong = 1\nshutdown_grace_seconds = 20";
    for number in 0..QUERIES {
        kafka.job(&format!("query{number}"), "20000");
    }
    let all_run = |statuses: &[Value]| {
        (0..QUERIES).all(|number| has(statuses, &format!("query{number}"), "EXECUTING"))
    };
    let mut first = kafka.worker_with(&database, lanes, &[]);
    kafka.until("all run", all_run);
    kafka.job("short", "10");
    kafka.until("the short one", |statuses| has(statuses, "short", "COMPLETED"));
    assert_eq!(finals(&kafka.published.borrow()), 1);
    first.child.kill().unwrap();
    drop(first);

    let mut second = kafka.worker_with(&database, lanes, &[]);
    // Statuses of a worker that goes on with a query.
    let number = |statuses: &[Value]| {
        statuses.iter().filter(|status| status["status"] == "EXECUTING").count()
    };
    kafka.until("all go on", |statuses| number(statuses) >= 2 * QUERIES + 2);
    let stopping = Instant::now();
    assert!(second.terminate().success());
    assert!(stopping.elapsed() < Duration::from_secs(10), "it waits for no query");

    let third = kafka.worker_with(&database, lanes, &[]);
    kafka.until("all end", |statuses| finals(statuses) == QUERIES + 1);
    assert_eq!((qserv.submitted(), qserv.cancelled()), (QUERIES + 1, 0));
    let published = kafka.published.borrow();
    for status in published.iter().filter(|status| is_final(status)) {
        assert_eq!(status["status"], "COMPLETED", "{status}");
        let path = format!("PUT /bucket/{}?", status["jobID"].as_str().unwrap());
        let puts = kafka.store.puts();
        let object = puts.iter().find(|put| put.whole && put.line.starts_with(&path)).unwrap();
        let expected = format!("n\r\n{}\r\n", status["executionID"].as_str().unwrap());
        assert_eq!(String::from_utf8_lossy(&object.body), expected);
    }
    drop(published);

    // A Qserv that does not know a query any more is given it again.
    kafka.job("lost", "20000");
    kafka.until("it runs", |statuses| has(statuses, "lost", "EXECUTING"));
    drop(third);
    qserv.lose_all();
    let _fourth = kafka.worker_with(&database, lanes, &[]);
    kafka.until("it is submitted again", |_| qserv.submitted() == QUERIES + 3);
}
