//! Queries that end before their last row.

use super::*;

#[tokio::test]
async fn dropping_a_source_cancels_its_query() {
    let marker = "/* dropped */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    assert!(runs(marker));
    drop(source);
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn dropping_the_wait_for_a_query_cancels_it() {
    let marker = "/* waited for */";
    let query = format!("SELECT pg_sleep(1000) {marker}");
    let mut source = start(&query, BatchLimits::default()).await;
    let waiting = tokio::time::timeout(Duration::from_millis(500), source.next()).await;
    assert!(waiting.is_err() && runs(marker));
    drop(source);
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn a_query_is_cancelled_from_another_task() {
    let marker = "/* cancelled */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    let canceler = source.canceler();
    assert!(!canceler.was_used());
    let reading = tokio::spawn(async move { error_of(&mut source).await.1 });
    canceler.cancel().await.unwrap();
    let error = reading.await.unwrap();
    assert!(canceler.was_used());
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    assert_eq!(server_error(&error).sqlstate, "57014", "{error:#}");
    assert!(error.message().contains("after"), "{error}");
    until("the query", || !runs(marker)).await;
    // Once more, when there is nothing left.
    canceler.cancel().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_server() {
    let marker = "/* slow */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits { rows: 100, bytes: usize::MAX }).await;
    source.next().await.unwrap().rows().unwrap();
    let waits = || {
        let query = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{marker}' AND wait_event = 'ClientWrite'"
        );
        SERVER.sql(&query).unwrap().trim() == "1"
    };
    until("the server", waits).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(waits(), "the server goes on");
}

#[tokio::test]
async fn a_query_has_a_time_limit() {
    let url = format!("{}?statement_timeout=0.3", SERVER.url());
    let error = rows_of(&url, "SELECT pg_sleep(1000)", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    assert_eq!(server_error(&error).sqlstate, "57014", "{error:#}");
    assert!(format!("{error:#}").contains("statement timeout"), "{error:#}");
}

#[tokio::test]
async fn a_query_leaves_no_session_behind() {
    let read = rows("SELECT pg_backend_pid()").await;
    let process = texts(&read, 0)[0].clone().unwrap();
    let query = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
    until("the session", || SERVER.sql(&query).unwrap().trim() == "0").await;
}
