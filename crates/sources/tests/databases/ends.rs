//! Queries that end before their last row.

use super::*;

#[tokio::test]
async fn dropping_a_source_ends_its_query() {
    let marker = "/* dropped */";
    let mut source = start_query(&endless_query(marker), BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    assert!(is_running(marker));
    drop(source);
    wait_until("the end of the query", || !is_running(marker)).await;
}

#[tokio::test]
async fn dropping_the_future_of_a_query_ends_it() {
    let marker = "/* waited for */";
    let query = format!("{} {marker}", Server::LONG_RUNNING_QUERY);
    // Some servers describe the columns at once, others with the first row.
    let mut first_step = Box::pin(async {
        let mut source = start_query(&query, BatchLimits::default()).await;
        source.next().await.map(drop)
    });
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut first_step).await.is_err());
    assert!(is_running(marker));
    drop(first_step);
    wait_until("the end of the query", || !is_running(marker)).await;
}

/// A query for 30,000 rows that pauses for this time before row 20,000.
fn query_that_pauses(seconds: f64, marker: &str) -> String {
    let pause = Server::sleep(seconds);
    let numbers = Server::numbers(30_000);
    format!(
        "SELECT n, REPEAT('x', 100), CASE n WHEN 20000 THEN {pause} END FROM {numbers} {marker}"
    )
}

#[tokio::test]
async fn dropping_the_future_of_rows_leaves_the_query() {
    let marker = "/* paused */";
    let mut source = start_query(&query_that_pauses(1000.0, marker), BatchLimits::default()).await;
    let waited = loop {
        match tokio::time::timeout(Duration::from_millis(500), source.next()).await {
            Ok(step) => assert!(matches!(step, Ok(Step::Rows(_))), "{step:?}"),
            Err(waited) => break waited,
        }
    };
    assert!(is_running(marker), "after {waited}");
    drop(source);
    wait_until("the end of the query", || !is_running(marker)).await;
}

#[tokio::test]
async fn dropping_the_future_of_rows_loses_none() {
    let mut source = start_query(&query_that_pauses(1.0, ""), BatchLimits::default()).await;
    let (mut rows, mut waits) = (0, 0);
    loop {
        match tokio::time::timeout(Duration::from_millis(20), source.next()).await {
            Ok(Ok(Step::Rows(batch))) => {
                // The numbers go on where the last batch ended.
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

/// Rows that the server has sent are returned before later ones are there.
#[tokio::test]
async fn rows_of_a_slow_query_are_not_waited_for() {
    let marker = "/* slow rows */";
    let pause = Server::sleep(1000.0);
    let numbers = Server::numbers(3);
    // Servers send rows in pieces of 8 or 16 KiB.
    let query = format!(
        "SELECT n, REPEAT('x', 20000), CASE n WHEN 3 THEN {pause} END FROM {numbers} {marker}"
    );
    let mut source = start_query(&query, BatchLimits::default()).await;
    let first = source.next().await.unwrap().rows().unwrap();
    // The second one may wait in the server's buffer.
    assert!(matches!(first.num_rows(), 1 | 2), "{} rows", first.num_rows());
    assert!(is_running(marker));
}

#[tokio::test]
async fn no_batch_has_more_rows_than_are_wanted() {
    let (url, query) = (SERVER.url(), numbered_rows(100));
    let request = Request::new(&url).with_query(query.as_str()).with_most_rows(4);
    let first = open(&request).await.unwrap().next().await.unwrap().rows().unwrap();
    assert_eq!(first.num_rows(), 4);
}

#[tokio::test]
async fn a_query_is_ended_from_another_task() {
    let marker = "/* ended */";
    let mut source = start_query(&endless_query(marker), BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    let canceler = Server::canceler(&source);
    assert!(!canceler.was_used());
    let reading = tokio::spawn(async move { read_to_error(&mut source).await.1 });
    Server::cancel(&canceler).await.unwrap();
    let error = reading.await.unwrap();
    assert!(canceler.was_used());
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    assert_eq!(Server::code(&error), Server::CANCELED, "{error:#}");
    assert!(error.message().contains("was ended on"), "{error}");
    wait_until("the end of the query", || !is_running(marker)).await;
    // A second time, when the query has ended.
    Server::cancel(&canceler).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_server() {
    let marker = "/* slow */";
    let limits = BatchLimits { rows: 100, bytes: usize::MAX };
    let mut source = start_query(&endless_query(marker), limits).await;
    source.next().await.unwrap().rows().unwrap();
    let waits = || SERVER.waits_for_reader(marker);
    wait_until("a server with full buffers", waits).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(waits(), "the server goes on");
}

#[tokio::test]
async fn a_query_has_a_time_limit() {
    let TimeLimitedQuery { url, query, code, words } = SERVER.time_limited_query();
    let error = rows_of(&url, &query, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    assert_eq!(Server::code(&error), code, "{error:#}");
    assert!(format!("{error:#}").contains(words), "{error:#}");
}

#[tokio::test]
async fn a_query_leaves_no_session_behind() {
    let read = rows(&format!("SELECT {}", Server::SESSION_ID)).await;
    let session = texts(&read, 0)[0].clone().unwrap();
    let query = Server::count_sessions(&session);
    wait_until("the end of the session", || SERVER.sql(&query).unwrap().trim() == "0").await;
}
