//! What a query leaves on the server.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::databases::until;
use super::*;

#[tokio::test]
async fn large_objects_are_not_kept() {
    let read = rows("SELECT lo_from_bytea(0, 'abc')").await;
    assert_eq!(read.num_rows(), 1);
    assert_eq!(SERVER.sql("SELECT count(*) FROM pg_largeobject_metadata").unwrap().trim(), "0");
}

/// A client that is killed does not cancel its query.
#[tokio::test]
async fn the_query_of_a_client_that_is_gone_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap().port();
    let server = SERVER.port();
    let passing = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        copy_bidirectional(&mut near, &mut far).await
    });
    let url = SERVER.url().replace(&server.to_string(), &door.to_string());
    let query = "SELECT pg_sleep(1000) /* of a client that is gone */";
    let reading = tokio::spawn(async move { rows_of(&url, query, None).await });
    let runs = || {
        let others = "SELECT count(*) FROM pg_stat_activity \
                      WHERE query LIKE '%client that is gone%' AND pid <> pg_backend_pid()";
        SERVER.sql(&format!("{others} AND state = 'active'")).unwrap().trim() != "0"
    };
    until("the beginning of the query", runs).await;
    passing.abort();
    assert_eq!(reading.await.unwrap().unwrap_err().kind(), ErrorKind::Source);
    until("the end of the query", || !runs()).await;
}
