//! Keeps `deploy` and the runbook true: the settings load as in a pod and fit the manifests, the paths of the probes exist, the
//! dashboard and the alerts use metrics that a worker publishes, and the runbook quotes what the program says.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};
use support::store::Store;
use support::{SampleDatabase, bridge, job_of, limits, run};
use taploom_bridge::jobs::Outcome;
use taploom_bridge::jobs::http::client;
use taploom_bridge::{Config, Metrics, Observed, Worker, serve};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

const DEPLOYMENT: &str = "deploy/kubernetes/deployment.yaml";
const SECRET: &str = "deploy/kubernetes/secret.yaml";
const SETTINGS: &str = "deploy/kubernetes/bridge.toml";
const ALERTS: &str = "deploy/prometheus/alerts.yaml";
const ALERT_TESTS: &str = "deploy/prometheus/alerts-tests.yaml";
const DASHBOARD: &str = "deploy/grafana.json";
const RUNBOOK: &str = "docs/src/runbook.md";

/// The crates whose messages the runbook quotes.
const QUOTED: [&str; 4] = ["bridge", "cli", "jobs", "sources"];

#[test]
fn the_settings_load_and_fit_the_manifests() {
    // Variables of the process override settings, so this test runs again in a process that has the Secret's variables.
    if std::env::var_os("TAPLOOM__DATABASE__URL").is_none() {
        let name = "the_settings_load_and_fit_the_manifests";
        let mut again = Command::new(std::env::current_exe().unwrap());
        let ended = again.args(["--exact", name]).envs(variables()).output().unwrap();
        let printed = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && printed.contains("1 passed"), "{printed}");
        return;
    }
    let config = Config::load(&path(SETTINGS)).unwrap();
    let bridge = config.bridge(taploom::registry().unwrap());
    assert!(bridge.is_ok(), "{:?}", bridge.err());

    let (jobs, deployment) = (&config.jobs, read(DEPLOYMENT));
    let grace: f64 = value(&deployment, "terminationGracePeriodSeconds").parse().unwrap();
    assert!(grace >= jobs.shutdown_grace_seconds + 30.0, "the pod is killed after {grace} s");
    let places = (jobs.short + jobs.long) as u64;
    let scratch = places * config.upload.scratch_per_job.unwrap().as_u64();
    let volume = bytes(value(&deployment, "sizeLimit"));
    assert!(volume >= scratch, "{volume} bytes for results of {scratch} bytes");
    assert_eq!(config.upload.scratch_dir, Path::new("/scratch"));
    // Each job holds batches besides the memory of its encoder, and the rest of the worker takes 256 MiB at most.
    let needed = jobs.memory.as_u64() + places * (12 << 20) + (256 << 20);
    let memory = bytes(value(&deployment, "memory"));
    assert!(memory >= needed, "{memory} bytes of memory, and {needed} are needed");
    let port: u16 = value(&deployment, "containerPort").parse().unwrap();
    assert_eq!(config.observe.listen.port(), port);
    assert!(!config.observe.listen.ip().is_loopback(), "no probe reaches the worker");

    let alerts = read(ALERTS);
    for threshold in [
        format!("taploom_jobs_running >= {}\n", jobs.executing),
        format!("taploom_memory_granted_bytes >= {} * 1024 * 1024\n", jobs.memory.as_u64() >> 20),
        format!("taploom_scratch_bytes > 0.8 * {} * 1024 * 1024 * 1024\n", scratch >> 30),
    ] {
        assert!(alerts.contains(&threshold), "no alert has {threshold:?}");
    }
}

#[test]
fn kafka_is_reached_over_tls() {
    for (protocol, mechanism) in
        [("ssl", "PLAIN"), ("sasl_ssl", "PLAIN"), ("sasl_ssl", "SCRAM-SHA-512")]
    {
        let mut client = ClientConfig::new();
        client.set("security.protocol", protocol).set("sasl.mechanism", mechanism);
        client.set("sasl.username", "taploom").set("sasl.password", "secret");
        let made = client.create::<BaseConsumer>();
        assert!(made.is_ok(), "{protocol} {mechanism}: {:?}", made.err());
    }
}

