//! Jobs in a Qserv: a fake of its REST service, and the rows from MariaDB.

use std::time::Duration;

use serde_json::{Value, json};
use taploom_bridge::jobs::{Outcome, Stop};
use taploom_bridge::{Bridge, Earlier, JobRun, Qserv, QservOptions};
use taploom_test_servers::Link;

use crate::fake::{FakeQserv, Forgets};
use crate::support::store::{Answer, Store};
use crate::support::{
    assert_matches, bridge_to, job_of, limits, run, run_until, sample, sample_json,
};
use crate::{UNREACHABLE, server, support, wait_for_query};

/// A bridge to the fake Qserv. Rows come from a table, because a plain MariaDB lacks the function
/// `qserv_result`.
fn qserv(url: &str, rows: &str) -> Bridge {
    let mut options = QservOptions::new(url.parse().unwrap(), rows.parse().unwrap());
    options.rows_query = "SELECT * FROM result WHERE {id} = 1 ORDER BY id".to_owned();
    options.poll = Duration::from_millis(10);
    options.retry_delay = Duration::from_millis(10);
    options.outage = Duration::from_millis(500);
    bridge_to(Qserv::new(options).unwrap(), limits())
}

fn executing(completed: u64) -> Value {
    let mut status = sample_json("qserv/simple-partial.json");
    status["completedChunks"] = json!(completed);
    status
}

#[tokio::test]
async fn qserv_gives_results_and_statuses_of_the_sample() {
    let server = server();
    let statuses = [executing(0), executing(0), sample_json("qserv/data-completed.json")];
    let (fake, url) = FakeQserv::start(&statuses).await;
    fake.0.lock().unwrap().broken = 0;
    let store = Store::start(&[Answer::Status(500, "")]).await;
    let mut job = sample_json("jobs/data.json");
    job["resultDestination"] = json!(store.url());
    let (_, published) = run(&qserv(&url, &server.url()), &job).await;
    assert_eq!(published.phases(), ["EXECUTING", "COMPLETED"]);
    assert_matches(&published.all()[0], &sample_json("status/data-started.json"));
    assert_matches(&published.all()[1], &sample_json("status/data-completed.json"));
    assert_eq!(published.last()["queryInfo"]["startTime"], 1_754_607_182_000_u64);
    assert_eq!(published.last()["queryInfo"]["endTime"], 1_754_607_184_000_u64);
    // The upload was repeated, and the rows were read once.
    assert_eq!(store.begun(), 2);
    assert_eq!(fake.asked()["forget 1"], 1);
}

