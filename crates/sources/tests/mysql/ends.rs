//! Queries that end before their last row.

use super::*;

#[tokio::test]
async fn dropping_a_source_ends_its_query() {
    let marker = "/* dropped */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    assert!(runs(marker));
    drop(source);
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn dropping_the_wait_for_a_query_ends_it() {
    let marker = "/* waited for */";
    let query = format!("SELECT COUNT(*) FROM seq_1_to_2000000000 WHERE SQRT(seq) < 0 {marker}");
    let waiting = start(&query, BatchLimits::default());
    assert!(tokio::time::timeout(Duration::from_millis(500), waiting).await.is_err());
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn a_query_is_killed_from_another_task() {
    let marker = "/* killed */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    let killer = source.killer();
    assert!(!killer.was_used());
    let reading = async move {
        loop {
            match source.next().await {
                Ok(Step::Rows(_)) => {}
                Ok(Step::End(_)) => panic!("the query came to its end"),
                Err(error) => return error,
            }
        }
    };
    let reading = tokio::spawn(reading);
    killer.kill().await.unwrap();
    let error = reading.await.unwrap();
    assert!(killer.was_used());
    assert_eq!((error.kind(), server_error(&error).code), (ErrorKind::Source, 1317), "{error:#}");
    assert!(error.message().contains("after"), "{error}");
    assert!(!runs(marker));
    // Once more, when there is nothing left.
    killer.kill().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_server() {
    let marker = "/* slow */";
    let query = format!("{} {marker}", many(50_000_000));
    let limits = BatchLimits { rows: 100, bytes: usize::MAX };
    let mut source = start(&query, limits).await;
    source.next().await.unwrap().rows().unwrap();
    let waits = || {
        let processes = SERVER.sql("SHOW FULL PROCESSLIST").unwrap();
        let line = processes.lines().find(|line| line.contains(marker)).unwrap_or_default();
        line.to_lowercase().contains("writing to net")
    };
    until("the server", waits).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(waits(), "the server goes on");
}
