//! What must hold whatever happens to workers, brokers, Qserv and the store.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::scene::{Scene, object};
use crate::support::tap::is_final;

/// What was counted, and the faults that were found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) jobs: usize,
    pub(crate) completed: usize,
    /// Jobs with another final status, and what it says.
    pub(crate) failed: Vec<String>,
    pub(crate) queries: usize,
    /// Queries that were submitted again, because a worker died between the answer of Qserv and the status that names the
    /// query: no other worker can know of it.
    pub(crate) unknown: usize,
    pub(crate) objects: usize,
    /// Uploads that broke off.
    pub(crate) broken: usize,
    pub(crate) faults: Vec<String>,
}

impl Report {
    /// Compares statuses, queries and objects of a scene whose jobs have ended.
    pub(crate) fn of(scene: &Scene<'_>) -> Self {
        // Surplus statuses would arrive now.
        scene.pass(Duration::from_secs(2));
        let mut report = Self { jobs: scene.jobs.len(), ..Self::default() };
        report.statuses(scene);
        report.queries(scene);
        report.objects(scene);
        report
    }

    fn statuses(&mut self, scene: &Scene<'_>) {
        let published = scene.tap.published();
        let mut of_jobs: HashMap<&str, Vec<&Value>> = HashMap::new();
        for status in published.iter() {
            of_jobs.entry(status["jobID"].as_str().unwrap()).or_default().push(status);
        }
        let stored = last_objects(scene);
        for job in &scene.jobs {
            let statuses = of_jobs.get(job.as_str()).map(Vec::as_slice).unwrap_or_default();
            let finals: Vec<&Value> =
                statuses.iter().copied().filter(|status| is_final(status)).collect();
            let [last] = finals[..] else {
                let phases: Vec<_> = statuses.iter().map(|status| &status["status"]).collect();
                self.faults.push(format!("{job} has {} final statuses: {phases:?}", finals.len()));
                continue;
            };
            if statuses.last().is_some_and(|status| !is_final(status)) {
                self.faults.push(format!("{job} has a status after its final one"));
            }
            if last["status"] != "COMPLETED" {
                self.failed.push(format!("{job}: {} {}", last["status"], last["errorInfo"]));
                continue;
            }
            self.completed += 1;
            let rows = stored.get(job.as_str()).map(|object| object.lines().count() as u64 - 1);
            if rows.is_none() || last["resultInfo"]["totalRows"].as_u64() != rows {
                self.faults
                    .push(format!("{job} is COMPLETED with {last}, and {rows:?} rows are stored"));
            }
        }
    }

    /// A query that a status has named must not be submitted again while it runs.
    fn queries(&mut self, scene: &Scene<'_>) {
        let published = scene.tap.published();
        let named: HashSet<u64> = published.iter().filter_map(execution).collect();
        self.queries = scene.qserv.submitted();
        for (query, beside) in scene.qserv.submitted_twice() {
            if named.contains(&beside) {
                let job = scene.qserv.job(query).unwrap_or_default();
                self.faults
                    .push(format!("{job}: {query} was submitted while {beside} was running"));
            } else {
                self.unknown += 1;
            }
        }
    }

    /// Every object is that of a query of its job, and whole.
    fn objects(&mut self, scene: &Scene<'_>) {
        for put in scene.store.puts() {
            if !put.whole {
                self.broken += 1;
                continue;
            }
            self.objects += 1;
            let job = name(&put.line);
            let text = String::from_utf8_lossy(&put.body);
            let first = text.lines().nth(1).and_then(|row| row.parse::<u64>().ok());
            let id = first.unwrap_or_default() / 10_000;
            if scene.qserv.job(id).as_deref() != Some(job) || text != object(id) {
                let length = text.len();
                self.faults
                    .push(format!("the object {job} is not that of a query: {length} bytes"));
            }
        }
    }

    /// Fails the test if anything was wrong.
    #[track_caller]
    pub(crate) fn assert_all_completed(&self) {
        println!("{self}");
        assert!(self.faults.is_empty(), "{self}");
        assert_eq!(self.completed, self.jobs, "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in [
            ("jobs", self.jobs),
            ("completed", self.completed),
            ("with another final status", self.failed.len()),
            ("queries", self.queries),
            ("submitted again, unknown to any status", self.unknown),
            ("whole objects stored", self.objects),
            ("uploads that broke off", self.broken),
            ("faults", self.faults.len()),
        ] {
            writeln!(f, "{what:<40} {count:>6}")?;
        }
        self.failed.iter().chain(&self.faults).try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn execution(status: &Value) -> Option<u64> {
    status["executionID"].as_str()?.parse().ok()
}

/// The job in `PUT /bucket/job17?X-Signature=...`.
fn name(line: &str) -> &str {
    let path = line.strip_prefix("PUT /bucket/").unwrap_or_default();
    path.split('?').next().unwrap_or_default()
}

/// What the store has under the name of each job.
fn last_objects(scene: &Scene<'_>) -> HashMap<String, String> {
    let whole = scene.store.puts().into_iter().filter(|put| put.whole);
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap_or_default();
    whole.map(|put| (name(&put.line).to_owned(), text(put.body))).collect()
}
