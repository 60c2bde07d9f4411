//! Messages that are not jobs, and requests to stop jobs.

use std::time::Duration;

use serde_json::json;

use crate::harness::{ENDLESS, Kafka};
use crate::support::tap::{finals, has};

pub(crate) fn skipped(kafka: &Kafka) {
    for message in ["not JSON", "{\"query\": 1}", "{\"jobID\": \"poison\"}", ""] {
        kafka.tap.send("lsst.tap.job-run", message.as_bytes());
    }
    kafka.job("endless", ENDLESS);
    kafka.job("good", "SELECT 1 AS n");
    let worker = kafka.worker("");
    kafka.tap.until("jobs", |statuses| {
        has(statuses, "poison", "ERROR")
            && has(statuses, "good", "COMPLETED")
            && has(statuses, "endless", "EXECUTING")
    });
    kafka.tap.send("lsst.tap.job-delete", b"no JSON either");
    let other = json!({"jobID": "endless", "executionID": "another", "ownerID": "me"});
    let delete = json!({"jobID": "endless", "ownerID": "me"});
    kafka.tap.until("the job is stopped", |statuses| {
        for message in [&other, &delete] {
            kafka.tap.send("lsst.tap.job-delete", message.to_string().as_bytes());
        }
        has(statuses, "endless", "ABORTED")
    });
    let metrics = worker.get("/metrics");
    for line in [
        "taploom_jobs_total{outcome=\"completed\",code=\"\"} 1",
        "taploom_jobs_total{outcome=\"failed\",code=\"invalid_request\"} 1",
        "taploom_jobs_total{outcome=\"aborted\",code=\"\"} 1",
        "taploom_jobs_running 0",
        "taploom_rows_total 1",
        "taploom_memory_granted_bytes 0",
        "taploom_scratch_bytes 0",
        "taploom_stage_seconds_count{stage=\"upload\",format=\"csv\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

/// The request is kept: the job waits for its first worker when it is stopped.
pub(crate) fn stopped_before(kafka: &Kafka) {
    kafka.job("endless", ENDLESS);
    kafka.job("endless", ENDLESS);
    kafka.job("good", "SELECT 1 AS n");
    let delete = json!({"jobID": "endless", "ownerID": "me"});
    kafka.tap.send("lsst.tap.job-delete", delete.to_string().as_bytes());
    // The same name again, after the request.
    std::thread::sleep(Duration::from_millis(20));
    kafka.job("endless", "SELECT 2 AS n");
    let _worker = kafka.worker("");
    kafka.tap.until("all end", |statuses| finals(statuses) == 4);
    let endless = &kafka.tap.phases()["endless"];
    let number = |phase: &str| endless.iter().filter(|one| *one == phase).count();
    assert_eq!((number("ABORTED"), number("COMPLETED")), (2, 1), "{endless:?}");
}