#[tokio::test]
async fn qserv_says_why_a_query_failed() {
    let (_, url) = FakeQserv::start(&[executing(0), sample_json("qserv/simple-failed.json")]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_matches(&published.all()[0], &sample_json("status/simple-started.json"));
    assert_matches(&published.last(), &sample_json("status/simple-failed.json"));

    let mut large = sample_json("qserv/simple-failed.json");
    large["status"] = json!("FAILED_LR");
    let (_, url) = FakeQserv::start(&[large]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_results_too_large");

    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    fake.0.lock().unwrap().refusal = Some(sample_json("qserv/error.json"));
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    let expected = ("backend_error".to_owned(), "Qserv request failed: Some error".to_owned());
    assert_eq!(published.error(), expected);
    assert!(published.last().get("executionID").is_none());
}

#[tokio::test]
async fn qserv_that_can_not_be_asked() {
    // A query is not submitted a second time, because the first submission may have arrived.
    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    fake.0.lock().unwrap().broken = 1;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_request_error");
    assert_eq!(fake.asked()["submit"], 1);

    let (_, published) =
        run(&qserv("http://127.0.0.1:1", UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_request_error");

    let (_, url) = FakeQserv::start(&[json!({"no": "status"})]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_internal_error");

    // Rows that can't be read. It is not the query that is wrong.
    let (_, url) = FakeQserv::start(&[sample_json("qserv/data-completed.json")]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/data.json")).await;
    let mut expected = sample_json("status/error-sql.json");
    expected["errorInfo"]["errorCode"] = json!("backend_request_error");
    assert_matches(&published.last(), &expected);
}

#[tokio::test]
async fn the_adql_of_a_query_is_passed_on() {
    let (fake, url) = FakeQserv::start(&[sample_json("qserv/simple-failed.json")]).await;
    let mut job = sample_json("jobs/simple.json");
    let bridge = qserv(&url, UNREACHABLE);
    let (_, published) = run(&bridge, &job).await;
    assert!(published.last()["metadata"].get("adqlQuery").is_none());
    assert_eq!(fake.0.lock().unwrap().adql, None);

    job["adqlQuery"] = json!("SELECT TOP 1 * FROM dp1.Object");
    let (_, published) = run(&bridge, &job).await;
    assert_eq!(published.last()["metadata"]["adqlQuery"], job["adqlQuery"]);
    assert_eq!(fake.0.lock().unwrap().adql.as_deref(), job["adqlQuery"].as_str());

    // A message that is refused has it in its status as well.
    job["maxrec"] = json!(-1);
    let (_, published) = run(&bridge, &job).await;
    assert_eq!(published.error().0, "invalid_request");
    assert_eq!(published.last()["metadata"]["adqlQuery"], job["adqlQuery"]);
}

#[tokio::test]
async fn an_outage_of_qserv_is_waited_out() {
    let (fake, url) =
        FakeQserv::start(&[executing(0), sample_json("qserv/simple-failed.json")]).await;
    fake.0.lock().unwrap().away = 5;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_matches(&published.last(), &sample_json("status/simple-failed.json"));
    assert_eq!(fake.asked()["status 1"], 7);

    // One that takes longer ends the job, and the query.
    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    fake.0.lock().unwrap().away = usize::MAX;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_request_error");
    assert!(message.contains("503"), "{message}");
    assert_eq!(fake.asked()["cancel 1"], 1);
}

/// A query that Qserv can't say anything about may run, so it must not be submitted again.
#[tokio::test]
async fn a_query_is_unknown_only_if_qserv_says_so() {
    let known =
        "failed to obtain info for queryId=1, ex: Query to find info for the user query failed";
    for (error, submissions) in [(known, 0), ("ex: Unknown user query, sql=SELECT", 1)] {
        let failed = sample_json("qserv/simple-failed.json");
        let (fake, url) = FakeQserv::start(&[failed]).await;
        fake.0.lock().unwrap().errors = vec![error.to_owned()];
        let bridge = qserv(&url, UNREACHABLE);
        let message = JobRun::parse(sample("jobs/simple.json").as_bytes()).unwrap();
        let earlier = Earlier { execution_id: Some("1".to_owned()), ..Earlier::default() };
        let published = support::Published::default();
        bridge.go_on(message, earlier, &published, &Stop::default()).await.unwrap();
        assert_eq!(published.error().0, "backend_error");
        assert_eq!(fake.asked().get("submit").copied().unwrap_or(0), submissions, "{error}");
    }
}

#[tokio::test]
async fn a_job_is_completed_before_its_result_is_deleted() {
    let server = server();
    for forgets in [Forgets::NotFound, Forgets::Never] {
        let (fake, url) = FakeQserv::start(&[sample_json("qserv/data-completed.json")]).await;
        fake.0.lock().unwrap().forgets = forgets;
        let store = Store::start(&[]).await;
        let mut job = sample_json("jobs/data.json");
        job["resultDestination"] = json!(store.url());
        let bridge = qserv(&url, &server.url());
        let published = support::Published::default();
        let message = JobRun::parse(job.to_string().as_bytes()).unwrap();
        let outcome = bridge.run(message, &published, &Stop::default()).await.unwrap();
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        assert_eq!(published.phases(), ["EXECUTING", "COMPLETED"]);
        if forgets != Forgets::Never {
            bridge.rest().await;
            // What is not there is deleted.
            assert_eq!(fake.asked()["forget 1"], 1);
        }
    }
}

#[tokio::test]
async fn a_query_that_is_stopped_ends_in_qserv() {
    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    let stop = Stop::default();
    let abort = stop.abort.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        abort.cancel();
    });
    let bridge = qserv(&url, UNREACHABLE);
    let (_, published) = run_until(&bridge, &sample_json("jobs/simple.json"), &stop).await;
    assert_matches(&published.last(), &sample_json("status/simple-aborted.json"));
    assert_eq!(fake.asked()["cancel 1"], 1);

    let mut aborted = executing(0);
    aborted["status"] = json!("ABORTED");
    let (_, url) = FakeQserv::start(&[executing(0), aborted]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_matches(&published.last(), &sample_json("status/simple-aborted.json"));
}

/// Qserv gives its rows once, so that the query has to run again.
#[tokio::test]
async fn a_query_whose_rows_break_off_is_submitted_again() {
    let server = server();
    let (fake, url) = FakeQserv::start(&[sample_json("qserv/data-completed.json")]).await;
    let mut link = Link::to(server.port()).unwrap();
    let rows = server.url().replace(&server.port().to_string(), &link.port().to_string());
    let mut options = QservOptions::new(url.parse().unwrap(), rows.parse().unwrap());
    options.rows_query =
        "SELECT seq AS n FROM seq_1_to_20000 WHERE {id} = 1 AND SLEEP(0.0001) = 0".to_owned();
    options.poll = Duration::from_millis(10);
    let bridge = bridge_to(Qserv::new(options).unwrap(), limits());
    let store = Store::start(&[]).await;
    let mut job = job_of("SELECT n FROM many", &store.url(), &[("n", "long")]);
    job["database"] = json!("dp1");
    job["resultFormat"]["format"] = json!({"type": "csv"});
    let broken = tokio::task::spawn_blocking(move || {
        wait_for_query(&server, "SLEEP(0.0001)");
        link.close();
        std::thread::sleep(Duration::from_secs(1));
        link.restore().unwrap();
        (server, link)
    });
    let ((outcome, published), broken) = tokio::join!(run(&bridge, &job), broken);
    let _running = broken.unwrap();
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(published.phases(), ["EXECUTING", "EXECUTING", "COMPLETED"]);
    assert_eq!(fake.asked()["submit"], 2);
    assert_eq!(fake.asked()["forget 1"], 1);
    let rows: String = (1..=20_000).map(|n| format!("{n}\r\n")).collect();
    assert!(store.the_put().body == format!("n\r\n{rows}").as_bytes());
}
