//! `taploom worker`: jobs in a folder, results in a folder, workers that are killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Folder, taploom};

/// A site: a database, a folder for jobs and one for results.
struct Site {
    folder: Folder,
    database: String,
}

/// A worker process, which is killed when it is dropped.
struct Worker {
    child: Child,
    statuses: Option<BufReader<ChildStdout>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    /// Reads statuses until one of these phases of this job.
    fn until(&mut self, job: &str, phase: &str) -> Value {
        let statuses = self.statuses.as_mut().unwrap();
        loop {
            let mut line = String::new();
            assert!(statuses.read_line(&mut line).unwrap() > 0, "the worker has ended");
            let status: Value = serde_json::from_str(&line).unwrap();
            if status["jobID"] == job && status["status"] == phase {
                return status;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits for the end of the process, and returns its exit status.
    fn wait(&mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < Duration::from_secs(60), "the worker does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Site {
    fn new() -> Self {
        let folder = Folder::new();
        for name in ["jobs", "results"] {
            std::fs::create_dir(folder.path(name)).unwrap();
        }
        let database = format!("sqlite:{}", folder.path("rows.db"));
        rusqlite::Connection::open(folder.path("rows.db"))
            .unwrap()
            .execute_batch("CREATE TABLE numbers (n INT); INSERT INTO numbers VALUES (7);")
            .unwrap();
        Self { folder, database }
    }

    fn start(&self) -> Worker {
        let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
            .args(["worker", "--spool", &self.folder.path("jobs"), "--database", &self.database])
            .args(["--results", &self.folder.path("results")])
            .env("TAPLOOM__OBSERVE__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let statuses = child.stdout.take().map(BufReader::new);
        Worker { child, statuses }
    }

    fn put(&self, name: &str, query: &str) {
        let job = json!({
            "jobID": name, "ownerID": "me", "query": query,
            "resultDestination": format!("file://{}/{name}.csv", self.folder.path("results")),
            "resultFormat": {
                "format": {"type": "csv"},
                "envelope": {"header": "", "footer": "", "footerOverflow": ""},
                "columnTypes": [{"name": "n", "datatype": "long"}],
            },
        });
        let written = self.folder.write(&format!("{name}.part"), &job.to_string());
        std::fs::rename(written, self.folder.path(&format!("jobs/{name}.json"))).unwrap();
    }

    fn result(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path(&format!("results/{name}.csv"))).unwrap()
    }
}

fn names(folder: &str) -> Vec<String> {
    let entries = Path::new(folder).read_dir().unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
#[cfg(target_os = "linux")]
fn a_job_survives_the_worker_that_is_killed_with_it() {
    let site = Site::new();
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c";
    site.put("endless", endless);
    let mut first = site.start();
    first.until("endless", "EXECUTING");
    site.put("quick", "SELECT n FROM numbers");
    first.until("quick", "COMPLETED");
    assert_eq!(site.result("quick"), "n\r\n7\r\n");
    first.signal("-KILL");
    first.wait();
    assert_eq!(names(&site.folder.path("results")), ["quick.csv"], "a part of a result is left");

    let mut second = site.start();
    second.until("endless", "EXECUTING");
    std::fs::write(site.folder.path("jobs/endless.cancel"), "").unwrap();
    second.until("endless", "ABORTED");
    second.signal("-TERM");
    assert_eq!(second.wait(), Some(0));
    assert_eq!(names(&site.folder.path("jobs")), ["claimed", "done"]);
    assert_eq!(names(&site.folder.path("jobs/claimed")), [""; 0]);
    assert_eq!(names(&site.folder.path("jobs/done")), ["endless.json", "quick.json"]);
    assert_eq!(names(&site.folder.path("results")), ["quick.csv"]);
}

#[test]
fn what_is_wrong_is_said_before_the_work() {
    let site = Site::new();
    let (jobs, database) = (site.folder.path("jobs"), site.database.as_str());
    let run = |more: &[&str]| taploom(&[&["worker"], more].concat());
    run(&["--spool", &jobs]).fails_with(2, &["--config", "--database"]);
    let nowhere = site.folder.path("nowhere");
    run(&["--spool", &nowhere, "--database", database])
        .fails_with(2, &["nowhere", "no such folder"]);
    run(&["--spool", &jobs, "--database", database, "--results", &nowhere])
        .fails_with(2, &["upload.folder", "nowhere"]);
    run(&["--spool", &jobs, "--database", database, "--statuses", "ftp://me:SECRET@host"])
        .fails_with(2, &["--statuses", "standard output"]);
    run(&["--spool", &jobs, "--config", &nowhere]).fails_with(2, &["nowhere"]);
    run(&["--spool", &jobs, "--database", database, "--check"]).succeeds();
}