#[test]
fn a_worker_has_the_paths_of_the_probes() {
    let deployment = read(DEPLOYMENT);
    let paths = deployment.lines().filter_map(|line| line.trim().strip_prefix("path: "));
    // Prometheus asks for this one by default.
    let paths: BTreeSet<&str> = paths.chain(["/metrics"]).collect();
    assert!(paths.len() > 1, "{DEPLOYMENT} has no probe");

    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("lsst.tap.job-run", 1, 1).unwrap();
    let database = SampleDatabase::create();
    let settings = database.folder().join("worker.toml");
    let (brokers, url) = (cluster.bootstrap_servers(), database.location());
    let text = format!("[kafka]\nbrokers = {brokers:?}\n[database]\nurl = {url:?}\n");
    std::fs::write(&settings, text).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let config = Config::load(&settings).unwrap();
        let bridge = config.bridge(taploom::registry().unwrap()).unwrap();
        let (kafka, jobs) = (config.kafka, config.jobs);
        let worker =
            spawn_blocking(move || Worker::new(bridge, kafka.unwrap(), &jobs)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(worker.unwrap(), listener));
        let client = client(Duration::from_secs(10), None).unwrap();
        for path in paths {
            let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
        }
    });
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_use_metrics_that_are_published() {
    let (database, store) = (SampleDatabase::create(), Store::start(&[]).await);
    let bridge = bridge(&database, limits());
    // A metric with labels is published from the first job on.
    let mut job = job_of("SELECT 1 AS n", &store.url(), &[("n", "long")]);
    job["resultFormat"]["format"] = json!({"type": "csv"});
    let (outcome, _) = run(&bridge, &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let text = bridge.metrics().text().unwrap();
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let samples = samples.join("\n");
    let published = metrics(&samples);

    let dashboard = read(DASHBOARD);
    let parsed: Result<Value, _> = serde_json::from_str(&dashboard);
    assert!(parsed.is_ok(), "{DASHBOARD}: {:?}", parsed.err());
    for (name, text) in
        [(DASHBOARD, dashboard), (ALERTS, read(ALERTS)), (ALERT_TESTS, read(ALERT_TESTS))]
    {
        let used = metrics(&text);
        assert!(!used.is_empty(), "{name} has no metric");
        let unknown: Vec<_> = used.difference(&published).collect();
        assert!(unknown.is_empty(), "{name}: no worker publishes {unknown:?}");
    }
}

/// A rate sees the first failure only if the counter was 0 before.
#[test]
fn all_outcomes_are_counted_from_the_start() {
    let database = SampleDatabase::create();
    let text = bridge(&database, limits()).metrics().text().unwrap();
    let counted = text.lines().filter_map(|line| {
        let labels = line.strip_prefix("taploom_jobs_total{outcome=\"")?;
        let (outcome, code) = labels.split_once("\",code=\"")?;
        Some((outcome, code.strip_suffix("\"} 0")?))
    });
    let counted: BTreeSet<(&str, &str)> = counted.collect();
    let runbook = read(RUNBOOK);
    let (_, codes) = runbook.split_once("\n## The codes of failures\n").unwrap();
    let (codes, _) = codes.split_once("\n## ").unwrap();
    let codes = codes.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut expected: BTreeSet<(&str, &str)> = codes.map(|(code, _)| ("failed", code)).collect();
    assert!(expected.len() > 5, "{RUNBOOK} has no codes");
    expected.extend([("completed", ""), ("aborted", ""), ("handed_over", "")]);
    assert_eq!(counted, expected);
}

/// What a user does alone wakes nobody.
#[test]
fn quotas_do_not_count_as_failures_of_the_service() {
    let alerts = read(ALERTS);
    let (_, rule) = alerts.split_once("- alert: TaploomJobsFail\n").unwrap();
    let (rule, _) = rule.split_once("for: ").unwrap();
    assert_eq!(rule.matches("taploom_jobs_total{").count(), 3);
    assert_eq!(rule.matches(",code!=\"quota_exceeded\"}").count(), 3, "{rule}");
}

/// A worker in the state that a test wants.
struct Observee {
    metrics: Metrics,
    complaint: Option<&'static str>,
    hangs: Option<&'static str>,
}

impl Observed for Observee {
    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn complaint(&self) -> Option<&'static str> {
        self.complaint
    }

    fn hangs(&self) -> Option<&'static str> {
        self.hangs
    }
}

