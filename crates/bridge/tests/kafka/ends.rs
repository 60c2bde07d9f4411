//! Every job has one final status, whatever happens to its workers.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Value, json};

use crate::harness::Kafka;
use crate::support::numbers;
use crate::support::store::Answer;
use crate::support::tap::{finals, has, is_final};
use crate::support::worker::PANICS;

/// Two workers run 200 small jobs and 5 large ones, and one worker is killed: every job has one
/// final status, and every object is complete.
pub(crate) fn killed(kafka: &Kafka) {
    const LARGE: u64 = 100_000;
    let mut expected = HashMap::new();
    for number in 0..205_u64 {
        let rows = if number % 41 == 7 { LARGE } else { number % 17 };
        let name = format!("job{number}");
        let query = match rows {
            0 => "SELECT id AS n FROM result WHERE 0".to_owned(),
            rows => numbers(rows),
        };
        kafka.job(&name, &query);
        expected.insert(name, rows);
    }
    let workers = [kafka.worker(""), kafka.worker("")];
    kafka.tap.until("a part of the jobs", |statuses| finals(statuses) >= 60);
    let [mut first, second] = workers;
    first.kill();
    kafka.tap.until("all jobs", |statuses| {
        let ended = statuses.iter().filter(|status| is_final(status));
        let names: std::collections::HashSet<_> =
            ended.map(|status| status["jobID"].to_string()).collect();
        names.len() == expected.len()
    });
    // Surplus statuses would arrive now.
    for _ in 0..20 {
        kafka.tap.listen(Duration::from_millis(100));
    }
    assert_eq!(second.get("/health"), "OK\n");
    drop(second);
    for (name, rows) in &expected {
        let statuses = kafka.tap.published();
        let ended: Vec<&Value> = statuses
            .iter()
            .filter(|status| is_final(status) && status["jobID"] == **name)
            .collect();
        assert_eq!(ended.len(), 1, "{name}: {ended:#?}");
        assert_eq!(ended[0]["status"], "COMPLETED", "{}", ended[0]);
        assert_eq!(ended[0]["resultInfo"]["totalRows"], *rows);
        let path = format!("PUT /bucket/{name}?");
        let puts = kafka.store.puts();
        let object = puts.iter().rfind(|put| put.whole && put.line.starts_with(&path)).unwrap();
        let lines = object.body.split(|byte| *byte == b'\n').count() as u64;
        assert_eq!(lines, rows + 2, "{name}: the names, the rows, and nothing after the last");
    }
}

/// A worker died between publishing the final status of a job and committing the position of its message.
/// The next worker finds the status, and runs only the jobs without one.
pub(crate) fn found(kafka: &Kafka) {
    let mut places = Vec::new();
    for name in ["ended", "other"] {
        places.push(kafka.job(name, "SELECT 1 AS n"));
    }
    let [(partition, offset), _] = places[..] else { panic!("{places:?}") };
    let status = json!({"jobID": "ended", "status": "COMPLETED"}).to_string();
    let message = format!("lsst.tap.job-run/{partition}/{offset}");
    let header = Header { key: "taploom-job-run", value: Some(&message) };
    let headers = OwnedHeaders::new().insert(header);
    kafka.tap.send_with("lsst.tap.job-status", status.as_bytes(), headers);
    let _worker = kafka.worker("");
    kafka.job("last", "SELECT 1 AS n");
    kafka.tap.until("the others", |statuses| {
        has(statuses, "other", "COMPLETED") && has(statuses, "last", "COMPLETED")
    });
    for _ in 0..20 {
        kafka.tap.listen(Duration::from_millis(100));
    }
    assert_eq!(kafka.tap.phases()["ended"], ["COMPLETED"], "it was run again");
    assert!(kafka.store.puts().iter().all(|put| !put.line.contains("/ended?")));
}

/// The statuses say that the rows of a job were begun five times, each time by a worker that ended.
pub(crate) fn given_up(kafka: &Kafka) {
    let mut places = Vec::new();
    for name in ["five", "four"] {
        places.push(kafka.job(name, "SELECT 1 AS n"));
    }
    for (reads, name, (partition, offset)) in [(5, "five", places[0]), (4, "four", places[1])] {
        let status = json!({"jobID": name, "status": "EXECUTING"}).to_string();
        let done = format!("lsst.tap.job-run/{partition}/{offset} used=1000 reads={reads}");
        let header = Header { key: "taploom-job-done", value: Some(&done) };
        let headers = OwnedHeaders::new().insert(header);
        kafka.tap.send_with("lsst.tap.job-status", status.as_bytes(), headers);
    }
    let _worker = kafka.worker("attempts = 5");
    kafka.tap.until("both end", |statuses| finals(statuses) == 2);
    assert!(has(&kafka.tap.published(), "four", "COMPLETED"));
    let published = kafka.tap.published();
    let five =
        published.iter().find(|status| status["jobID"] == "five" && is_final(status)).unwrap();
    assert_eq!(five["errorInfo"]["errorCode"], "backend_internal_error", "{five}");
    assert!(five["errorInfo"]["errorMessage"].as_str().unwrap().contains("given up"), "{five}");
}

pub(crate) fn panicked(kafka: &Kafka) {
    kafka.job("bad", "panic");
    kafka.job("good", "SELECT 1 AS n");
    let location = kafka.database.location();
    let url = format!("url = {location:?}");
    let mut worker = kafka.worker_with(&url, "", &[(PANICS, &location)]);
    kafka.tap.until("both end", |statuses| {
        has(statuses, "bad", "ERROR") && has(statuses, "good", "COMPLETED")
    });
    assert_eq!(worker.get("/health"), "OK\n");
    assert!(worker.terminate().success());
}

/// Neither the status of a job that is completed nor the one with a short query is taken.
pub(crate) fn too_large(kafka: &Kafka) {
    // The store is waited for while the test talks to the broker.
    kafka.store.answer(Answer::Status(503, "retry-after: 4"));
    let _worker = kafka.worker("");
    kafka.job("large", &format!("SELECT 1 AS n /* {} */", "x".repeat(20_000)));
    let is_read = |statuses: &[Value]| statuses.len() == 2 && kafka.store.puts().len() == 1;
    kafka.tap.until("the upload is repeated", is_read);
    kafka.refuse_as_too_large(2);
    kafka.tap.until("it ends", |statuses| finals(statuses) == 1);
    for _ in 0..20 {
        kafka.tap.listen(Duration::from_millis(100));
    }
    assert_eq!(kafka.tap.phases()["large"], ["EXECUTING", "EXECUTING", "ERROR"]);
    let published = kafka.tap.published();
    let last = published.last().unwrap();
    assert_eq!(last["errorInfo"]["errorCode"], "backend_internal_error", "{last}");
    let message = last["errorInfo"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("larger than this service can publish"), "{message}");
    assert!(last.to_string().len() < 1000, "{last}");
}
