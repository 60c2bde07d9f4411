//! Databases that go away while their rows are read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use taploom_bridge::jobs::{
    Database, Execution, Failure, JobLimits, Outcome, Query, QueryProgress, ResultFolder,
    RowRequest, Stop, StreamingDatabase, UploadMode, Uploader, UserTable,
};
use taploom_bridge::{Earlier, JobRun};
use taploom_model::{Error, ErrorKind, ResultSchema, RowSource, Step};
use tokio_util::sync::CancellationToken;

use crate::support::store::Store;
use crate::support::{
    Published, SampleDatabase, bridge_with, job_of, limits, numbers, policy, run, run_until,
};

/// Rows of each result. They come in several batches.
const ROWS: u64 = 10_000;

/// Queries whose rows break off after the first batch, except the last ones.
struct Breaking {
    rows: Arc<StreamingDatabase>,
    /// Number of queries whose rows break off.
    broken: usize,
    begun: Arc<AtomicUsize>,
    /// Number of queries that the database was told to end.
    cancelled: Arc<AtomicUsize>,
    /// Number of times that the tables of the user were removed.
    removed: Arc<AtomicUsize>,
    is_waited_for: bool,
    /// Cancelled when rows break off.
    breaks: CancellationToken,
}

struct BreakingExecution {
    query: Box<dyn Execution>,
    breaks: Option<CancellationToken>,
    cancelled: Arc<AtomicUsize>,
}

/// The first batch of a source.
struct FirstBatch {
    source: Box<dyn RowSource>,
    is_read: bool,
    breaks: CancellationToken,
}

#[async_trait]
impl Database for Breaking {
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure> {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        let breaks = (begun < self.broken).then(|| self.breaks.clone());
        Ok(Box::new(BreakingExecution {
            query: self.rows.submit(query).await?,
            breaks,
            cancelled: Arc::clone(&self.cancelled),
        }))
    }

    fn check_tables(&self, _tables: &[UserTable]) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove_tables(&self, tables: &[UserTable]) {
        self.removed.fetch_add(tables.len(), Ordering::Relaxed);
    }

    fn reads_once(&self) -> bool {
        false
    }

    fn waits_for_outages(&self) -> bool {
        self.is_waited_for
    }
}

#[async_trait]
impl Execution for BreakingExecution {
    fn id(&self) -> String {
        self.query.id()
    }

    async fn progress(&mut self) -> Result<QueryProgress, Failure> {
        self.query.progress().await
    }

    async fn rows(&mut self, request: RowRequest) -> Result<Box<dyn RowSource>, Failure> {
        let source = self.query.rows(request).await?;
        Ok(match self.breaks.clone() {
            Some(breaks) => Box::new(FirstBatch { source, is_read: false, breaks }),
            None => source,
        })
    }

    async fn cancel(&mut self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
        self.query.cancel().await;
    }

    async fn forget(&mut self) {}
}

#[async_trait]
impl RowSource for FirstBatch {
    fn schema(&self) -> &ResultSchema {
        self.source.schema()
    }

    async fn next(&mut self) -> taploom_model::Result<Step> {
        if !std::mem::replace(&mut self.is_read, true) {
            return self.source.next().await;
        }
        self.breaks.cancel();
        let cause = io::Error::from(io::ErrorKind::ConnectionReset);
        Err(Error::new(ErrorKind::Source, "the connection was lost").with_source(cause))
    }
}

impl Breaking {
    fn over(database: &SampleDatabase, broken: usize) -> Self {
        Self {
            rows: Arc::new(StreamingDatabase::new(&database.location()).unwrap()),
            broken,
            begun: Arc::default(),
            cancelled: Arc::default(),
            removed: Arc::default(),
            is_waited_for: true,
            breaks: CancellationToken::new(),
        }
    }
}

fn csv(url: &str) -> serde_json::Value {
    let mut job = job_of(&numbers(ROWS), url, &[("n", "long")]);
    job["resultFormat"]["format"] = json!({"type": "csv"});
    job
}

fn as_csv() -> String {
    let lines: String = (1..=ROWS).map(|n| format!("{n}\r\n")).collect();
    format!("n\r\n{lines}")
}

