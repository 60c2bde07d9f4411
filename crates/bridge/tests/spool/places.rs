//! Which jobs a worker leaves to others.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use taploom_bridge::JobsConfig;

use crate::Site;
use crate::queries::Resumable;
use crate::support::store::Answer;

#[tokio::test]
async fn a_job_without_a_place_is_left_to_another_worker() {
    let site = Site::new(&[]).await;
    let jobs = JobsConfig { short: 2, long: 1, ..JobsConfig::default() };
    let queries = || {
        let mut queries = Resumable::over(site.rows());
        queries.run_in_background = false;
        queries
    };
    let begun = |queries: &Resumable| queries.submitted.load(Ordering::Relaxed);
    for name in ["a", "b", "c", "d", "e"] {
        site.put(name, "as long as it takes");
    }
    let (first, second) = (queries(), queries());
    let first_worker = site.start_with(first.clone(), &jobs);
    site.until("its places are taken", || begun(&first) == 2).await;
    let second_worker = site.start_with(second.clone(), &jobs);
    site.until("the second worker has jobs", || begun(&second) == 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((begun(&first), begun(&second)), (2, 2));
    for queries in [&first, &second] {
        queries.is_released.store(true, Ordering::Relaxed);
    }
    site.until("all jobs", || site.is_clean()).await;
    assert_eq!(begun(&first) + begun(&second), 5);
    first_worker.end().await;
    second_worker.end().await;
}

/// Nobody takes these statuses.
#[tokio::test]
async fn a_job_that_has_ended_keeps_no_other_from_its_place() {
    let site = Site::new(&[Answer::HangAfter(0), Answer::HangAfter(0)]).await;
    for name in ["a", "b"] {
        site.put(name, "SELECT 1 AS n");
        site.leave(name, "ended", &json!({"jobID": name, "status": "COMPLETED"}).to_string());
    }
    let queries = Resumable::over(site.rows());
    let jobs = JobsConfig { executing: 1, ..JobsConfig::default() };
    let worker = site.start_with(queries.clone(), &jobs);
    site.until("the statuses are sent", || site.statuses.begun() == 2).await;
    site.put("new", "as long as it takes");
    let started = Instant::now();
    site.until("the new job", || queries.submitted.load(Ordering::Relaxed) == 1).await;
    assert!(started.elapsed() < Duration::from_secs(20), "it has waited for the others");
    worker.crash().await;
}

#[tokio::test]
async fn queries_that_run_in_the_database_by_themselves_need_no_place() {
    let site = Site::new(&[]).await;
    let jobs = JobsConfig { short: 2, long: 1, executing: 4, ..JobsConfig::default() };
    let queries = Resumable::over(site.rows());
    for name in ["a", "b", "c", "d", "e"] {
        site.put(name, "as long as it takes");
    }
    let worker = site.start_with(queries.clone(), &jobs);
    site.until("the queries run", || queries.submitted.load(Ordering::Relaxed) == 4).await;
    queries.is_released.store(true, Ordering::Relaxed);
    site.until("all jobs", || site.is_clean()).await;
    worker.end().await;
}
