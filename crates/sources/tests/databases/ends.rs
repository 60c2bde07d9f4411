//! Queries that end before their last row.

use super::*;

#[tokio::test]
async fn dropping_a_source_ends_its_query() {
    let marker = "/* dropped */";
    let mut source = start(&endless(marker), BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    assert!(runs(marker));
    drop(source);
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn dropping_the_wait_for_a_query_ends_it() {
    let marker = "/* waited for */";
    let query = format!("{} {marker}", Server::LONG);
    // Some servers say at once which columns there will be, others with the first row.
    let mut waiting = Box::pin(async {
        let mut source = start(&query, BatchLimits::default()).await;
        source.next().await.map(drop)
    });
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut waiting).await.is_err());
    assert!(runs(marker));
    drop(waiting);
    until("the query", || !runs(marker)).await;
}

/// A query that stops for so many seconds before the row 20,000 of 30,000.
fn pausing(seconds: f64, marker: &str) -> String {
    let pause = Server::PAUSE.replace("SECONDS", &seconds.to_string());
    let numbers = Server::numbers(30_000);
    format!(
        "SELECT n, REPEAT('x', 100), CASE n WHEN 20000 THEN {pause} END FROM {numbers} {marker}"
    )
}

#[tokio::test]
async fn dropping_the_wait_for_rows_leaves_the_query() {
    let marker = "/* paused */";
    let mut source = start(&pausing(1000.0, marker), BatchLimits::default()).await;
    let waited = loop {
        match tokio::time::timeout(Duration::from_millis(500), source.next()).await {
            Ok(step) => assert!(matches!(step, Ok(Step::Rows(_))), "{step:?}"),
            Err(waited) => break waited,
        }
    };
    assert!(runs(marker), "after {waited}");
    drop(source);
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn dropping_the_wait_for_rows_loses_none() {
    let mut source = start(&pausing(1.0, ""), BatchLimits::default()).await;
    let (mut rows, mut waits) = (0, 0);
    loop {
        match tokio::time::timeout(Duration::from_millis(20), source.next()).await {
            Ok(Ok(Step::Rows(batch))) => {
                // Numbers from the row before on.
                let numbers = texts(&batch, 0);
                let expected = (rows + 1..).map(|number: usize| Some(number.to_string()));
                assert!(numbers.iter().cloned().eq(expected.take(numbers.len())), "{rows}");
                rows += batch.num_rows();
            }
            Ok(Ok(Step::End(_))) => break,
            Ok(Err(error)) => panic!("{error:#}"),
            Err(_) => waits += 1,
        }
    }
    assert_eq!(rows, 30_000);
    assert!(waits >= 5, "{waits} waits");
}

/// Two rows that are there at once, and one after a long time.
#[tokio::test]
async fn rows_of_a_slow_query_are_not_waited_for() {
    let marker = "/* slow rows */";
    let pause = Server::PAUSE.replace("SECONDS", "1000");
    let numbers = Server::numbers(3);
    // Servers send rows by 8 or 16 KiB.
    let query = format!(
        "SELECT n, REPEAT('x', 20000), CASE n WHEN 3 THEN {pause} END FROM {numbers} {marker}"
    );
    let mut source = start(&query, BatchLimits::default()).await;
    let first = source.next().await.unwrap().rows().unwrap();
    // The second one may wait in the server's buffer.
    assert!(matches!(first.num_rows(), 1 | 2), "{} rows", first.num_rows());
    assert!(runs(marker));
}

#[tokio::test]
async fn no_batch_has_more_rows_than_are_wanted() {
    let (url, query) = (SERVER.url(), many(100));
    let request = Request::new(&url).with_query(query.as_str()).with_most_rows(4);
    let first = open(&request).await.unwrap().next().await.unwrap().rows().unwrap();
    assert_eq!(first.num_rows(), 4);
}

#[tokio::test]
async fn a_query_is_ended_from_another_task() {
    let marker = "/* ended */";
    let mut source = start(&endless(marker), BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    let stopper = Server::stopper(&source);
    assert!(!stopper.was_used());
    let reading = tokio::spawn(async move { error_of(&mut source).await.1 });
    Server::stop(&stopper).await.unwrap();
    let error = reading.await.unwrap();
    assert!(stopper.was_used());
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    assert_eq!(Server::code(&error), Server::STOPPED, "{error:#}");
    assert!(error.message().contains("was ended on"), "{error}");
    until("the query", || !runs(marker)).await;
    // Once more, when there is nothing left.
    Server::stop(&stopper).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_server() {
    let marker = "/* slow */";
    let limits = BatchLimits { rows: 100, bytes: usize::MAX };
    let mut source = start(&endless(marker), limits).await;
    source.next().await.unwrap().rows().unwrap();
    until("the server", || SERVER.waits_for_reader(marker)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(SERVER.waits_for_reader(marker), "the server goes on");
}

#[tokio::test]
async fn a_query_has_a_time_limit() {
    let TimeLimit { url, query, code, words } = SERVER.with_time_limit();
    let error = rows_of(&url, &query, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    assert_eq!(Server::code(&error), code, "{error:#}");
    assert!(format!("{error:#}").contains(words), "{error:#}");
}

#[tokio::test]
async fn a_query_leaves_no_session_behind() {
    let read = rows(&format!("SELECT {}", Server::SESSION)).await;
    let session = texts(&read, 0)[0].clone().unwrap();
    let query = format!("SELECT COUNT(*) FROM {} = {session}", Server::SESSIONS);
    until("the session", || SERVER.sql(&query).unwrap().trim() == "0").await;
}
