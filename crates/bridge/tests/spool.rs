//! Workers that share a spool folder, in one process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use taploom_bridge::jobs::{
    Database, Execution, Failure, JobLimits, Query, QueryPhase, QueryProgress, ResultFolder,
    RowRequest, StreamingDatabase, Uploader, UserTable,
};
use taploom_bridge::{Bridge, JobsConfig, SpoolWorker, StatusChannel, StatusPosts};
use taploom_model::RowSource;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::store::{Answer, Store};
use crate::support::{SampleDatabase, bridge_with, job_of, numbers, policy};

/// A spool folder, a folder for results, and a receiver of statuses.
struct Site {
    database: SampleDatabase,
    spool: tempfile::TempDir,
    results: tempfile::TempDir,
    statuses: Store,
}

/// A worker at work.
struct Running {
    shutdown: CancellationToken,
    worked: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Tells the worker to end, and waits for that.
    async fn end(self) {
        self.shutdown.cancel();
        self.worked.await.unwrap().unwrap();
    }

    /// Ends the worker as a crash would: nothing more is written.
    async fn crash(self) {
        self.worked.abort();
        assert!(self.worked.await.unwrap_err().is_cancelled());
    }
}

impl Site {
    async fn new(answers: &[Answer]) -> Self {
        let (spool, results) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = SampleDatabase::create();
        Self { database, spool, results, statuses: Store::start(answers).await }
    }

    fn bridge(&self, database: impl Database + 'static) -> Bridge {
        let folder = ResultFolder::new(self.results.path()).unwrap();
        let uploader = Uploader::new(policy()).unwrap().with_folder(folder);
        bridge_with(database, JobLimits::default(), uploader)
    }

    fn rows(&self) -> StreamingDatabase {
        StreamingDatabase::new(&self.database.location()).unwrap()
    }

    fn start(&self, database: impl Database + 'static) -> Running {
        self.start_with(database, &JobsConfig::default())
    }

    fn start_with(&self, database: impl Database + 'static, jobs: &JobsConfig) -> Running {
        let url = taploom_bridge::jobs::Secret::new(self.statuses.url().parse().unwrap());
        let channel = StatusChannel::Posts(StatusPosts::new(url).unwrap());
        let bridge = self.bridge(database);
        let worker = SpoolWorker::new(bridge, self.spool.path(), jobs, channel).unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let worked = tokio::spawn(async move { worker.run(&stop).await });
        Running { shutdown, worked }
    }

    /// Moves a job into the folder.
    fn put(&self, name: &str, query: &str) {
        let url = format!("file://{}/{name}.csv", self.results.path().display());
        let mut job = job_of(query, &url, &[("n", "long")]);
        job["jobID"] = json!(name);
        job["resultFormat"]["format"] = json!({"type": "csv"});
        self.put_text(name, &job.to_string());
    }

    fn put_text(&self, name: &str, text: &str) {
        let written = self.spool.path().join(format!(".{name}.part"));
        std::fs::write(&written, text).unwrap();
        std::fs::rename(written, self.spool.path().join(format!("{name}.json"))).unwrap();
    }

    fn result(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.results.path().join(format!("{name}.csv"))).ok()
    }

    fn final_status(&self, name: &str) -> Option<Value> {
        let text = std::fs::read(self.spool.path().join(format!("done/{name}.json"))).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// The phases of a job that were sent, in order.
    fn phases(&self, name: &str) -> Vec<String> {
        let sent = self.statuses.puts().into_iter();
        let sent = sent.map(|post| serde_json::from_slice::<Value>(&post.body).unwrap());
        let of_job = sent.filter(|status| status["jobID"] == name);
        of_job.map(|status| status["status"].as_str().unwrap().to_owned()).collect()
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..1200 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{what}: {:?}",
            self.statuses.puts().iter().map(|put| &put.body).collect::<Vec<_>>()
        );
    }

    /// Nothing is left but final statuses.
    fn is_clean(&self) -> bool {
        let names = |folder: &Path| -> Vec<_> {
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        names(self.spool.path()).len() == 2 && names(&self.spool.path().join("claimed")).is_empty()
    }
}

