//! When the bytes of a body are sent.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt;
use taploom_format::{Ending, Result, ResultSchema, RowSource, Step};
use taploom_format_csv::CSV_PLUGIN;
use taploom_format_votable::PLUGIN as VOTABLE_PLUGIN;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::body::{FOR_EVER, batch, read, start};

/// A source that waits for batches from the test.
struct Directed {
    schema: ResultSchema,
    steps: mpsc::UnboundedReceiver<Step>,
}

fn directed() -> (mpsc::UnboundedSender<Step>, Directed) {
    let (sender, steps) = mpsc::unbounded_channel();
    (sender, Directed { schema: ResultSchema::derived(batch(1).schema()), steps })
}

#[async_trait]
impl RowSource for Directed {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        match self.steps.recv().await {
            Some(step) => Ok(step),
            None => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn the_header_leaves_before_the_source_has_answered_and_rows_leave_when_no_more_come() {
    for plugin in [CSV_PLUGIN, VOTABLE_PLUGIN] {
        let is_csv = plugin.info().id == "csv";
        let (rows, source) = directed();
        let started = Instant::now();
        let mut body = start(source, plugin).await;
        let header = timeout(FOR_EVER, body.next()).await.unwrap().unwrap().unwrap();
        println!("{}: the header took {:?}", plugin.info().id, started.elapsed());
        let mut text = header.to_vec();
        let starts = if is_csv { "a" } else { "<?xml" };
        assert!(header.starts_with(starts.as_bytes()), "{header:?}");
        for rows_so_far in 1..=3 {
            let started = Instant::now();
            rows.send(Step::Rows(batch(1))).unwrap();
            // The source gives nothing more, so only the time-out can send the row.
            let chunk = timeout(FOR_EVER, body.next()).await.unwrap().unwrap().unwrap();
            let took = started.elapsed();
            println!("{}: a row took {took:?}", plugin.info().id);
            assert!(took >= Duration::from_millis(200), "rows wait for others: {took:?}");
            text.extend_from_slice(&chunk);
            if is_csv {
                // The last cell is kept back until another record or the end comes: a result that is cut
                // short must not end with a whole record.
                let all = format!("a,b\r\n{}", "0,0\r\n".repeat(rows_so_far));
                assert_eq!(String::from_utf8(text.clone()).unwrap() + ",0\r\n", all);
            }
        }
        rows.send(Step::End(Ending::default())).unwrap();
        let (_, error, outcome) = read(body).await;
        assert!(error.is_none());
        assert_eq!(outcome.unwrap().summary.rows, 3);
    }
}

#[tokio::test]
async fn rows_that_keep_coming_slowly_leave_too() {
    let (rows, source) = directed();
    let feeding = tokio::spawn(async move {
        while rows.send(Step::Rows(batch(1))).is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let mut body = start(source, CSV_PLUGIN).await;
    assert_eq!(body.next().await.unwrap().unwrap(), "a");
    let chunk = timeout(FOR_EVER, body.next()).await.unwrap().unwrap().unwrap();
    assert!(chunk.len() < 64 << 10, "{} bytes were kept back", chunk.len());
    drop(body);
    timeout(FOR_EVER, feeding).await.unwrap().unwrap();
}
