//! What becomes of jobs, whoever runs them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use taploom_bridge::JobsConfig;

use crate::queries::Resumable;
use crate::support::store::Answer;
use crate::support::{job_of, numbers};
use crate::{Running, Site};

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
    let written = json!({"jobID": "late", "status": "COMPLETED"});
    site.leave("late", "ended", &written.to_string());
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

/// A request is given up after 30 seconds. This one is of the status EXECUTING.
#[tokio::test]
async fn a_receiver_that_hangs_holds_up_no_job() {
    let site = Site::new(&[Answer::HangAfter(0)]).await;
    site.put("job", "SELECT 1 AS n");
    let worker = site.start(site.rows());
    let started = Instant::now();
    site.until("the job", || site.final_status("job").is_some()).await;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(site.final_status("job").unwrap()["status"], "COMPLETED");
    worker.end().await;
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

/// A worker that was killed may have left tables of the user, whether or not it has left a query.
#[tokio::test]
async fn tables_are_removed_by_the_worker_that_ends_the_job() {
    let site = Site::new(&[]).await;
    let put = |name: &str, destination: &str| {
        let mut job = job_of("as long as it takes", destination, &[("n", "long")]);
        job["jobID"] = json!(name);
        job["resultFormat"]["format"] = json!({"type": "csv"});
        job["uploadTables"] = json!([{
            "tableName": format!("user_{name}.t"), "sourceUrl": "https://a/b", "schemaUrl": "https://a/c",
        }]);
        site.put_text(name, &job.to_string());
    };
    let url = format!("file://{}/result.csv", site.results.path().display());
    for name in ["completed", "given_up", "stopped", "told"] {
        put(name, &url);
    }
    put("refused", "file:///nowhere/refused.csv");
    site.leave("given_up", "done", "used=5 reads=3");
    site.leave("told", "ended", &json!({"jobID": "told", "status": "COMPLETED"}).to_string());
    std::fs::write(site.spool.path().join("stopped.cancel"), "").unwrap();
    let queries = Resumable::over(site.rows());
    queries.is_released.store(true, Ordering::Relaxed);
    let jobs = JobsConfig { attempts: 3, ..JobsConfig::default() };
    let worker = site.start_with(queries.clone(), &jobs);
    site.until("the jobs", || site.is_clean()).await;
    // The worker waits until the database has been told everything.
    worker.end().await;
    let mut removed = queries.removed.lock().unwrap().clone();
    removed.sort();
    let databases = ["completed", "given_up", "refused", "stopped", "told"];
    assert_eq!(removed, databases.map(|name| format!("user_{name}")));
}

#[tokio::test]
async fn a_query_ends_if_the_next_worker_refuses_its_job() {
    let site = Site::new(&[]).await;
    let mut job = job_of("as long as it takes", "file:///nowhere/refused.csv", &[("n", "long")]);
    job["jobID"] = json!("refused");
    site.put_text("refused", &job.to_string());
    site.leave("refused", "done", "used=5 reads=0 execution=4711");
    let queries = Resumable::over(site.rows());
    let worker = site.start(queries.clone());
    site.until("the job", || site.is_clean()).await;
    assert_eq!(site.final_status("refused").unwrap()["status"], "ERROR");
    site.until("the query", || queries.cancelled.load(Ordering::Relaxed) == 1).await;
    assert_eq!(queries.submitted.load(Ordering::Relaxed), 0);
    worker.end().await;
}

#[tokio::test]
async fn a_job_whose_rows_were_begun_too_often_is_given_up() {
    let site = Site::new(&[]).await;
    site.put("deadly", "SELECT 1 AS n");
    site.leave("deadly", "done", "used=5 reads=3");
    let jobs = JobsConfig { attempts: 3, ..JobsConfig::default() };
    let worker = site.start_with(site.rows(), &jobs);
    site.until("the job", || site.is_clean()).await;
    let status = site.final_status("deadly").unwrap();
    assert_eq!(status["errorInfo"]["errorCode"], "backend_internal_error");
    assert!(status["errorInfo"]["errorMessage"].as_str().unwrap().contains("3 times"));
    worker.end().await;
}
