//! Results in a folder, the list of hosts, and the limit on the size of a result.

use std::path::Path;

use serde_json::{Value, json};
use taploom_bridge::Bridge;
use taploom_bridge::jobs::{
    JobLimits, Outcome, ResultFolder, StreamingDatabase, UploadMode, Uploader,
};

use crate::support::store::Store;
use crate::support::{
    SampleDatabase, bridge_with, job, job_of, limits, numbers, policy, run, run_until,
};

/// A bridge that may write into `folder`.
fn bridge_into(database: &SampleDatabase, folder: &Path, limits: JobLimits) -> Bridge {
    let uploader = Uploader::new(policy()).unwrap().with_folder(ResultFolder::new(folder).unwrap());
    let database = StreamingDatabase::new(&database.location()).unwrap();
    bridge_with(database, limits, uploader)
}

fn chunked() -> JobLimits {
    JobLimits { upload: UploadMode::Chunked, ..limits() }
}

fn entries(folder: &Path) -> usize {
    folder.read_dir().unwrap().count()
}

#[tokio::test]
async fn a_result_becomes_a_file() {
    let (database, folder) = (SampleDatabase::create(), tempfile::tempdir().unwrap());
    let path = folder.path().join("uws1.vot");
    std::fs::write(&path, "an older result").unwrap();
    let store = Store::start(&[]).await;
    let sample = |url: &str| job("jobs/data.json", "SELECT * FROM result", url);
    for limits in [limits(), chunked()] {
        let bridge = bridge_into(&database, folder.path(), limits);
        let (outcome, _) = run(&bridge, &sample(&format!("file://{}", path.display()))).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        let (outcome, _) = run(&bridge, &sample(&store.url())).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        assert!(std::fs::read(&path).unwrap() == store.puts().pop().unwrap().body);
    }
    assert_eq!(entries(folder.path()), 1);
}

#[tokio::test]
async fn a_job_that_fails_or_is_stopped_leaves_no_file() {
    let (database, folder) = (SampleDatabase::create(), tempfile::tempdir().unwrap());
    let url = format!("file://{}/uws1.csv", folder.path().display());
    let bridge = bridge_into(&database, folder.path(), limits());
    let failing = "SELECT CASE n WHEN 60000 THEN abs(-9223372036854775807 - 1) ELSE n END AS n";
    let failing = format!("{failing} FROM ({})", numbers(100_000));
    let (_, published) = run(&bridge, &job_of(&failing, &url, &[("n", "long")])).await;
    assert_eq!(published.phases().last().unwrap(), "ERROR");

    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c";
    let stop = taploom_bridge::jobs::Stop::default();
    let abort = stop.abort.clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        abort.cancel();
    });
    let (outcome, _) = run_until(&bridge, &job_of(endless, &url, &[("n", "long")]), &stop).await;
    assert_eq!(outcome, Outcome::Aborted);
    drop(bridge);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(entries(folder.path()), 0);
}

#[tokio::test]
async fn a_destination_that_is_not_allowed_is_refused_before_the_query() {
    let (database, folder) = (SampleDatabase::create(), tempfile::tempdir().unwrap());
    let refused = async |bridge: &Bridge, url: &str| {
        let (_, published) = run(bridge, &job_of("SELECT 1 AS n", url, &[("n", "int")])).await;
        assert_eq!(published.phases(), ["ERROR"], "{url}");
        let (code, message) = published.error();
        assert_eq!(code, "invalid_request");
        assert!(!message.contains("5ec3e7"), "{message}");
        message
    };
    let database = || StreamingDatabase::new(&database.location()).unwrap();
    let uploader = || Uploader::new(policy()).unwrap();
    let plain = bridge_with(database(), limits(), uploader());
    for (url, said) in [
        ("ftp://store/a?5ec3e7", "it is not an http or https URL"),
        ("file:///etc/passwd", "this service has no folder for results"),
        ("s3://bucket/a", "this service has no keys for S3"),
    ] {
        let message = refused(&plain, url).await;
        assert!(message.starts_with(&format!("resultDestination: {said}")), "{message}");
    }
    let listed = uploader().with_hosts(["*.example.org".to_owned()]);
    let listed = bridge_with(database(), limits(), listed);
    let message = refused(&listed, "http://127.0.0.1:1/a?5ec3e7").await;
    assert!(message.contains("list of hosts"), "{message}");
    let inside = ResultFolder::new(folder.path()).unwrap();
    let inside = bridge_with(database(), limits(), uploader().with_folder(inside));
    let message = refused(&inside, "file:///etc/passwd").await;
    assert!(message.contains("not in the folder for results"), "{message}");
    // Otherwise the results of both would be one file.
    for end in ["?x=5ec3e7", "#5ec3e7"] {
        let url = format!("file://{}/a{end}", folder.path().display());
        let message = refused(&inside, &url).await;
        assert!(message.contains("neither a query nor a fragment"), "{message}");
    }
    // They are noticed only when the file gets its name, unless somebody looks before.
    for name in ["a%00.csv".to_owned(), "n".repeat(256)] {
        let url = format!("file://{}/{name}", folder.path().display());
        let message = refused(&inside, &url).await;
        assert!(message.contains("resultDestination: no file can have this name"), "{message}");
    }
    assert_eq!(entries(folder.path()), 0);
}

