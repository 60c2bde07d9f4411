//! Helpers for the tests of the bridge: samples, a database with their rows, a store, statuses, workers.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics, and no test uses all of this"
)]

pub(crate) mod qserv;
pub(crate) mod store;
#[cfg(feature = "kafka")]
pub(crate) mod tap;
#[cfg(feature = "kafka")]
pub(crate) mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};
use taploom_bridge::jobs::{
    Database, JobLimits, JobRunner, Outcome, Stop, StreamingDatabase, UploadPolicy, Uploader,
};
use taploom_bridge::{Bridge, Formats, JobRun, JobStatus, Statuses};

/// A file of `tests/data`.
pub(crate) fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of `tests/data` as JSON.
pub(crate) fn sample_json(name: &str) -> Value {
    serde_json::from_str(&sample(name)).unwrap()
}

/// A job of the samples, with a query in SQLite's SQL and a destination for its result.
pub(crate) fn job(name: &str, query: &str, destination: &str) -> Value {
    let mut job = sample_json(name);
    job["query"] = json!(query);
    job["resultDestination"] = json!(destination);
    job
}

/// A job without a sample: columns by name and datatype.
pub(crate) fn job_of(query: &str, destination: &str, columns: &[(&str, &str)]) -> Value {
    let mut job = job("jobs/data.json", query, destination);
    let columns = columns.iter().map(|(name, datatype)| match *datatype {
        "char" => json!({"name": name, "datatype": "char", "arraysize": "*"}),
        _ => json!({"name": name, "datatype": datatype}),
    });
    job["resultFormat"]["columnTypes"] = columns.collect();
    job
}

/// A SQLite database with the rows of `results/data.json` in its table `result`.
pub(crate) struct SampleDatabase {
    folder: tempfile::TempDir,
}

impl SampleDatabase {
    pub(crate) fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("rows.db")).unwrap();
        let rows = sample_json("results/data.json");
        connection
            .execute_batch("CREATE TABLE result (id, a, b, c, d, e, f, g, h, i, j, k)")
            .unwrap();
        for row in rows.as_array().unwrap() {
            let cells = "id a b c d e f g h i j k".split(' ').map(|name| match &row[name] {
                Value::Null => Cell::Null,
                Value::Bool(truth) => Cell::Integer((*truth).into()),
                Value::String(text) => Cell::Text(text.clone()),
                Value::Number(number) => match number.as_i64() {
                    Some(integer) => Cell::Integer(integer),
                    None => Cell::Real(number.as_f64().unwrap()),
                },
                other => panic!("{other}"),
            });
            let insert = "INSERT INTO result VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";
            connection.execute(insert, rusqlite::params_from_iter(cells)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("rows.db")
    }

    pub(crate) fn location(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Rows `n` from 1 to some number, in SQL.
pub(crate) fn numbers(rows: u64) -> String {
    format!(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < {rows}) SELECT n FROM c"
    )
}

/// Keeps the published statuses.
#[derive(Clone, Default)]
pub(crate) struct Published(Arc<Mutex<Vec<Value>>>);

#[async_trait]
impl Statuses for Published {
    async fn publish(&self, status: &JobStatus) -> std::io::Result<()> {
        self.0.lock().unwrap().push(serde_json::to_value(status)?);
        Ok(())
    }
}

impl Published {
    pub(crate) fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Value {
        self.all().pop().expect("nothing was published")
    }

    pub(crate) fn phases(&self) -> Vec<String> {
        let phase = |status: &Value| status["status"].as_str().unwrap().to_owned();
        self.all().iter().map(phase).collect()
    }

    /// Code and message of the last status, which has to be an error.
    pub(crate) fn error(&self) -> (String, String) {
        let last = self.last();
        assert_eq!(last["status"], "ERROR", "{last}");
        let text = |name: &str| last["errorInfo"][name].as_str().unwrap().to_owned();
        (text("errorCode"), text("errorMessage"))
    }
}

/// Quick retries, so that tests are quick.
pub(crate) fn policy() -> UploadPolicy {
    UploadPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(10),
        longest_delay: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(400),
        ..UploadPolicy::default()
    }
}

pub(crate) fn limits() -> JobLimits {
    JobLimits::default()
}

pub(crate) fn bridge_to(database: impl Database + 'static, limits: JobLimits) -> Bridge {
    bridge_with(database, limits, Uploader::new(policy()).unwrap())
}

pub(crate) fn bridge_with(
    database: impl Database + 'static,
    limits: JobLimits,
    uploader: Uploader,
) -> Bridge {
    let formats = Formats::new(taploom::registry().unwrap());
    let runner = JobRunner::new(Arc::new(database), uploader, limits).unwrap();
    let datalink_url = "https://example.com/datalink/links".parse().unwrap();
    Bridge::new(formats, runner).with_datalink_url(Some(datalink_url))
}

pub(crate) fn bridge(database: &SampleDatabase, limits: JobLimits) -> Bridge {
    bridge_to(StreamingDatabase::new(&database.location()).unwrap(), limits)
}

/// Runs a job to its end.
pub(crate) async fn run(bridge: &Bridge, job: &Value) -> (Outcome, Published) {
    run_until(bridge, job, &Stop::default()).await
}

/// Runs a job to its end, unless it is stopped before.
pub(crate) async fn run_until(bridge: &Bridge, job: &Value, stop: &Stop) -> (Outcome, Published) {
    let published = Published::default();
    let outcome = match JobRun::parse(job.to_string().as_bytes()) {
        Ok(job) => bridge.run(job, &published, stop).await,
        Err(rejected) => bridge.reject(&rejected, &published).await,
    };
    bridge.rest().await;
    (outcome.unwrap(), published)
}

/// Asserts that a status equals the status of a sample, in which `<ANY>` stands for any value.
#[track_caller]
pub(crate) fn assert_matches(status: &Value, expected: &Value) {
    assert!(matches(status, expected), "{status:#}\nis not\n{expected:#}");
}

fn matches(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (found, Value::String(any)) if any == "<ANY>" => !found.is_null(),
        (Value::Object(found), Value::Object(expected)) => {
            found.len() == expected.len()
                && expected.iter().all(|(name, expected)| {
                    found.get(name).is_some_and(|found| matches(found, expected))
                })
        }
        (found, expected) => found == expected,
    }
}
