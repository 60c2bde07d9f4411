//! Nothing of a query is left on the server after its end.

use taploom_test_servers::Link;

use super::databases::wait_until;
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
    let mut link = Link::to(SERVER.port()).unwrap();
    let url = SERVER.url().replace(&SERVER.port().to_string(), &link.port().to_string());
    let query = "SELECT pg_sleep(1000) /* of a client that is gone */";
    let reading = tokio::spawn(async move { rows_of(&url, query, None).await });
    let is_running = || {
        let others = "SELECT count(*) FROM pg_stat_activity \
                      WHERE query LIKE '%client that is gone%' AND pid <> pg_backend_pid()";
        SERVER.sql(&format!("{others} AND state = 'active'")).unwrap().trim() != "0"
    };
    wait_until("the beginning of the query", is_running).await;
    link.close();
    assert_eq!(reading.await.unwrap().unwrap_err().kind(), ErrorKind::Source);
    wait_until("the end of the query", || !is_running()).await;
}
