//! Presigned PUTs and uploads in parts to an S3 that checks signatures and expiry, and keeps objects as files: s3s-fs.

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::Value;
use taploom_bridge::Bridge;
use taploom_bridge::jobs::{
    JobLimits, Outcome, S3Options, Secret, Stop, StreamingDatabase, UploadMode, UploadPolicy,
    Uploader,
};

use crate::support::store::{Answer, Store};
use crate::support::{
    SampleDatabase, bridge, bridge_with, job_of, limits, numbers, policy, run, run_until,
};

const SECRET: &str = "0123456789abcdef";

struct S3 {
    folder: tempfile::TempDir,
    port: u16,
}

impl S3 {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("results")).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("key", SECRET));
        let service = service.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            while let Ok((stream, _)) = listener.accept().await {
                let connection = server.serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(connection.into_owned());
            }
        });
        Self { folder, port }
    }

    fn url(&self, secret: &str, valid: Duration) -> String {
        let endpoint = format!("http://127.0.0.1:{}", self.port).parse().unwrap();
        let bucket = Bucket::new(endpoint, UrlStyle::Path, "results", "eu-south-1").unwrap();
        let credentials = Credentials::new("key", secret);
        bucket.put_object(Some(&credentials), "job").sign(valid).to_string()
    }

    fn good_url(&self) -> String {
        self.url(SECRET, Duration::from_secs(600))
    }

    fn object(&self) -> PathBuf {
        self.folder.path().join("results/job")
    }

    /// A bridge with the keys of this S3, which sends results in parts of 5 MiB.
    fn bridge(&self, database: &SampleDatabase, secret: &str) -> Bridge {
        keyed(database, &format!("http://127.0.0.1:{}", self.port), secret)
    }

    /// The files that hold parts of uploads or say what uploads there are.
    fn parts(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "results").collect()
    }
}

/// A bridge with keys for the S3 at `endpoint`.
fn keyed(database: &SampleDatabase, endpoint: &str, secret: &str) -> Bridge {
    let options = S3Options {
        endpoint: endpoint.parse().unwrap(),
        region: "eu-south-1".to_owned(),
        path_style: true,
        access_key: "key".to_owned(),
        secret_key: Secret::new(secret.to_owned()),
        session_token: None,
        part_bytes: 5 << 20,
    };
    // It computes digests of large parts without optimisation.
    let policy = UploadPolicy { idle_timeout: Duration::from_secs(60), ..policy() };
    let uploader = Uploader::new(policy).unwrap().with_s3(options).unwrap();
    let database = StreamingDatabase::new(&database.location()).unwrap();
    bridge_with(database, limits(), uploader)
}

/// 1,000,000 rows; 6.9 MB as CSV.
const MANY: u64 = 1_000_000;

fn as_csv(rows: u64) -> String {
    let lines: String = (1..=rows).map(|n| format!("{n}\r\n")).collect();
    format!("n\r\n{lines}")
}

fn job(query: &str, url: &str) -> Value {
    let mut job = job_of(query, url, &[("n", "long")]);
    job["resultFormat"]["format"] = serde_json::json!({"type": "csv"});
    job
}

fn chunked() -> JobLimits {
    JobLimits { upload: UploadMode::Chunked, ..limits() }
}

