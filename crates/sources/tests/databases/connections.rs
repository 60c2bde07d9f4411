//! Connections that fail or are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::greetings::elsewhere;
use super::*;

#[tokio::test]
async fn a_password_is_never_shown() {
    let url = SERVER.url().replace("p%40ss%2Fw%3Ard", "wr0ng%21");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:#}");
    assert_eq!(Server::code(&error), Server::WRONG_PASSWORD);
    let shown = format!("{error} {error:#} {error:?}");
    assert!(!shown.contains("wr0ng"), "{shown}");

    let nobody = elsewhere(free_port());
    assert!(nobody.contains("s3cret"));
    let error = rows_of(&nobody, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    let shown = format!("{error:#} {error:?} {:?}", nobody.parse::<Options>().unwrap());
    assert!(!shown.contains("s3cret") && shown.contains("127.0.0.1"), "{shown}");
    let request = format!("{:?}", Request::new(&nobody));
    assert!(!request.contains("s3cret"), "{request}");
    let request = Request::new(&nobody).with_table("1");
    let Err(error) = open(&request).await else { panic!("a query has no choice of tables") };
    assert!(error.is_caller_fault() && !format!("{error:?}").contains("s3cret"), "{error}");

    let nowhere = SERVER.url().replace("/test", "/nowhere");
    let error = rows_of(&nowhere, "SELECT 1", None).await.unwrap_err();
    assert_eq!(Server::code(&error), Server::UNKNOWN_DATABASE);
    assert!(error.is_caller_fault());

    let none: Options = SERVER.url().replace(":p%40ss%2Fw%3Ard", "").parse().unwrap();
    let Err(error) = Connection::connect(&none).await else { panic!("no password will do") };
    let words = Server::NO_PASSWORD;
    assert!(error.is_caller_fault() && format!("{error:#}").contains(words), "{error:#}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_session_that_is_ended_says_how_many_rows_came() {
    let marker = "/* lost */";
    let mut source = start(&endless(marker), BatchLimits::default()).await;
    let first = source.next().await.unwrap().rows().unwrap().num_rows();
    SERVER.end_session(marker);
    let (more, error) = error_of(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    let after = error.message().split_whitespace().find_map(|word| word.parse::<usize>().ok());
    // Some came with the batch that was never full.
    let rows = first + more;
    assert!(after.is_some_and(|after| (rows..rows + 2000).contains(&after)), "{rows}: {error:#}");
    // No more rows, and no end that passes for one.
    assert!(source.next().await.is_err());
}

#[tokio::test]
async fn a_server_that_dies_is_an_error() {
    let server = Server::start().unwrap();
    let options = server.url().parse().unwrap();
    let mut source =
        Server::query(&options, &many(5_000_000), BatchLimits::default()).await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    drop(server);
    let (_, error) = error_of(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

/// A door to the server. It shuts for the first connections, and breaks every other one after so many bytes of the
/// server.
struct Door {
    url: String,
    /// The bytes of the server that have passed.
    passed: Arc<AtomicU64>,
}

impl Door {
    async fn open(shut: usize, most: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = SERVER.port();
        let passed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&passed);
        tokio::spawn(async move {
            for number in 0.. {
                let (mut near, _) = listener.accept().await.unwrap();
                if number < shut {
                    continue;
                }
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    let (mut from_client, mut to_client) = near.split();
                    let (from_server, mut to_server) = far.split();
                    let mut from_server = from_server.take(most);
                    let there = tokio::io::copy(&mut from_client, &mut to_server);
                    let back = async {
                        let mut bytes = vec![0; 1 << 16];
                        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                            counter.fetch_add(length as u64, Ordering::Relaxed);
                            if to_client.write_all(&bytes[..length]).await.is_err() {
                                break;
                            }
                        }
                        let _ = to_client.shutdown().await;
                    };
                    tokio::select! { _ = there => {}, () = back => {} }
                });
            }
        });
        Self { url: SERVER.url().replace(&server.to_string(), &port.to_string()), passed }
    }
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again() {
    let door = Door::open(2, u64::MAX).await;
    assert_eq!(rows_of(&door.url, "SELECT 1", None).await.unwrap().num_rows(), 1);
    let url = format!("{}?{}=1", Door::open(2, u64::MAX).await.url, Server::CONNECT_RETRIES);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

/// Wherever the bytes of the server end, in the middle of a row or just after the last one, the rows are never taken for
/// all rows.
#[tokio::test]
async fn a_result_that_is_cut_short_is_an_error() {
    let query = format!("SELECT n, 'some text' AS t FROM {}", Server::numbers(3));
    let whole = Door::open(0, u64::MAX).await;
    assert_eq!(rows_of(&whole.url, &query, None).await.unwrap().num_rows(), 3);
    // The answer to the client's farewell may be among them.
    let all = whole.passed.load(Ordering::Relaxed);
    let mut errors = 0;
    for missing in (1..120).step_by(2) {
        let door = Door::open(0, all - missing).await;
        let url = format!("{}?{}=0", door.url, Server::CONNECT_RETRIES);
        match rows_of(&url, &query, None).await {
            Ok(rows) => assert_eq!(rows.num_rows(), 3, "without {missing} bytes"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Source, "without {missing} bytes: {error:#}");
                errors += 1;
            }
        }
    }
    assert!(errors >= 40, "{errors} errors");
}

#[tokio::test]
async fn silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("{}&{}=0.2", elsewhere(port), Server::CONNECT_TIMEOUT);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(format!("{error:#}").contains("no answer within 0.2 s"), "{error:#}");

    let (idle, retries) = (Server::IDLE_TIMEOUT, Server::CONNECT_RETRIES);
    let url = format!("{}?{idle}=0.5&{retries}=0", SERVER.url());
    let marker = "/* silent */";
    let error = rows_of(&url, &format!("{} {marker}", Server::LONG), None).await.unwrap_err();
    let words = format!("nothing came or went for 0.5 s; {idle}=");
    assert!(format!("{error:#}").contains(&words), "{error:#}");
    until("the query", || !runs(marker)).await;
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let error = futures::executor::block_on(Connection::connect(&options()));
    let Err(error) = error else { panic!("it works without tokio") };
    assert_eq!(error.kind(), ErrorKind::Misuse);
}