#[tokio::test]
async fn rows_that_break_off_are_read_again_from_the_first() {
    let (database, folder) = (SampleDatabase::create(), tempfile::tempdir().unwrap());
    let path = folder.path().join("result.csv");
    let store = Store::start(&[]).await;
    for (mode, url) in [
        (UploadMode::Spooled, store.url()),
        (UploadMode::Chunked, store.url()),
        (UploadMode::Spooled, format!("file://{}", path.display())),
    ] {
        let uploader = Uploader::new(policy()).unwrap();
        let uploader = uploader.with_folder(ResultFolder::new(folder.path()).unwrap());
        let limits = JobLimits { upload: mode, ..limits() };
        let bridge = bridge_with(Breaking::over(&database, 2), limits, uploader);
        let (outcome, published) = run(&bridge, &csv(&url)).await;
        assert!(matches!(outcome, Outcome::Completed(_)), "{mode:?}: {outcome:?}");
        assert_eq!(published.phases(), ["EXECUTING", "EXECUTING", "EXECUTING", "COMPLETED"]);
        assert_eq!(published.last()["executionID"], "3");
        assert_eq!(published.last()["resultInfo"]["totalRows"], ROWS);
        let stored = match url.starts_with("file") {
            true => std::fs::read_to_string(&path).unwrap(),
            false => {
                let put = store.puts().into_iter().rfind(|put| put.whole).unwrap();
                String::from_utf8(put.body).unwrap()
            }
        };
        assert!(stored == as_csv(), "{mode:?} {url}");
    }
    assert_eq!(store.puts().iter().filter(|put| put.whole).count(), 2);
}

/// Maybe the query is what ends the database. No number of a lost query is told to the database, which may have given it to
/// another query after a restart.
#[tokio::test]
async fn a_query_whose_rows_always_break_off_is_given_up() {
    let (database, store) = (SampleDatabase::create(), Store::start(&[]).await);
    for (is_waited_for, attempts, times) in
        [(true, None, 3), (true, Some(2), 2), (true, Some(1), 1), (false, None, 1)]
    {
        let breaking = Breaking { is_waited_for, ..Breaking::over(&database, usize::MAX) };
        let counts = [&breaking.begun, &breaking.cancelled, &breaking.removed].map(Arc::clone);
        let bridge = bridge_with(breaking, limits(), Uploader::new(policy()).unwrap());
        let (mut job, published) = (csv(&store.url()), Published::default());
        job["uploadTables"] = json!([{
            "tableName": "user_me_1.t", "sourceUrl": "https://a/b", "schemaUrl": "https://a/c",
        }]);
        let job = JobRun::parse(job.to_string().as_bytes()).unwrap();
        let earlier = Earlier { attempts, ..Earlier::default() };
        bridge.go_on(job, earlier, &published, &Stop::default()).await.unwrap();
        bridge.rest().await;
        let (code, message) = published.error();
        assert_eq!(code, "backend_request_error", "{message}");
        assert!(message.contains("broke off"), "{message}");
        assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [times, 0, 1]);
    }
    assert_eq!(store.begun(), 0);
}

/// A worker that is about to stop does not begin again what another one can begin.
#[tokio::test]
async fn a_job_whose_rows_break_off_during_a_shutdown_is_handed_over() {
    let (database, store) = (SampleDatabase::create(), Store::start(&[]).await);
    let breaking = Breaking::over(&database, usize::MAX);
    let (begun, cancelled) = (Arc::clone(&breaking.begun), Arc::clone(&breaking.cancelled));
    let stop = Stop { hand_over_query: breaking.breaks.clone(), ..Stop::default() };
    let bridge = bridge_with(breaking, limits(), Uploader::new(policy()).unwrap());
    let (outcome, published) = run_until(&bridge, &csv(&store.url()), &stop).await;
    assert_eq!(outcome, Outcome::HandedOver);
    assert_eq!(published.phases(), ["EXECUTING"]);
    assert_eq!((begun.load(Ordering::Relaxed), cancelled.load(Ordering::Relaxed)), (1, 0));
}
