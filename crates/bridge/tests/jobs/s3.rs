//! Presigned PUTs to an S3 that checks signatures and expiry, and keeps objects as files: s3s-fs.

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::Value;
use taploom_bridge::jobs::{JobLimits, Outcome, Stop, UploadMode};

use crate::support::{SampleDatabase, bridge, job_of, limits, numbers, run, run_until};

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
    let expected: String = (1..=100_000).map(|n| format!("{n}\r\n")).collect();
    let object = std::fs::read_to_string(s3.object()).unwrap();
    assert_eq!(object, format!("n\r\n{expected}"));
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
