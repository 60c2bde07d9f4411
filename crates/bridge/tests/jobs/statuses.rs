//! Statuses on their way to a URL.

use std::time::{Duration, Instant};

use serde_json::Value;
use taploom_bridge::jobs::{Outcome, Stop};
use taploom_bridge::{
    Chunks, JobRun, JobStatus, Metadata, Phase, QueryInfo, StatusChannel, Statuses,
};

use crate::support::store::{Answer, Store};
use crate::support::{SampleDatabase, bridge, job_of, limits};

/// The statuses that were received whole, in order.
fn received(receiver: &Store) -> Vec<Value> {
    let posts = receiver.puts().into_iter().filter(|post| post.whole);
    posts.map(|post| serde_json::from_slice(&post.body).unwrap()).collect()
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_no_job() {
    let (database, store) = (SampleDatabase::create(), Store::start(&[]).await);
    let receiver = Store::start(&[Answer::HangAfter(0)]).await;
    let statuses = StatusChannel::parse(&receiver.url()).unwrap().of_job();
    let job = job_of("SELECT 1 AS n", &store.url(), &[("n", "long")]).to_string();
    let job = JobRun::parse(job.as_bytes()).unwrap();
    let (bridge, stop) = (bridge(&database, limits()), Stop::default());
    let started = Instant::now();
    let outcome = bridge.run(job, &statuses, &stop).await.unwrap();
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    // A request is given up after 30 seconds.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(receiver.begun(), 2);
    let received = received(&receiver);
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0]["status"], "COMPLETED");
}

fn status(status: Phase, completed_chunks: u64) -> JobStatus {
    let progress = Chunks { total_chunks: 10, completed_chunks };
    JobStatus {
        job_id: "uws1".to_owned(),
        execution_id: None,
        timestamp: 0,
        status,
        query_info: Some(QueryInfo { start_time: 0, end_time: None, progress }),
        result_info: None,
        error_info: None,
        metadata: Metadata::default(),
    }
}

#[tokio::test]
async fn the_newest_status_is_sent_after_a_slow_one_and_the_final_one_last() {
    let receiver = Store::start(&[Answer::Late(Duration::from_secs(3))]).await;
    let statuses = StatusChannel::parse(&receiver.url()).unwrap().of_job();
    let started = Instant::now();
    for completed in 1..=5 {
        statuses.publish(&status(Phase::Executing, completed)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    statuses.publish(&status(Phase::Completed, 6)).await.unwrap();
    let completed = |status: &Value| status["queryInfo"]["progress"]["completedChunks"].as_u64();
    let received: Vec<_> = received(&receiver).iter().map(completed).collect();
    assert_eq!(received, [Some(1), Some(5), Some(6)]);
}
