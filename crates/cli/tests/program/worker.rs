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
            .env("TAPLOOM__JOBS__SHUTDOWN_GRACE_SECONDS", "10")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.folder.path("log")).unwrap())
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

    /// The log of the worker that was started last.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path("log")).unwrap()
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
fn a_worker_whose_reader_ends_ends_too() {
    let site = Site::new();
    let mut first = site.start();
    drop(first.statuses.take());
    site.put("job", "SELECT n FROM numbers");
    assert_eq!(first.wait(), Some(1));
    let log = site.log();
    assert!(log.contains("nobody reads the statuses on standard output"), "{log}");
    let mut second = site.start();
    second.until("job", "COMPLETED");
    assert_eq!(site.result("job"), "n\r\n7\r\n");
}

/// The statuses have the query, so that the first one fills the pipe.
#[test]
#[cfg(target_os = "linux")]
fn a_worker_whose_reader_has_stopped_ends_when_it_is_told_to() {
    let site = Site::new();
    site.put("job", &format!("SELECT n FROM numbers -- {}", "x".repeat(1 << 18)));
    let mut worker = site.start();
    let begun = Path::new(&site.folder.path("jobs/claimed/job.done")).to_owned();
    let started = Instant::now();
    while !begun.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", site.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    worker.signal("-TERM");
    assert_eq!(worker.wait(), Some(0), "{}", site.log());
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_cant_be_taken_is_named_once() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let site = Site::new();
    let jobs = site.folder.path("jobs");
    let long = "n".repeat(250);
    std::fs::create_dir(format!("{jobs}/folder.json")).unwrap();
    std::fs::create_dir(format!("{jobs}/nobody.cancel")).unwrap();
    std::fs::write(format!("{jobs}/{long}.json"), "{}").unwrap();
    std::fs::write(Path::new(&jobs).join(OsStr::from_bytes(b"not-utf-8-\xff.json")), "{}").unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", format!("{jobs}/link.json")).unwrap();
    assert!(Command::new("mkfifo").arg(format!("{jobs}/pipe.json")).status().unwrap().success());
    std::fs::create_dir_all(format!("{jobs}/done/late.json")).unwrap();
    site.put("late", "SELECT n FROM numbers");
    let mut worker = site.start();
    site.put("good", "SELECT n FROM numbers");
    worker.until("good", "COMPLETED");
    std::thread::sleep(Duration::from_secs(2));
    let log = site.log();
    for name in
        ["folder.json", "nobody.cancel", &long, "not-utf-8", "link.json", "pipe.json", "done/late"]
    {
        let lines = log.lines().filter(|line| line.contains(name)).count();
        assert_eq!(lines, 1, "{name}: {log}");
    }
    worker.signal("-TERM");
    assert_eq!(worker.wait(), Some(0));
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
    for results in [&jobs, &site.folder.path("")] {
        run(&["--spool", &jobs, "--database", database, "--results", results])
            .fails_with(2, &["upload.folder", "could replace jobs"]);
    }
    let missing = format!("sqlite:{nowhere}");
    run(&["--spool", &jobs, "--database", &missing, "--check"])
        .fails_with(2, &["database.url", &missing]);
    let settings = site.folder.write("settings.toml", "[database]\noutage_seconds = 1\n");
    run(&["--spool", &jobs, "--config", &settings, "--check"])
        .fails_with(2, &["database.url is missing", "TAPLOOM__DATABASE__URL"]);
    #[cfg(target_os = "linux")]
    {
        // No file can be made in this folder, not even by root.
        std::os::unix::fs::symlink("/proc", site.folder.path("results/done")).unwrap();
        let results = site.folder.path("results");
        run(&["--spool", &results, "--database", database, "--check"])
            .fails_with(2, &["results/done"]);
    }
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("demo"), "{help}");
    run(&["--spool", &jobs, "--config", &nowhere]).fails_with(2, &["nowhere"]);
    run(&["--spool", &jobs, "--database", database, "--check"]).succeeds();
}
