//! Workers that share a spool folder, in one process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod files;
mod jobs;
mod places;
mod queries;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use taploom_bridge::jobs::{Database, JobLimits, ResultFolder, StreamingDatabase, Uploader};
use taploom_bridge::{Bridge, JobsConfig, SpoolWorker, StatusChannel, StatusPosts};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::store::{Answer, Store};
use crate::support::{SampleDatabase, bridge_with, job_of, policy};

/// A spool folder, a folder for results, and a receiver of statuses.
struct Site {
    database: SampleDatabase,
    spool: tempfile::TempDir,
    results: tempfile::TempDir,
    statuses: Store,
}

/// A worker at work.
struct Running {
    worker: Arc<SpoolWorker>,
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
        let (working, stop) = (Arc::clone(&worker), shutdown.clone());
        let worked = tokio::spawn(async move { working.run(&stop).await });
        Running { worker, shutdown, worked }
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

    /// Claims a job for a worker that has ended, and left this.
    fn leave(&self, name: &str, extension: &str, text: &str) {
        let claimed = self.spool.path().join("claimed");
        std::fs::create_dir_all(&claimed).unwrap();
        let job = format!("{name}.json");
        std::fs::rename(self.spool.path().join(&job), claimed.join(&job)).unwrap();
        std::fs::write(claimed.join(format!("{name}.{extension}")), text).unwrap();
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