/// A restart brings nothing back that a worker waits for, and ends jobs whose rows are read.
#[tokio::test]
async fn a_worker_is_restarted_only_if_it_hangs() {
    let deployment = read(DEPLOYMENT);
    for (probe, path) in [("readinessProbe:", "/health"), ("livenessProbe:", "/live")] {
        let (_, settings) = deployment.split_once(probe).unwrap();
        assert_eq!(value(settings, "path"), path, "{probe}");
    }
    let database = SampleDatabase::create();
    let metrics = bridge(&database, limits()).metrics().clone();
    for (complaint, hangs) in
        [(None, None), (Some("no broker"), None), (Some("it hangs"), Some("it hangs"))]
    {
        let worker = Arc::new(Observee { metrics: metrics.clone(), complaint, hangs });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(worker, listener));
        let client = client(Duration::from_secs(10), None).unwrap();
        for (path, expected) in [("/health", complaint), ("/live", hangs)] {
            let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
            assert_eq!(answer.status().is_success(), expected.is_none(), "{path} {expected:?}");
            assert_eq!(answer.text().await.unwrap().trim(), expected.unwrap_or("OK"));
        }
    }
}

#[test]
fn the_alerts_name_sections_of_the_runbook() {
    let (runbook, alerts) = (read(RUNBOOK), read(ALERTS));
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: BTreeSet<String> =
        headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect();
    let named = alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook: "));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let missing: Vec<_> = named.difference(&sections).collect();
    assert!(!named.is_empty() && missing.is_empty(), "not in {RUNBOOK}: {missing:?}");
}

#[test]
fn the_runbook_quotes_what_the_program_says() {
    let mut source = String::new();
    QUOTED.iter().for_each(|name| add(&path(&format!("crates/{name}/src")), &mut source));
    let runbook = read(RUNBOOK);
    let in_code_type = runbook.split('`').skip(1).step_by(2);
    // Names of settings and metrics have no spaces.
    let sentences: Vec<&str> = in_code_type.filter(|text| text.contains(' ')).collect();
    assert!(!sentences.is_empty(), "{RUNBOOK} quotes nothing");
    let unknown: Vec<&&str> = sentences.iter().filter(|text| !source.contains(**text)).collect();
    assert!(unknown.is_empty(), "{RUNBOOK}: the program does not say {unknown:?}");
}

/// A file or folder of the repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn read(name: &str) -> String {
    let text = std::fs::read_to_string(path(name));
    assert!(text.is_ok(), "{name}: {:?}", text.err());
    text.unwrap()
}

/// Appends every file of Rust in a folder.
fn add(folder: &Path, source: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add(&path, source);
        } else {
            source.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The variables that the Secret gives to a pod.
fn variables() -> Vec<(String, String)> {
    let secret = read(SECRET);
    let entries = secret.lines().filter_map(|line| line.trim().split_once(": "));
    let variables = entries.filter(|(name, _)| name.starts_with("TAPLOOM__"));
    variables.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

/// The first value of a key in a manifest.
fn value<'a>(manifest: &'a str, key: &str) -> &'a str {
    let values = manifest.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("- ");
        line.strip_prefix(key)?.strip_prefix(": ")
    });
    let value = values.map(str::trim).next();
    assert!(value.is_some(), "no {key}");
    value.unwrap_or_default()
}

/// A quantity of Kubernetes, such as 40Gi.
fn bytes(quantity: &str) -> u64 {
    format!("{quantity}B").parse::<ByteSize>().unwrap().as_u64()
}

/// The words of a text that begin like the name of a metric.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("taploom_")).collect()
}
