//! What stops when nobody wants a result any more, and how soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt;
use taploom_format::{Result, ResultSchema, RowSource, Step};
use taploom_format_csv::CSV_PLUGIN;
use taploom_format_votable::PLUGIN as VOTABLE_PLUGIN;
use taploom_pipeline::{BodyOptions, body, run, spawn};
use tokio::time::{sleep, timeout};

use crate::body::{FOR_EVER, batch, endless, spec, start};

/// "At once", on a machine that also does other work.
const AT_ONCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_reader_that_stops_reading_stops_the_source() {
    let asked = Arc::new(AtomicU64::new(0));
    let options = BodyOptions::default().with_chunk_bytes(1024).with_chunks(2);
    let mut body = body(endless(Arc::clone(&asked)), spec(CSV_PLUGIN), options).await.unwrap();
    // Text formats keep back the last cell of a record until they know that another one follows.
    assert_eq!(body.next().await.unwrap().unwrap(), "a");
    assert_eq!(body.next().await.unwrap().unwrap().len(), 1024);
    // At most three batches are in flight, however long the test waits; a batch takes about 8 KiB.
    let mut before = 0;
    loop {
        sleep(Duration::from_millis(50)).await;
        let now = asked.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before <= 4, "{before} batches were asked for");
    drop(body);
    // The source is dropped with the last reference to the counter.
    while Arc::strong_count(&asked) > 1 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Reports the moment at which it is dropped.
struct DropTime(Option<std::sync::mpsc::Sender<Instant>>);

impl Drop for DropTime {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(Instant::now());
        }
    }
}

/// A source that never answers: it waits, or blocks its thread, for a given time.
struct Silent {
    schema: ResultSchema,
    blocks: Option<Duration>,
    asked: Option<std::sync::mpsc::Sender<()>>,
    _dropped: DropTime,
}

struct Watch {
    asked: std::sync::mpsc::Receiver<()>,
    dropped: std::sync::mpsc::Receiver<Instant>,
}

fn silent(blocks: Option<Duration>) -> (Watch, Silent) {
    let (sender, dropped) = std::sync::mpsc::channel();
    let (asker, asked) = std::sync::mpsc::channel();
    let schema = ResultSchema::derived(batch(1).schema());
    let dropping = DropTime(Some(sender));
    (Watch { asked, dropped }, Silent { schema, blocks, asked: Some(asker), _dropped: dropping })
}

#[async_trait]
impl RowSource for Silent {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        if let Some(asked) = self.asked.take() {
            let _ = asked.send(());
        }
        match self.blocks {
            None => std::future::pending().await,
            Some(time) => {
                std::thread::sleep(time);
                Ok(Step::Rows(batch(1)))
            }
        }
    }
}

/// The median of several measurements, because a single one depends on the load of the machine.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_never_answers_is_dropped_with_the_body() {
    let mut took = Vec::new();
    for round in 0..9 {
        let (watch, source) = silent(None);
        let plugin = if round % 2 == 0 { CSV_PLUGIN } else { VOTABLE_PLUGIN };
        let mut body = start(source, plugin).await;
        body.next().await.unwrap().unwrap();
        watch.asked.recv_timeout(FOR_EVER).unwrap();
        let left = match round % 3 {
            // Three ways of leaving: dropping the body, aborting a task that waits for a chunk, cancelling
            // the outcome.
            0 => {
                let left = Instant::now();
                drop(body);
                left
            }
            1 => {
                let task = tokio::spawn(async move { body.next().await.is_none() });
                sleep(Duration::from_millis(20)).await;
                let left = Instant::now();
                task.abort();
                left
            }
            _ => {
                let (mut chunks, mut outcome) = body.split();
                let left = Instant::now();
                outcome.cancel();
                assert!(chunks.next().await.unwrap().unwrap_err().is_cancelled());
                assert!(outcome.await.unwrap_err().is_cancelled());
                left
            }
        };
        let dropped = watch.dropped.recv_timeout(FOR_EVER).expect("the source is dropped");
        took.push(dropped.saturating_duration_since(left));
    }
    println!("dropped after {took:?}");
    assert!(median(took.clone()) < AT_ONCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_blocks_its_thread_keeps_nothing_but_itself() {
    let blocks = Duration::from_millis(700);
    let mut took = Vec::new();
    for _ in 0..3 {
        let (watch, source) = silent(Some(blocks));
        let (mut chunks, outcome) = start(source, CSV_PLUGIN).await.split();
        chunks.next().await.unwrap().unwrap();
        watch.asked.recv_timeout(FOR_EVER).unwrap();
        let left = Instant::now();
        drop(chunks);
        assert!(outcome.await.unwrap_err().is_cancelled());
        took.push(left.elapsed());
        // The blocked source can't be stopped; it is dropped when its call returns.
        let dropped = watch.dropped.recv_timeout(FOR_EVER).expect("the source is dropped");
        println!("the source was dropped after {:?}", dropped.saturating_duration_since(left));
    }
    println!("the encoder ended after {took:?}");
    assert!(median(took.clone()) < AT_ONCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_spawned_result_drops_its_source() {
    let (watch, source) = silent(None);
    let running = spawn(source, spec(CSV_PLUGIN), Box::new(std::io::sink()));
    watch.asked.recv_timeout(FOR_EVER).unwrap();
    drop(running);
    watch.dropped.recv_timeout(FOR_EVER).expect("the source is dropped");
}

#[tokio::test]
async fn a_run_whose_source_is_always_ready_can_be_stopped() {
    let asked = Arc::new(AtomicU64::new(0));
    let mut source = endless(Arc::clone(&asked));
    let spec = spec(CSV_PLUGIN);
    let mut progress = |_| ();
    let running = run(&mut source, &spec, Box::new(std::io::sink()), &mut progress);
    assert!(timeout(Duration::from_millis(20), running).await.is_err());
    assert!(asked.load(Ordering::SeqCst) > 0);
}
