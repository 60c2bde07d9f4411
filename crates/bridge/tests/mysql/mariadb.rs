//! Jobs in a plain MariaDB.

use std::time::Duration;

use serde_json::{Value, json};
use taploom_bridge::jobs::{Outcome, Stop, StreamingDatabase};
use taploom_test_servers::MariaDb;

use crate::support::store::Store;
use crate::support::{bridge_to, job, job_of, limits, run, run_until, sample};
use crate::{UNREACHABLE, server, wait_for_query};

const ALL: &str = "SELECT * FROM result ORDER BY id";

/// The base64 of a result of the sample.
fn binary2(store: &Store) -> String {
    let body = String::from_utf8(store.the_put().body).unwrap();
    let (_, rest) = body.split_once("base64\">").unwrap();
    rest.split_once("</STREAM>").unwrap().0.trim().to_owned()
}

#[tokio::test]
async fn mariadb_gives_the_binary2_of_the_sample() {
    let server = server();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let mut job = job("jobs/data.json", ALL, &store.url());
    job["database"] = json!("test");
    let (outcome, _) = run(&bridge, &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(binary2(&store), sample("results/data.binary2").trim());

    let bad = job_of("SELECT nothing FROM result", &store.url(), &[("a", "int")]);
    let (_, published) = run(&bridge, &with_database(bad)).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_sql_error");
    assert!(message.contains("nothing"), "{message}");
    let unfit = job_of("SELECT 70000 AS n", &store.url(), &[("n", "short")]);
    let (_, published) = run(&bridge, &with_database(unfit)).await;
    let (code, message) = published.error();
    assert_eq!(code, "encoding_error");
    assert!(message.contains(r#"column "n", row 1"#), "{message}");
    assert_eq!(store.begun(), 1);
}

#[tokio::test]
async fn a_query_that_turns_out_to_be_wrong_after_many_rows_says_why() {
    let server = server();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let query = "SELECT seq AS n, CASE WHEN seq = 50000 THEN (SELECT 1 UNION SELECT 2) ELSE 1 END AS m \
                 FROM seq_1_to_60000";
    let job = job_of(query, &store.url(), &[("n", "long"), ("m", "long")]);
    let (_, published) = run(&bridge, &with_database(job)).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_sql_error", "{message}");
    assert!(message.contains("1242"), "{message}");
    assert_eq!(store.begun(), 0);
}

fn with_database(mut job: Value) -> Value {
    job["database"] = json!("test");
    job
}

#[tokio::test]
async fn timestamps_have_milliseconds() {
    let server = server();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let query = "SELECT CAST('2025-05-23 17:00:35' AS DATETIME) AS s, \
                 CAST('2025-05-23 17:00:35.5' AS DATETIME(3)) AS ms, \
                 CAST('2025-05-23 17:00:35.123999' AS DATETIME(6)) AS us, \
                 CAST('2025-05-23' AS DATE) AS day UNION ALL SELECT NULL, NULL, NULL, NULL";
    let columns = [("s", "char"), ("ms", "char"), ("us", "char"), ("day", "char")];
    let mut job = with_database(job_of(query, &store.url(), &columns));
    job["resultFormat"]["format"] = json!({"type": "csv"});
    let (outcome, _) = run(&bridge, &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let expected = "s,ms,us,day\r\n2025-05-23T17:00:35.000,2025-05-23T17:00:35.500,\
                    2025-05-23T17:00:35.123,2025-05-23\r\n,,,\r\n";
    assert_eq!(String::from_utf8(store.the_put().body).unwrap(), expected);
}

#[tokio::test]
async fn a_query_of_a_job_that_is_stopped_ends_in_the_database() {
    let server = server();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let endless = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n FROM c) SELECT SLEEP(100) AS n FROM c";
    for by_timeout in [true, false] {
        let mut job = with_database(job_of(endless, &store.url(), &[("n", "int")]));
        let stop = Stop::default();
        if by_timeout {
            job["timeout"] = json!(0.5);
        } else {
            let abort = stop.abort.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                abort.cancel();
            });
        }
        let (outcome, _) = run_until(&bridge, &job, &stop).await;
        assert!(!matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        let running = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(100)%' \
            AND id != CONNECTION_ID()";
        for attempt in 0.. {
            if server.sql(running).unwrap().trim() == "0" {
                break;
            }
            assert!(attempt < 50, "the query still runs");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// 3,000 rows of 200 bytes, for which the server takes more than three seconds.
const SLOW: &str =
    "SELECT seq AS n, REPEAT('x', 200) AS text FROM seq_1_to_3000 WHERE SLEEP(0.001) = 0";

/// Waits until some of the rows of [`SLOW`] were sent. Blocks.
fn wait_for_rows(server: &MariaDb) {
    wait_for_query(server, "SLEEP(0.001)");
    std::thread::sleep(Duration::from_millis(500));
}

fn slow_job(store: &Store) -> Value {
    let columns = [("n", "long"), ("text", "char")];
    let mut job = with_database(job_of(SLOW, &store.url(), &columns));
    job["resultFormat"]["format"] = json!({"type": "csv"});
    job
}

#[tokio::test]
async fn a_database_that_dies_half_way_leaves_no_object() {
    for (outage, said) in [(300, "can't be used at the moment"), (0, "broke off")] {
        let server = server();
        let database = StreamingDatabase::new(&server.url()).unwrap();
        let database = database.with_outage(Duration::from_millis(outage));
        let bridge = bridge_to(database, limits());
        let store = Store::start(&[]).await;
        let job = slow_job(&store);
        let killed = tokio::task::spawn_blocking(move || wait_for_rows(&server));
        let ((_, published), killed) = tokio::join!(run(&bridge, &job), killed);
        killed.unwrap();
        let (code, message) = published.error();
        assert_eq!(code, "backend_request_error", "{message}");
        assert!(message.contains(said), "{message}");
        assert_eq!(store.begun(), 0);
    }
}

#[tokio::test]
async fn a_database_that_dies_half_way_and_comes_back_gives_all_rows() {
    let mut server = server();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let job = slow_job(&store);
    let killed = tokio::task::spawn_blocking(move || {
        wait_for_rows(&server);
        server.kill().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        server.start_again().unwrap();
        server
    });
    let ((outcome, published), killed) = tokio::join!(run(&bridge, &job), killed);
    let _server = killed.unwrap();
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert_eq!(published.phases(), ["EXECUTING", "EXECUTING", "COMPLETED"]);
    let text = "x".repeat(200);
    let rows: String = (1..=3000).map(|n| format!("{n},{text}\r\n")).collect();
    assert!(store.the_put().body == format!("n,text\r\n{rows}").as_bytes());
}

/// The user's message says nothing of the server and of the account.
#[tokio::test]
async fn a_database_that_can_not_be_used_is_waited_for() {
    const UNUSABLE: &str = "the database can't be used at the moment; try again later";
    let server = server();
    server.sql("CREATE USER tap IDENTIFIED BY 'S3CRET'; GRANT SELECT ON test.* TO tap").unwrap();
    let given = server.url();
    let (_, address) = given.rsplit_once('@').unwrap();
    let bridge = |url: &str| {
        let database = StreamingDatabase::new(url).unwrap();
        bridge_to(database.with_outage(Duration::from_millis(300)), limits())
    };
    let store = Store::start(&[]).await;
    let job = with_database(job_of("SELECT 1 AS n", &store.url(), &[("n", "int")]));
    for url in [UNREACHABLE.to_owned(), format!("mysql://tap:wr0ng@{address}?connect-retries=0")] {
        let (_, published) = run(&bridge(&url), &job).await;
        assert_eq!(published.error(), ("backend_request_error".to_owned(), UNUSABLE.to_owned()));
    }
    let right = format!("mysql://tap:S3CRET@{address}");
    for name in ["missing", "mysql"] {
        let mut job = job.clone();
        job["database"] = json!(name);
        let (_, published) = run(&bridge(&right), &job).await;
        let (code, message) = published.error();
        assert_eq!(code, "backend_sql_error", "{message}");
        assert!(message.contains(name) && !message.contains("tap"), "{message}");
    }
    let (outcome, _) = run(&bridge(&right), &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");

    // The account is locked when the job begins, and open half a second later.
    server.sql("ALTER USER tap ACCOUNT LOCK").unwrap();
    let patient = StreamingDatabase::new(&right).unwrap().with_outage(Duration::from_secs(60));
    let patient = bridge_to(patient, limits());
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.sql("ALTER USER tap ACCOUNT UNLOCK").unwrap();
    };
    let ((outcome, _), ()) = tokio::join!(run(&patient, &job), unlock);
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
}
