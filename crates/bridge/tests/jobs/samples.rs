//! Samples recorded from the Python bridge: the same messages must give the same results and
//! statuses.

use std::sync::Arc;

use serde_json::{Value, json};
use taploom_bridge::jobs::{JobRunner, Outcome, StreamingDatabase, UploadPolicy, Uploader};
use taploom_bridge::{Bridge, Formats};
use taploom_format::EncoderRegistry;

use crate::support::store::Store;
use crate::support::{
    SampleDatabase, assert_matches, bridge, job, limits, run, sample, sample_json,
};

const ALL: &str = "SELECT * FROM result ORDER BY id";

/// A status of the samples, changed for a query in SQLite. A plain database has one chunk.
fn status(name: &str, query: &str, completed: u64) -> Value {
    let mut status = sample_json(name);
    status["metadata"]["query"] = json!(query);
    if let Some(progress) = status.pointer_mut("/queryInfo/progress") {
        *progress = json!({"totalChunks": 1, "completedChunks": completed});
    }
    status
}

#[tokio::test]
async fn rows_become_the_binary2_of_the_sample() {
    let database = SampleDatabase::create();
    let store = Store::start(&[]).await;
    let job = job("jobs/data.json", ALL, &store.url());
    let (outcome, published) = run(&bridge(&database, limits()), &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");

    let statuses = published.all();
    assert_eq!(statuses.len(), 2, "{statuses:#?}");
    assert_matches(&statuses[0], &status("status/data-started.json", ALL, 0));
    assert_matches(&statuses[1], &status("status/data-completed.json", ALL, 1));

    let put = store.the_put();
    assert_eq!(put.line, "PUT /bucket/1?X-Signature=5ec3e7 HTTP/1.1");
    assert_eq!(put.headers["content-type"], "application/x-votable+xml; serialization=binary2");
    assert_eq!(put.headers["content-length"], put.body.len().to_string());
    let body = String::from_utf8(put.body).unwrap();
    let envelope = &job["resultFormat"]["envelope"];
    let rest = body.strip_prefix(envelope["header"].as_str().unwrap()).unwrap();
    let rest = rest.strip_suffix(envelope["footer"].as_str().unwrap()).unwrap();
    let rows = rest.strip_prefix("<DATA><BINARY2><STREAM encoding=\"base64\">").unwrap();
    let rows = rows.strip_suffix("</STREAM></BINARY2></DATA>\n").unwrap();
    assert_eq!(rows.trim(), sample("results/data.binary2").trim());
}

#[tokio::test]
async fn rows_beyond_maxrec_are_an_overflow() {
    let database = SampleDatabase::create();
    for maxrec in [0_usize, 1] {
        let store = Store::start(&[]).await;
        let mut job = job("jobs/data.json", ALL, &store.url());
        job["maxrec"] = json!(maxrec);
        let (_, published) = run(&bridge(&database, limits()), &job).await;
        assert_eq!(published.last()["resultInfo"]["totalRows"], maxrec);
        let body = String::from_utf8(store.the_put().body).unwrap();
        let footer = job["resultFormat"]["envelope"]["footerOverflow"].as_str().unwrap();
        assert!(body.ends_with(footer), "{body}");
    }
}

#[tokio::test]
async fn a_query_that_is_wrong_is_an_sql_error() {
    let database = SampleDatabase::create();
    let store = Store::start(&[]).await;
    let query = "SELECT TOP 10 * FROM table";
    let (_, published) =
        run(&bridge(&database, limits()), &job("jobs/data.json", query, &store.url())).await;
    assert_matches(&published.last(), &status("status/error-sql.json", query, 0));
    assert_eq!(store.begun(), 0);
}

#[tokio::test]
async fn a_format_that_is_not_accepted_is_refused() {
    let database = SampleDatabase::create();
    let formats = Formats::new(taploom::registry().unwrap())
        .accepting(vec!["VOTable/BINARY2".to_owned(), "Parquet".to_owned()]);
    let database = Arc::new(StreamingDatabase::new(&database.location()).unwrap());
    let uploader = Uploader::new(crate::support::policy()).unwrap();
    let bridge = Bridge::new(formats, JobRunner::new(database, uploader, limits()).unwrap());
    let (_, published) = run(&bridge, &sample_json("jobs/tabledata.json")).await;
    assert_eq!(published.all().len(), 1);
    assert_matches(&published.last(), &sample_json("status/error-tabledata.json"));
}

#[tokio::test]
async fn every_format_of_the_program_can_be_asked_for() {
    let database = SampleDatabase::create();
    for (kind, serialization, content_type, begins) in [
        (
            "VOTable",
            Some("TABLEDATA"),
            "application/x-votable+xml; serialization=tabledata",
            "<VOTable",
        ),
        ("VOTable", None, "application/x-votable+xml", "<VOTable"),
        ("Parquet", Some("BINARY2"), "application/vnd.apache.parquet", "PAR1"),
        ("csv", None, "text/csv", "id,a,b"),
    ] {
        let store = Store::start(&[]).await;
        let mut job = job("jobs/data.json", ALL, &store.url());
        job["resultFormat"]["format"] = json!({"type": kind});
        if let Some(serialization) = serialization {
            job["resultFormat"]["format"]["serialization"] = json!(serialization);
        }
        let (outcome, published) = run(&bridge(&database, limits()), &job).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{kind}: {outcome:?}");
        assert_eq!(published.last()["resultInfo"]["format"], job["resultFormat"]["format"]);
        let put = store.the_put();
        assert_eq!(put.headers["content-type"], content_type);
        assert!(put.body.starts_with(begins.as_bytes()), "{kind}");
    }
}

/// A bridge with only one format.
#[tokio::test]
async fn a_format_that_was_left_out_is_refused_by_name() {
    let all = taploom::registry().unwrap();
    let votable = all.plugins().iter().filter(|plugin| plugin.info().id == "votable");
    let formats = Formats::new(EncoderRegistry::new(votable.copied()).unwrap());
    let database = SampleDatabase::create();
    let database = Arc::new(StreamingDatabase::new(&database.location()).unwrap());
    let uploader = Uploader::new(UploadPolicy::default()).unwrap();
    let bridge = Bridge::new(formats, JobRunner::new(database, uploader, limits()).unwrap());
    let store = Store::start(&[]).await;
    let mut job = job("jobs/data.json", ALL, &store.url());
    job["resultFormat"]["format"] = json!({"type": "Parquet"});
    let (_, published) = run(&bridge, &job).await;
    let (code, message) = published.error();
    assert_eq!(code, "invalid_request");
    for part in ["resultFormat.format.type", "Parquet", "votable"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(store.begun(), 0);
}
