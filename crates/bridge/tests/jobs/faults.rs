//! Failures of the store, the scratch disk and the rows, time limits, and wrong requests.

use std::time::Duration;

use serde_json::json;
use taploom_bridge::jobs::{
    JobLimits, Outcome, Stop, StreamingDatabase, UploadMode, UploadPolicy, Uploader,
};
use taploom_format::ScratchSpace;

use crate::support::store::{Answer, Store};
use crate::support::{
    SampleDatabase, bridge, bridge_to, bridge_with, job, job_of, limits, numbers, policy, run,
    run_until,
};

const OK: Answer = Answer::Status(200, "");

/// Runs the sample's rows against a store.
async fn upload(
    answers: &[Answer],
    mode: UploadMode,
) -> (Store, Outcome, crate::support::Published) {
    let database = SampleDatabase::create();
    let store = Store::start(answers).await;
    let job = job("jobs/data.json", "SELECT * FROM result", &store.url());
    let limits = JobLimits { upload: mode, ..limits() };
    let (outcome, published) = run(&bridge(&database, limits), &job).await;
    for status in published.all() {
        assert!(!status.to_string().contains("5ec3e7"), "{status}");
    }
    (store, outcome, published)
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for first in [
        Answer::Status(500, ""),
        Answer::Status(503, "retry-after: 0"),
        Answer::Status(429, "retry-after: 1"),
        Answer::CloseAfter(0),
        Answer::CloseAfter(300),
        Answer::HangAfter(10),
        Answer::Early(502),
    ] {
        let (store, outcome, _) = upload(&[first.clone(), OK], UploadMode::Spooled).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{first:?}: {outcome:?}");
        assert_eq!(store.begun(), 2, "{first:?}");
        let last = store.puts().pop().unwrap();
        assert!(last.whole && last.body.ends_with(b"</VOTable>\n"), "{first:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let database = SampleDatabase::create();
    for (outage, is_stored) in [(Duration::from_secs(600), true), (Duration::ZERO, false)] {
        let store = Store::start(&vec![Answer::Status(503, "retry-after: 0"); 9]).await;
        let policy = UploadPolicy { outage, ..policy() };
        let rows = StreamingDatabase::new(&database.location()).unwrap();
        let bridge = bridge_with(rows, limits(), Uploader::new(policy).unwrap());
        let (outcome, published) =
            run(&bridge, &job_of("SELECT 1 AS n", &store.url(), &[("n", "int")])).await;
        assert_eq!(matches!(outcome, Outcome::Completed(_)), is_stored, "{outcome:?}");
        if !is_stored {
            let (_, message) = published.error();
            assert!(message.ends_with("at attempt 3 of 3"), "{message}");
        }
    }
}

/// Rows that don't fit into the buffers of a connection: 20 MB.
const LARGE: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 20000) \
                     SELECT printf('%01000d', n) AS n FROM c";

#[tokio::test]
async fn a_store_that_answers_before_it_has_everything_has_stored_nothing() {
    let database = SampleDatabase::create();
    for mode in [UploadMode::Spooled, UploadMode::Chunked] {
        let store =
            Store::start(&[Answer::Early(200), Answer::Early(204), Answer::Early(200)]).await;
        let job = job_of(LARGE, &store.url(), &[("n", "char")]);
        let limits = JobLimits { upload: mode, ..limits() };
        let (_, published) = run(&bridge(&database, limits.clone()), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "upload_failed", "{message}");

        let store = Store::start(&[Answer::Early(200), OK]).await;
        let job = job_of(LARGE, &store.url(), &[("n", "char")]);
        let (outcome, _) = run(&bridge(&database, limits), &job).await;
        match mode {
            UploadMode::Spooled => {
                assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
                assert!(store.the_put().body.len() > 20_000_000);
            }
            UploadMode::Chunked => assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn what_does_not_pass_is_not() {
    for status in [400, 403, 404, 412, 307] {
        let (store, _, published) =
            upload(&[Answer::Status(status, "location: /elsewhere")], UploadMode::Spooled).await;
        let (code, message) = published.error();
        assert_eq!(code, "upload_failed");
        assert!(message.contains(&status.to_string()), "{message}");
        assert_eq!(store.begun(), 1, "{status}");
    }
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let answers = [Answer::HangAfter(0), Answer::Status(500, ""), Answer::CloseAfter(10), OK];
    let (store, _, published) = upload(&answers, UploadMode::Spooled).await;
    let (code, message) = published.error();
    assert_eq!(code, "upload_failed");
    assert!(message.ends_with(", at attempt 3 of 3"), "{message}");
    assert_eq!(store.begun(), 3);
}

#[tokio::test]
async fn a_store_that_is_not_there() {
    let database = SampleDatabase::create();
    let job = job("jobs/data.json", "SELECT * FROM result", "http://127.0.0.1:1/x?key=5ec3e7");
    for mode in [UploadMode::Spooled, UploadMode::Chunked] {
        let limits = JobLimits { upload: mode, ..limits() };
        let (_, published) = run(&bridge(&database, limits), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "upload_failed");
        assert!(message.contains("refused") && !message.contains("5ec3e7"), "{message}");
    }
}

#[tokio::test]
async fn chunks_are_sent_once() {
    let (store, outcome, _) = upload(&[OK], UploadMode::Chunked).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let put = store.the_put();
    assert_eq!(put.headers["transfer-encoding"], "chunked");
    assert!(put.body.ends_with(b"</VOTable>\n"));

    for answer in [Answer::Status(500, ""), Answer::CloseAfter(0), Answer::HangAfter(0)] {
        let (store, _, published) = upload(&[answer, OK], UploadMode::Chunked).await;
        assert_eq!(published.error().0, "upload_failed");
        assert_eq!(store.begun(), 1);
    }
}

/// Rows in which a late cell does not fit its column.
const LATE: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 200000) \
                    SELECT CASE n WHEN 199999 THEN 70000 ELSE 7 END AS n FROM c";

#[tokio::test]
async fn a_value_that_does_not_fit_leaves_no_object() {
    let database = SampleDatabase::create();
    for (mode, kind, begun) in [
        (UploadMode::Spooled, "VOTable", 0),
        (UploadMode::Chunked, "VOTable", 1),
        (UploadMode::Chunked, "Parquet", 1),
        (UploadMode::Chunked, "csv", 1),
    ] {
        let store = Store::start(&[]).await;
        let mut job = job_of(LATE, &store.url(), &[("n", "short")]);
        job["resultFormat"]["format"] = json!({"type": kind});
        let limits = JobLimits { upload: mode, ..limits() };
        let (_, published) = run(&bridge(&database, limits), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "encoding_error");
        assert!(message.contains(r#"column "n", row 199999: "#), "{message}");
        assert_eq!(store.begun(), begun, "{kind}");
        assert!(store.puts().iter().all(|put| !put.whole), "{kind}");
    }
}

#[tokio::test]
async fn columns_that_contradict_the_rows_name_themselves() {
    let database = SampleDatabase::create();
    let store = Store::start(&[]).await;
    for (datatype, value) in [("int", "'text'"), ("boolean", "5"), ("unsignedByte", "300")] {
        let sql = format!("SELECT {value} AS flag");
        let job = job_of(&sql, &store.url(), &[("flag", datatype)]);
        let (_, published) = run(&bridge(&database, limits()), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "encoding_error");
        assert!(message.contains(r#"column "flag""#), "{message}");
    }
    let job = job_of("SELECT 1, 2", &store.url(), &[("a", "int")]);
    let (_, published) = run(&bridge(&database, limits()), &job).await;
    assert!(published.error().1.contains("metadata for 1 of 2 columns"));
    assert_eq!(store.begun(), 0);
}

#[tokio::test]
async fn an_envelope_that_is_no_xml_is_refused_before_the_query() {
    let (database, store) = (SampleDatabase::create(), Store::start(&[]).await);
    let mut found = Vec::new();
    for (kind, member) in [
        ("VOTable", "header"),
        ("VOTable", "footerOverflow"),
        ("Parquet", "footer"),
        ("csv", "header"),
    ] {
        let mut job = job("jobs/data.json", "SELECT * FROM result", &store.url());
        job["resultFormat"]["format"] = json!({"type": kind});
        job["resultFormat"]["envelope"][member] = json!("<!-- a -->\n</TABLE> & ");
        let (_, published) = run(&bridge(&database, limits()), &job).await;
        found.push((published.phases(), published.last()["errorInfo"]["errorMessage"].clone()));
    }
    let refused = |member: &str, why: &str| {
        let why = format!("resultFormat.envelope.{member}: it is not XML: line 2, column {why}");
        (vec!["ERROR".to_owned()], json!(why))
    };
    let reference =
        "10: an & begins no reference that XML knows; the character itself is written as &amp;";
    let expected = [
        refused("header", "1: close tag `</TABLE>` does not match any open tag"),
        refused("footerOverflow", reference),
        refused("footer", reference),
        // It has no use for an envelope.
        (vec!["EXECUTING".to_owned(), "COMPLETED".to_owned()], json!(null)),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_message_does_not_say_where_the_database_is() {
    let store = Store::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let location = format!("sqlite:{}", folder.path().join("s3cret.db").display());
    let missing = StreamingDatabase::new(&location).unwrap();
    let job = job_of("SELECT 1 AS n", &store.url(), &[("n", "long")]);
    let (_, published) = run(&bridge_to(missing, limits()), &job).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_sql_error");
    assert!(message.starts_with("the database: ") && !message.contains("s3cret"), "{message}");
}

#[tokio::test]
async fn scratch_that_is_full_is_said() {
    let database = SampleDatabase::create();
    let store = Store::start(&[]).await;
    let job = job_of(&numbers(100_000), &store.url(), &[("n", "long")]);
    let mut small = limits();
    small.scratch_per_job = Some(10_000);
    let (_, published) = run(&bridge(&database, small.clone()), &job).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_results_too_large");
    assert!(message.contains("more than 10000 bytes"), "{message}");

    // The common limit of all jobs, and a disk that can't be used, are the operator's.
    let mut shared = limits();
    shared.resources.scratch = ScratchSpace::default().limited_to(10_000);
    let mut missing = limits();
    missing.resources.scratch = ScratchSpace::in_folder(database.folder().join("not-there"));
    for limits in [shared, missing] {
        let (_, published) = run(&bridge(&database, limits), &job).await;
        let expected = "there is no scratch space for the result now; try again later".to_owned();
        assert_eq!(published.error(), ("backend_internal_error".to_owned(), expected));
    }
    assert_eq!(store.begun(), 0);

    // The encoder of Parquet keeps its columns on disk, even if nothing else is.
    let mut job = job_of(LARGE, &store.url(), &[("n", "char")]);
    job["resultFormat"]["format"] = json!({"type": "Parquet"});
    small.upload = UploadMode::Chunked;
    small.resources.memory_budget = 4 << 20;
    let (_, published) = run(&bridge(&database, small), &job).await;
    assert_eq!(published.error().0, "backend_results_too_large");
}

/// A query that never ends, and returns its first row at once.
const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c";

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended() {
    let database = SampleDatabase::create();
    for mode in [UploadMode::Spooled, UploadMode::Chunked] {
        let store = Store::start(&[]).await;
        let mut job = job_of(ENDLESS, &store.url(), &[("n", "long")]);
        job["timeout"] = json!(0.3);
        let limits = JobLimits { upload: mode, ..limits() };
        let (_, published) = run(&bridge(&database, limits), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "result_timeout");
        assert_eq!(message, "the job took longer than its limit of 0.3 s");
        settle(&store).await;
        assert!(store.puts().iter().all(|put| !put.whole));
    }
}

#[tokio::test]
async fn a_job_is_stopped_at_any_stage() {
    let database = SampleDatabase::create();
    for (stage, mode, answer) in [
        (0, UploadMode::Spooled, OK),
        (50, UploadMode::Spooled, OK),
        (100, UploadMode::Chunked, OK),
        (150, UploadMode::Spooled, Answer::HangAfter(5)),
        (150, UploadMode::Chunked, Answer::HangAfter(5)),
    ] {
        let hangs = matches!(answer, Answer::HangAfter(_));
        let store = Store::start(&[answer]).await;
        let sql = if hangs { "SELECT 1 AS n" } else { ENDLESS };
        let job = job_of(sql, &store.url(), &[("n", "long")]);
        let stop = Stop::default();
        let abort = stop.abort.clone();
        if stage == 0 {
            abort.cancel();
        }
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(stage)).await;
            abort.cancel();
        });
        let limits = JobLimits { upload: mode, ..limits() };
        let (outcome, published) = run_until(&bridge(&database, limits), &job, &stop).await;
        assert_eq!(outcome, Outcome::Aborted, "{stage}");
        assert_eq!(published.phases().pop().as_deref(), Some("ABORTED"));
        settle(&store).await;
        assert!(store.puts().iter().all(|put| !put.whole), "{stage}");
    }
}

/// Lets the store see that a connection ended.
async fn settle(store: &Store) {
    for _ in 0..50 {
        if store.puts().len() == store.begun() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