/// A query that fails after some rows.
fn failing() -> String {
    let fails = "CASE n WHEN 60000 THEN abs(-9223372036854775807 - 1) ELSE n END AS n";
    format!("SELECT {fails} FROM ({})", numbers(100_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_becomes_an_object() {
    let (database, s3) = (SampleDatabase::create(), S3::start().await);
    let job = job(&numbers(100_000), &s3.good_url());
    let (outcome, _) = run(&bridge(&database, limits()), &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(s3.object()).unwrap(), as_csv(100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_sent_in_parts_and_a_small_one_at_once() {
    let (database, s3) = (SampleDatabase::create(), S3::start().await);
    for rows in [MANY, 1000] {
        let job = job(&numbers(rows), "s3://results/job");
        let (outcome, _) = run(&s3.bridge(&database, SECRET), &job).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        assert!(std::fs::read_to_string(s3.object()).unwrap() == as_csv(rows), "{rows} rows");
    }
    let job = job(&numbers(MANY), "s3://results/job");
    let (_, published) = run(&s3.bridge(&database, "another secret"), &job).await;
    let (code, message) = published.error();
    assert_eq!(code, "upload_failed");
    assert!(message.contains("403"), "{message}");
}

/// The second part is refused, once or for good; or the answer to the last request is an error within a 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_sent_again_and_an_upload_that_fails_is_aborted() {
    const BEGUN: &str = "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                         <UploadId>u1</UploadId></InitiateMultipartUploadResult>";
    const DONE: &str = "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                        <ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
    let database = SampleDatabase::create();
    let begun = Answer::Text(200, "", BEGUN);
    let part = Answer::Status(200, "etag: \"e\"");
    let busy = Answer::Status(503, "retry-after: 0");
    let refused = Answer::Status(403, "");
    let (done, failed) = (Answer::Text(200, "", DONE), Answer::Status(200, ""));
    // Whoever does not wait for the end of an upload does not see it.
    let aborted = Answer::Late(Duration::from_millis(300));
    for (answers, is_stored, requests) in [
        (
            vec![begun.clone(), part.clone(), busy.clone(), part.clone(), done.clone()],
            true,
            "POST PUT PUT PUT POST",
        ),
        (vec![begun.clone(), part.clone(), refused, aborted.clone()], false, "POST PUT PUT DELETE"),
        (
            vec![begun.clone(), part.clone(), part.clone(), failed, done],
            true,
            "POST PUT PUT POST POST",
        ),
        (
            vec![begun, part, busy.clone(), busy.clone(), busy, aborted],
            false,
            "POST PUT PUT PUT PUT DELETE",
        ),
    ] {
        let store = Store::start(&answers).await;
        let job = job(&numbers(MANY), "s3://results/job");
        let (outcome, published) = run(&keyed(&database, &store.origin(), SECRET), &job).await;
        assert_eq!(matches!(outcome, Outcome::Completed(_)), is_stored, "{outcome:?}");
        if !is_stored {
            assert_eq!(published.error().0, "upload_failed");
        }
        // An upload is aborted after the status was published, and before the bridge rests.
        assert_eq!(store.methods(), requests);
        let parts: Vec<_> =
            store.puts().into_iter().filter(|put| put.line.starts_with("PUT")).collect();
        assert_eq!(parts[0].body.len(), 5 << 20);
        assert_eq!(parts.last().unwrap().body.len(), as_csv(MANY).len() - (5 << 20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_parts_that_is_stopped_leaves_nothing() {
    let (database, s3) = (SampleDatabase::create(), S3::start().await);
    let stop = Stop::default();
    let abort = stop.abort.clone();
    let stopper = async {
        while s3.parts().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        abort.cancel();
    };
    let job = job(&numbers(4 * MANY), "s3://results/job");
    let bridge = s3.bridge(&database, SECRET);
    let ((outcome, _), ()) = tokio::join!(run_until(&bridge, &job, &stop), stopper);
    assert_eq!(outcome, Outcome::Aborted);
    for _ in 0..100 {
        if s3.parts().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(s3.parts(), [""; 0]);
    assert!(!s3.object().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_wrong_or_too_old_is_a_failed_upload() {
    let (database, s3) = (SampleDatabase::create(), S3::start().await);
    let expired = s3.url(SECRET, Duration::from_secs(1));
    tokio::time::sleep(Duration::from_secs(2)).await;
    for url in [s3.url("another secret", Duration::from_secs(600)), expired] {
        let (_, published) = run(&bridge(&database, limits()), &job("SELECT 1 AS n", &url)).await;
        let (code, message) = published.error();
        assert_eq!(code, "upload_failed", "{message}");
        assert!(message.contains("403"), "{message}");
        let signature = url.split("X-Amz-Signature=").nth(1).unwrap();
        assert!(!published.last().to_string().contains(&signature[..16]), "{message}");
        assert!(!s3.object().exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_leaves_no_object() {
    let (database, s3) = (SampleDatabase::create(), S3::start().await);
    for limits in [limits(), chunked()] {
        let job = job(&failing(), &s3.good_url());
        let (_, published) = run(&bridge(&database, limits), &job).await;
        assert_eq!(published.phases().last().unwrap(), "ERROR");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!s3.object().exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_stopped_leaves_no_object() {
    const ENDLESS: &str =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c";
    let (database, s3) = (SampleDatabase::create(), S3::start().await);
    for limits in [limits(), chunked()] {
        let stop = Stop::default();
        let abort = stop.abort.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            abort.cancel();
        });
        let job = job(ENDLESS, &s3.good_url());
        let (outcome, _) = run_until(&bridge(&database, limits), &job, &stop).await;
        assert_eq!(outcome, Outcome::Aborted);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!s3.object().exists());
    }
}
