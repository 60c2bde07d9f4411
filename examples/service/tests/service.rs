//! Tests the service with clients over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use example_service::app;
use taploom::pipeline::BatchSource;
use taploom::{Error, ErrorKind, Result, ResultSchema, RowSource, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const FOR_EVER: Duration = Duration::from_secs(60);

async fn serve<F, Opened>(open: F) -> SocketAddr
where
    F: Fn() -> Opened + Clone + Send + Sync + 'static,
    Opened: Future<Output = Result<Box<dyn RowSource>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app(open)).await });
    address
}

async fn ask(address: SocketAddr, query: &str, headers: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /stars?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// The whole response, with status, headers and chunks as they came.
async fn get(address: SocketAddr, query: &str, headers: &str) -> String {
    let mut response = Vec::new();
    let mut connection = ask(address, query, headers).await;
    timeout(FOR_EVER, connection.read_to_end(&mut response)).await.unwrap().unwrap();
    String::from_utf8(response).unwrap()
}

fn ids(rows: i64) -> RecordBatch {
    let ids = Arc::new(Int64Array::from_iter_values(1..=rows)) as ArrayRef;
    RecordBatch::try_from_iter([("id", Arc::clone(&ids)), ("other", ids)]).unwrap()
}

async fn three_rows() -> Result<Box<dyn RowSource>> {
    let schema = ResultSchema::derived(ids(3).schema());
    Ok(Box::new(BatchSource::new(schema, std::iter::once(Ok(ids(3))))))
}

#[tokio::test]
async fn the_format_is_that_of_responseformat_or_of_accept_or_votable() {
    let address = serve(three_rows).await;
    let (votable, csv) = ("application/x-votable+xml", "text/csv");
    for (query, headers, content_type) in [
        ("", "", votable),
        ("RESPONSEFORMAT=csv", "", csv),
        ("responseformat=text/csv", "", csv),
        ("format=votable", "Accept: text/csv\r\n", votable),
        ("", "Accept: text/csv;q=0.5, text/html\r\n", csv),
        ("", "Accept: */*\r\n", votable),
    ] {
        let response = get(address, query, headers).await;
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{query} {headers}: {response}");
        let header = format!("content-type: {content_type}");
        assert!(response.contains(&header), "{query} {headers}: {response}");
    }
}

#[tokio::test]
async fn maxrec_limits_the_rows_and_a_votable_says_so() {
    let address = serve(three_rows).await;
    let csv = get(address, "RESPONSEFORMAT=csv&MAXREC=2", "").await;
    assert!(csv.contains("2,2") && !csv.contains("3,3"), "{csv}");
    let votable = get(address, "maxrec=0", "").await;
    assert!(votable.contains("OVERFLOW") && votable.contains("<FIELD"), "{votable}");
    let votable = get(address, "MAXREC=3", "").await;
    assert!(!votable.contains("OVERFLOW"), "{votable}");
}

#[tokio::test]
async fn what_can_not_be_answered_is_refused_before_the_first_byte() {
    let address = serve(three_rows).await;
    for (query, headers, status, words) in [
        ("MAXREC=-1", "", "400 Bad Request", "MAXREC can't be"),
        ("RESPONSEFORMAT=csv&FORMAT=votable", "", "400 Bad Request", "FORMAT"),
        ("RESPONSEFORMAT=yaml", "", "400 Bad Request", "yaml"),
        ("", "Accept: text/html\r\n", "406 Not Acceptable", "text/html"),
    ] {
        let response = get(address, query, headers).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {response}");
        assert!(response.contains("name=\"QUERY_STATUS\" value=\"ERROR\""), "{query}: {response}");
        assert!(response.contains(words), "{query}: {response}");
    }
    // A column that no format can hold is found by the encoder.
    let inner = Field::new("inner", DataType::Int64, true);
    let schema = Schema::new(vec![Field::new("s", DataType::Struct(vec![inner].into()), true)]);
    let schema = ResultSchema::derived(Arc::new(schema));
    let address = serve(move || {
        let source = BatchSource::new(schema.clone(), std::iter::empty());
        async { Ok(Box::new(source) as Box<dyn RowSource>) }
    })
    .await;
    let response = get(address, "RESPONSEFORMAT=csv", "").await;
    assert!(response.starts_with("HTTP/1.1 500") && response.contains("\"s\""), "{response}");
    // A database that does not answer is found before the first byte as well.
    let address =
        serve(|| async { Err(Error::new(ErrorKind::Source, "the database is down")) }).await;
    let response = get(address, "", "").await;
    assert!(response.starts_with("HTTP/1.1 500") && response.contains("is down"), "{response}");
}

#[tokio::test]
async fn a_failure_after_the_first_byte_shows() {
    let address = serve(|| async {
        let schema = ResultSchema::derived(ids(3).schema());
        let rows = [Ok(ids(3)), Err(Error::new(ErrorKind::Source, "the database died"))];
        Ok(Box::new(BatchSource::new(schema, rows.into_iter())) as Box<dyn RowSource>)
    })
    .await;
    // A complete chunked body ends with a chunk of length 0.
    let votable = get(address, "", "").await;
    assert!(
        votable.contains("the database died") && votable.ends_with("\r\n0\r\n\r\n"),
        "{votable}"
    );
    let csv = get(address, "RESPONSEFORMAT=csv", "").await;
    assert!(!csv.ends_with("\r\n0\r\n\r\n"), "{csv}");
}

/// A query that never returns a row, and reports when it is ended.
struct Silent(ResultSchema, mpsc::UnboundedSender<Instant>);

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = self.1.send(Instant::now());
    }
}

#[async_trait]
impl RowSource for Silent {
    fn schema(&self) -> &ResultSchema {
        &self.0
    }

    async fn next(&mut self) -> Result<Step> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_query() {
    let (sender, mut ended) = mpsc::unbounded_channel();
    let address = serve(move || {
        let source = Silent(ResultSchema::derived(ids(1).schema()), sender.clone());
        async { Ok(Box::new(source) as Box<dyn RowSource>) }
    })
    .await;
    let mut connection = ask(address, "", "").await;
    // The header arrives although there is no row.
    let mut beginning = Vec::new();
    while !String::from_utf8_lossy(&beginning).contains("<FIELD") {
        let read = timeout(FOR_EVER, connection.read_buf(&mut beginning)).await.unwrap().unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&beginning));
    }
    assert!(ended.try_recv().is_err());
    let left = Instant::now();
    drop(connection);
    let ended = timeout(FOR_EVER, ended.recv()).await.unwrap().unwrap();
    println!("the query ended {:?} after the client left", ended.duration_since(left));
}

#[tokio::test]
async fn the_demo_catalogue_is_served() {
    let address =
        serve(|| async { taploom_sources::open(&taploom_sources::Request::new("demo")).await })
            .await;
    let response = get(address, "MAXREC=2&RESPONSEFORMAT=csv", "").await;
    assert!(
        response.starts_with("HTTP/1.1 200 OK") && response.contains("Alpheratz"),
        "{response}"
    );
}
