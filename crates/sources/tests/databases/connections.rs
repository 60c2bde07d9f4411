//! Connections that fail or are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::greetings::url_at;
use super::*;

#[tokio::test]
async fn a_password_is_never_shown() {
    let url = SERVER.url().replace("p%40ss%2Fw%3Ard", "wr0ng%21");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:#}");
    assert_eq!(Server::code(&error), Server::WRONG_PASSWORD);
    let shown = format!("{error} {error:#} {error:?}");
    assert!(!shown.contains("wr0ng"), "{shown}");

    let unused = url_at(free_port());
    assert!(unused.contains("s3cret"));
    let error = rows_of(&unused, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    let shown = format!("{error:#} {error:?} {:?}", unused.parse::<Options>().unwrap());
    assert!(!shown.contains("s3cret") && shown.contains("127.0.0.1"), "{shown}");
    let request = format!("{:?}", Request::new(&unused));
    assert!(!request.contains("s3cret"), "{request}");
    let request = Request::new(&unused).with_table("1");
    let Err(error) = open(&request).await else { panic!("a query has no choice of tables") };
    assert!(error.is_caller_fault() && !format!("{error:?}").contains("s3cret"), "{error}");

    let unknown = SERVER.url().replace("/test", "/nowhere");
    let error = rows_of(&unknown, "SELECT 1", None).await.unwrap_err();
    assert_eq!(Server::code(&error), Server::UNKNOWN_DATABASE);
    assert!(error.is_caller_fault());

    let without_password: Options = SERVER.url().replace(":p%40ss%2Fw%3Ard", "").parse().unwrap();
    let Err(error) = Connection::connect(&without_password).await else {
        panic!("a session without a password")
    };
    let words = Server::PASSWORD_NEEDED;
    assert!(error.is_caller_fault() && format!("{error:#}").contains(words), "{error:#}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_session_that_is_ended_says_how_many_rows_came() {
    let marker = "/* lost */";
    let mut source = start_query(&endless_query(marker), BatchLimits::default()).await;
    let first = source.next().await.unwrap().rows().unwrap().num_rows();
    SERVER.kill_session(marker);
    let (more, error) = read_to_error(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    let after = error.message().split_whitespace().find_map(|word| word.parse::<usize>().ok());
    // The message also counts the rows of the last batch, which was not complete.
    let rows = first + more;
    assert!(after.is_some_and(|after| (rows..rows + 2000).contains(&after)), "{rows}: {error:#}");
    // The source gives no more rows, and no regular end.
    assert!(source.next().await.is_err());
}

#[tokio::test]
async fn a_server_that_dies_is_an_error() {
    let server = Server::start().unwrap();
    let options = server.url().parse().unwrap();
    let mut source =
        Server::query(&options, &numbered_rows(5_000_000), BatchLimits::default()).await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    drop(server);
    let (_, error) = read_to_error(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

/// A TCP proxy in front of the server, which loses connections.
struct Proxy {
    url: String,
    /// Bytes that the proxy has received from the server.
    bytes_from_server: Arc<AtomicU64>,
}

impl Proxy {
    /// Closes the first `refused` connections at once, and every other one after `most_bytes` bytes from the server.
    async fn start(refused: usize, most_bytes: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server_port = SERVER.port();
        let bytes_from_server = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&bytes_from_server);
        tokio::spawn(async move {
            for number in 0.. {
                let (mut client, _) = listener.accept().await.unwrap();
                if number < refused {
                    continue;
                }
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
                    let (mut from_client, mut to_client) = client.split();
                    let (from_server, mut to_server) = server.split();
                    let mut from_server = from_server.take(most_bytes);
                    let requests = tokio::io::copy(&mut from_client, &mut to_server);
                    let answers = async {
                        let mut bytes = vec![0; 1 << 16];
                        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                            counter.fetch_add(length as u64, Ordering::Relaxed);
                            if to_client.write_all(&bytes[..length]).await.is_err() {
                                break;
                            }
                        }
                        let _ = to_client.shutdown().await;
                    };
                    tokio::select! { _ = requests => {}, () = answers => {} }
                });
            }
        });
        let url = SERVER.url().replace(&server_port.to_string(), &port.to_string());
        Self { url, bytes_from_server }
    }
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again() {
    let proxy = Proxy::start(2, u64::MAX).await;
    assert_eq!(rows_of(&proxy.url, "SELECT 1", None).await.unwrap().num_rows(), 1);
    let url = format!("{}?{}=1", Proxy::start(2, u64::MAX).await.url, Server::CONNECT_RETRIES);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

/// Wherever the bytes of the server end, in the middle of a row or just after the last row, incomplete rows never pass for
/// the whole result.
#[tokio::test]
async fn a_result_that_is_cut_short_is_an_error() {
    let query = format!("SELECT n, 'some text' AS t FROM {}", Server::numbers(3));
    let proxy = Proxy::start(0, u64::MAX).await;
    assert_eq!(rows_of(&proxy.url, &query, None).await.unwrap().num_rows(), 3);
    // The last of these bytes may answer the end of the session, which the client does not wait for.
    let all = proxy.bytes_from_server.load(Ordering::Relaxed);
    let mut errors = 0;
    for missing in (1..120).step_by(2) {
        let proxy = Proxy::start(0, all - missing).await;
        let url = format!("{}?{}=0", proxy.url, Server::CONNECT_RETRIES);
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
async fn a_silent_server_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("{}&{}=0.2", url_at(port), Server::CONNECT_TIMEOUT);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(format!("{error:#}").contains("no answer within 0.2 s"), "{error:#}");

    let (idle, retries) = (Server::IDLE_TIMEOUT, Server::CONNECT_RETRIES);
    let url = format!("{}?{idle}=0.5&{retries}=0", SERVER.url());
    let marker = "/* silent */";
    let error =
        rows_of(&url, &format!("{} {marker}", Server::LONG_RUNNING_QUERY), None).await.unwrap_err();
    let words = format!("nothing came or went for 0.5 s; {idle}=");
    assert!(format!("{error:#}").contains(&words), "{error:#}");
    wait_until("the end of the query", || !is_running(marker)).await;
}

#[test]
fn connecting_without_a_runtime_is_an_error() {
    let error = futures::executor::block_on(Connection::connect(&options()));
    let Err(error) = error else { panic!("connected without a runtime of tokio") };
    assert_eq!(error.kind(), ErrorKind::Misuse);
}