#[tokio::test]
async fn jobs_of_a_folder_end_once_whoever_runs_them() {
    const JOBS: usize = 60;
    let site = Site::new(&[]).await;
    let workers: Vec<Running> = (0..3).map(|_| site.start(site.rows())).collect();
    let names: Vec<String> = (0..JOBS).map(|job| format!("job{job}")).collect();
    for (rows, name) in names.iter().enumerate() {
        site.put(name, &numbers(rows as u64 + 1));
    }
    site.until("all jobs", || site.is_clean()).await;
    for (rows, name) in names.iter().enumerate() {
        assert_eq!(site.phases(name), ["EXECUTING", "COMPLETED"], "{name}");
        assert_eq!(site.final_status(name).unwrap()["resultInfo"]["totalRows"], rows + 1);
        assert_eq!(site.result(name).unwrap().lines().count(), rows + 2);
    }
    for worker in workers {
        worker.end().await;
    }
}

#[tokio::test]
async fn what_is_no_job_and_what_is_not_wanted_ends_too() {
    let site = Site::new(&[]).await;
    site.put_text("empty", "{}");
    site.put("wrong", "SELECT n FROM missing");
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n FROM c) SELECT n FROM c";
    site.put("endless", endless);
    site.put("unwanted", endless);
    let cancel = |name: &str| {
        std::fs::write(site.spool.path().join(format!("{name}.cancel")), "").unwrap();
    };
    cancel("unwanted");
    cancel("nobody");
    let worker = site.start(site.rows());
    site.until("the endless job begins", || !site.phases("endless").is_empty()).await;
    cancel("endless");
    site.until("all jobs", || site.is_clean()).await;
    let status = |name: &str| site.final_status(name).unwrap();
    assert_eq!(status("endless")["status"], "ABORTED");
    assert_eq!(status("unwanted")["status"], "ABORTED");
    assert_eq!(status("wrong")["errorInfo"]["errorCode"], "backend_sql_error");
    assert_eq!(status("empty")["errorInfo"]["errorCode"], "invalid_request");
    assert_eq!(status("empty")["jobID"], "empty");
    assert_eq!(site.results.path().read_dir().unwrap().count(), 0);
    worker.end().await;
}

/// The worker ends between writing the final status and sending it.
#[tokio::test]
async fn a_final_status_that_was_not_sent_is_sent_by_the_next_worker() {
    let site = Site::new(&[]).await;
    site.put("late", "SELECT 1 AS n");
    std::fs::create_dir_all(site.spool.path().join("claimed")).unwrap();
    std::fs::rename(
        site.spool.path().join("late.json"),
        site.spool.path().join("claimed/late.json"),
    )
    .unwrap();
    let written = json!({"jobID": "late", "status": "COMPLETED"});
    std::fs::write(site.spool.path().join("claimed/late.ended"), written.to_string()).unwrap();
    let worker = site.start(site.rows());
    site.until("the job", || site.is_clean()).await;
    assert_eq!(site.phases("late"), ["COMPLETED"]);
    assert_eq!(site.final_status("late").unwrap(), written);
    assert_eq!(site.result("late"), None, "the query was not run");
    worker.end().await;
}

#[tokio::test]
async fn a_final_status_is_sent_again_until_it_is_taken() {
    // The first is of the status EXECUTING.
    let site = Site::new(&[Answer::Status(500, ""), Answer::Status(503, "")]).await;
    site.put("job", "SELECT 1 AS n");
    let worker = site.start(site.rows());
    site.until("the job", || site.is_clean()).await;
    assert_eq!(site.phases("job"), ["EXECUTING", "COMPLETED", "COMPLETED"]);
    worker.end().await;
}

/// Queries that run until they are released, and that other workers can go on with.
#[derive(Clone)]
struct Resumable {
    rows: Arc<StreamingDatabase>,
    submitted: Arc<AtomicUsize>,
    resumed: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
    is_released: Arc<AtomicBool>,
}

struct ResumableExecution {
    queries: Resumable,
    is_reported: bool,
}

