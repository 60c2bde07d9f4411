//! Queries that take long: they outlive their workers, and do not delay short ones.

use std::time::{Duration, Instant};

use serde_json::Value;
use taploom_test_servers::MariaDb;

use crate::harness::{ENDLESS, Kafka};
use crate::support::qserv::ManyQueries;
use crate::support::tap::{finals, has, is_final, wait};

/// A job whose rows are read when its worker has to stop is begun again. That is not an attempt that failed.
pub(crate) fn handed_over(kafka: &Kafka) {
    kafka.job("endless", ENDLESS);
    let mut first = kafka.worker("shutdown_grace_seconds = 1");
    kafka.tap.until("the job begins", |statuses| has(statuses, "endless", "EXECUTING"));
    let asked = Instant::now();
    assert!(first.terminate().success());
    assert!(asked.elapsed() < Duration::from_secs(4), "the grace period is {:?}", asked.elapsed());
    assert_eq!(finals(&kafka.tap.published()), 0);
    let _second = kafka.worker("timeout_seconds = 1\nattempts = 1");
    kafka.tap.until("the job ends elsewhere", |statuses| has(statuses, "endless", "ERROR"));
    // Each worker says that the query runs, and that rows are read; the first also that they were not read to the end.
    let phases = kafka.tap.phases()["endless"].clone();
    assert_eq!(phases, [&["EXECUTING"; 5][..], &["ERROR"]].concat());
    let published = kafka.tap.published();
    let last = published.iter().find(|status| is_final(status)).unwrap();
    assert_eq!(last["errorInfo"]["errorCode"], "result_timeout", "{last}");
}

pub(crate) fn lanes(kafka: &Kafka) {
    kafka.job("long", ENDLESS);
    let worker = kafka.worker("short = 1\nlong = 1\nlong_after_seconds = 0.5");
    kafka.tap.until("the long job begins", |statuses| has(statuses, "long", "EXECUTING"));
    for number in 0..5 {
        kafka.job(&format!("small{number}"), "SELECT 1 AS n");
    }
    kafka.tap.until("small jobs", |statuses| finals(statuses) == 5);
    assert!(worker.get("/metrics").contains("taploom_jobs_running 1"));
}

/// Queries run in Qserv while their workers are killed and stopped. None is submitted twice, and none is cancelled. They
/// need no places: a short job among them is not delayed.
pub(crate) fn outlived(kafka: &Kafka) {
    const QUERIES: usize = 60;
    let (qserv, url) = wait(ManyQueries::start());
    let server = MariaDb::start().unwrap();
    let database = format!(
        "url = {:?}\n[database.qserv]\nurl = {url:?}\npoll_seconds = 0.3\nrows_query = \"SELECT {{id}} AS n\"",
        server.url()
    );
    let lanes = "short = 1\nlong = 1\nshutdown_grace_seconds = 20";
    for number in 0..QUERIES {
        kafka.job(&format!("query{number}"), "20000");
    }
    let all_run = |statuses: &[Value]| {
        (0..QUERIES).all(|number| has(statuses, &format!("query{number}"), "EXECUTING"))
    };
    let mut first = kafka.worker_with(&database, lanes, &[]);
    kafka.tap.until("all run", all_run);
    kafka.job("short", "10");
    kafka.tap.until("the short one", |statuses| has(statuses, "short", "COMPLETED"));
    assert_eq!(finals(&kafka.tap.published()), 1);
    first.kill();

    let mut second = kafka.worker_with(&database, lanes, &[]);
    // Statuses of a worker that goes on with a query.
    let number = |statuses: &[Value]| {
        statuses.iter().filter(|status| status["status"] == "EXECUTING").count()
    };
    kafka.tap.until("all go on", |statuses| number(statuses) >= 2 * QUERIES + 2);
    let stopping = Instant::now();
    assert!(second.terminate().success());
    assert!(stopping.elapsed() < Duration::from_secs(10), "it waits for no query");

    let third = kafka.worker_with(&database, lanes, &[]);
    kafka.tap.until("all end", |statuses| finals(statuses) == QUERIES + 1);
    assert_eq!((qserv.submitted(), qserv.cancelled()), (QUERIES + 1, 0));
    let published = kafka.tap.published();
    for status in published.iter().filter(|status| is_final(status)) {
        assert_eq!(status["status"], "COMPLETED", "{status}");
        let path = format!("PUT /bucket/{}?", status["jobID"].as_str().unwrap());
        let puts = kafka.store.puts();
        let object = puts.iter().find(|put| put.whole && put.line.starts_with(&path)).unwrap();
        let expected = format!("n\r\n{}\r\n", status["executionID"].as_str().unwrap());
        assert_eq!(String::from_utf8_lossy(&object.body), expected);
    }
    drop(published);

    // A Qserv that does not know a query any more is given it again.
    kafka.job("lost", "20000");
    kafka.tap.until("it runs", |statuses| has(statuses, "lost", "EXECUTING"));
    drop(third);
    qserv.lose_all();
    let _fourth = kafka.worker_with(&database, lanes, &[]);
    kafka.tap.until("it is submitted again", |_| qserv.submitted() == QUERIES + 3);
}