/// 3 MB as CSV; each row has 100 bytes.
fn long_rows(format: &Value) -> Value {
    let query = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 30000) \
                 SELECT printf('%098d', n) AS n FROM c";
    let mut job = job_of(query, "file:///", &[("n", "char")]);
    job["resultFormat"]["format"] = format.clone();
    job["resultFormat"]["envelope"] = json!({
        "header": "<VOTABLE><RESOURCE><TABLE>", "footer": "</TABLE></RESOURCE></VOTABLE>",
        "footerOverflow": "</TABLE><INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/></RESOURCE></VOTABLE>",
    });
    job
}

#[tokio::test]
async fn a_result_that_reaches_its_largest_size_overflows() {
    const LIMIT: u64 = 1_000_000;
    /// What a batch and the buffers of an encoder may add.
    const MORE: u64 = 800_000;
    let (database, folder) = (SampleDatabase::create(), tempfile::tempdir().unwrap());
    let store = Store::start(&[]).await;
    let path = folder.path().join("uws1");
    let in_folder = format!("file://{}", path.display());
    let limited = |limits: JobLimits| {
        let limits = JobLimits { max_bytes: Some(LIMIT), batch_rows: Some(1000), ..limits };
        bridge_into(&database, folder.path(), limits)
    };
    let tabledata = json!({"type": "VOTable", "serialization": "TABLEDATA"});
    let binary2 = json!({"type": "VOTable", "serialization": "BINARY2"});
    for format in [tabledata, binary2, json!({"type": "Parquet"})] {
        let mut job = long_rows(&format);
        for (limits, url) in
            [(limits(), store.url()), (chunked(), store.url()), (limits(), in_folder.clone())]
        {
            job["resultDestination"] = json!(url);
            let (outcome, published) = run(&limited(limits), &job).await;
            let Outcome::Completed(encoded) = outcome else { panic!("{format}: {outcome:?}") };
            let (rows, bytes) = (encoded.summary.rows, encoded.summary.total_bytes);
            // The digits of a result in Parquet are compressed.
            let is_whole = format["type"] == "Parquet" && rows == 30_000 && bytes < LIMIT;
            let is_cut = rows > 0 && rows < 30_000 && bytes < LIMIT + MORE;
            assert!(is_whole || is_cut, "{format} {url}: {rows} rows, {bytes} bytes");
            assert_eq!(published.last()["resultInfo"]["totalRows"], rows);
            let stored = match url.starts_with("file") {
                true => std::fs::read(&path).unwrap(),
                false => store.puts().pop().unwrap().body,
            };
            assert_eq!(stored.len() as u64, bytes);
            let text = String::from_utf8_lossy(&stored);
            assert_eq!(text.contains("OVERFLOW"), is_cut, "{format} {url}");
        }
    }
    for format in ["csv", "ecsv"] {
        let mut job = long_rows(&json!({"type": format}));
        job["resultDestination"] = json!(store.url());
        let (_, published) = run(&limited(limits()), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "backend_results_too_large", "{format}");
        assert!(message.contains("1000000 bytes") && message.contains("VOTable"), "{message}");
    }
}