impl Resumable {
    fn over(rows: StreamingDatabase) -> Self {
        let (submitted, resumed, cancelled) = Default::default();
        let is_released = Arc::default();
        Self { rows: Arc::new(rows), submitted, resumed, cancelled, is_released }
    }

    fn execution(&self) -> Box<dyn Execution> {
        Box::new(ResumableExecution { queries: self.clone(), is_reported: false })
    }
}

#[async_trait]
impl Database for Resumable {
    async fn submit(&self, _query: &Query) -> Result<Box<dyn Execution>, Failure> {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        Ok(self.execution())
    }

    async fn resume(
        &self,
        id: &str,
        _tables: &[UserTable],
    ) -> Result<Option<Box<dyn Execution>>, Failure> {
        assert_eq!(id, "4711");
        self.resumed.fetch_add(1, Ordering::Relaxed);
        Ok(Some(self.execution()))
    }

    fn reads_once(&self) -> bool {
        true
    }
}

#[async_trait]
impl Execution for ResumableExecution {
    fn id(&self) -> String {
        "4711".to_owned()
    }

    async fn progress(&mut self) -> Result<QueryProgress, Failure> {
        while self.is_reported && !self.queries.is_released.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let phase = match std::mem::replace(&mut self.is_reported, true) {
            false => QueryPhase::Executing,
            true => QueryPhase::Finished,
        };
        Ok(QueryProgress {
            phase,
            total_chunks: 1,
            completed_chunks: 0,
            started: None,
            updated: None,
        })
    }

    async fn rows(&mut self, request: RowRequest) -> Result<Box<dyn RowSource>, Failure> {
        let query = Query { sql: numbers(10), adql: None, database: None, tables: Vec::new() };
        self.queries.rows.submit(&query).await?.rows(request).await
    }

    fn can_be_resumed(&self) -> bool {
        true
    }

    async fn cancel(&mut self) {
        self.queries.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    async fn forget(&mut self) {}
}

#[tokio::test]
async fn a_query_outlives_workers_that_end_and_workers_that_crash() {
    let site = Site::new(&[]).await;
    let queries = Resumable::over(site.rows());
    site.put("long", "as long as it takes");
    let first = site.start(queries.clone());
    site.until("the query runs", || !site.phases("long").is_empty()).await;
    first.end().await;
    let second = site.start(queries.clone());
    site.until("it goes on", || queries.resumed.load(Ordering::Relaxed) == 1).await;
    second.crash().await;
    let third = site.start(queries.clone());
    site.until("it goes on again", || queries.resumed.load(Ordering::Relaxed) == 2).await;
    queries.is_released.store(true, Ordering::Relaxed);
    site.until("the job", || site.is_clean()).await;
    assert_eq!(site.phases("long").last().unwrap(), "COMPLETED");
    assert_eq!(site.result("long").unwrap().lines().count(), 11);
    assert_eq!(queries.submitted.load(Ordering::Relaxed), 1);
    assert_eq!(queries.cancelled.load(Ordering::Relaxed), 0);
    third.end().await;
}

#[tokio::test]
async fn a_job_whose_rows_were_begun_too_often_is_given_up() {
    let site = Site::new(&[]).await;
    site.put("deadly", "SELECT 1 AS n");
    std::fs::create_dir_all(site.spool.path().join("claimed")).unwrap();
    let from = site.spool.path().join("deadly.json");
    std::fs::rename(from, site.spool.path().join("claimed/deadly.json")).unwrap();
    std::fs::write(site.spool.path().join("claimed/deadly.done"), "used=5 reads=3").unwrap();
    let jobs = JobsConfig { attempts: 3, ..JobsConfig::default() };
    let worker = site.start_with(site.rows(), &jobs);
    site.until("the job", || site.is_clean()).await;
    let status = site.final_status("deadly").unwrap();
    assert_eq!(status["errorInfo"]["errorCode"], "backend_internal_error");
    assert!(status["errorInfo"]["errorMessage"].as_str().unwrap().contains("3 times"));
    worker.end().await;
}
