//! Runs the samples over MySQL's protocol, with a plain MariaDB and with Qserv.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde_json::{Value, json};
use support::store::{Answer, Store};
use support::{
    assert_matches, bridge_to, job, job_of, limits, run, run_until, sample, sample_json,
};
use taploom_bridge::jobs::{Outcome, Stop, StreamingDatabase};
use taploom_bridge::{Bridge, Qserv, QservOptions};
use taploom_test_servers::MariaDb;

/// The rows of `results/data.json` in the types of Rubin's tables.
const ROWS: &str = "
    CREATE TABLE result (id INT, a BOOLEAN, b CHAR(1), c CHAR(10), d VARCHAR(200), e DOUBLE, f FLOAT,
        g INT, h BIGINT, i VARCHAR(20), j DATETIME(3), k SMALLINT);
    INSERT INTO result VALUES
        (1, NULL, 'c', NULL, 'https://foo.example.com/datalink?ID=1', NULL, -123.12, NULL, 5294967296,
            NULL, '2025-05-23 17:00:35.025', NULL),
        (2, TRUE, NULL, 'abcdefghi', NULL, 1.13173E98, NULL, 47, NULL, 'abcdef', NULL, -12);";

const ALL: &str = "SELECT * FROM result ORDER BY id";

fn server() -> MariaDb {
    // The program that makes the system tables can't run twice at the same time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap();
    let server = MariaDb::start().unwrap_or_else(|why| panic!("{why}"));
    server.sql(ROWS).unwrap();
    server
}

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

fn with_database(mut job: Value) -> Value {
    job["database"] = json!("test");
    job
}

#[tokio::test]
async fn timestamps_have_milliseconds_at_least() {
    let server = server();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let query = "SELECT CAST('2025-05-23 17:00:35' AS DATETIME) AS s, \
                 CAST('2025-05-23 17:00:35.5' AS DATETIME(3)) AS ms, \
                 CAST('2025-05-23 17:00:35.000001' AS DATETIME(6)) AS us, \
                 CAST('2025-05-23' AS DATE) AS day UNION ALL SELECT NULL, NULL, NULL, NULL";
    let columns = [("s", "char"), ("ms", "char"), ("us", "char"), ("day", "char")];
    let mut job = with_database(job_of(query, &store.url(), &columns));
    job["resultFormat"]["format"] = json!({"type": "csv"});
    let (outcome, _) = run(&bridge, &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let expected = "s,ms,us,day\r\n2025-05-23T17:00:35.000,2025-05-23T17:00:35.500,\
                    2025-05-23T17:00:35.000001,2025-05-23\r\n,,,\r\n";
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

#[tokio::test]
async fn a_database_that_dies_half_way_leaves_no_object() {
    let server = server();
    server
        .sql("CREATE TABLE many AS SELECT seq AS n, REPEAT('x', 200) AS text FROM seq_1_to_300000")
        .unwrap();
    let bridge = bridge_to(StreamingDatabase::new(&server.url()).unwrap(), limits());
    let store = Store::start(&[]).await;
    let columns = [("n", "long"), ("text", "char")];
    let job = with_database(job_of("SELECT * FROM many", &store.url(), &columns));
    let killer = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        drop(server);
    };
    let ((_, published), ()) = tokio::join!(run(&bridge, &job), killer);
    assert_eq!(published.error().0, "backend_sql_error");
    assert_eq!(store.begun(), 0);
}

/// A fake Qserv with one query, which returns the given statuses.
#[derive(Clone, Default)]
struct FakeQserv(Arc<Mutex<FakeState>>);

#[derive(Default)]
struct FakeState {
    refusal: Option<Value>,
    statuses: Vec<Value>,
    asked: Vec<String>,
    /// The number of requests that are answered with 500 first.
    broken: usize,
    /// The number of requests for a status that are answered with 503 first.
    away: usize,
    /// How the request to forget a result is answered.
    forgets: Forgets,
    /// The ADQL of the last query.
    adql: Option<String>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Forgets {
    #[default]
    AtOnce,
    NotFound,
    Never,
}

impl FakeQserv {
    /// Starts a server that returns these statuses in turn and then repeats the last one.
    async fn start(statuses: &[Value]) -> (Self, String) {
        let fake = Self::default();
        fake.0.lock().unwrap().statuses = statuses.to_vec();
        let handlers = [post(submit), get(status), delete(cancel), delete(forget)];
        let url = support::qserv::serve(fake.clone(), handlers).await;
        (fake, url)
    }

    fn note(&self, asked: String) -> Result<(), StatusCode> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(asked);
        if state.broken > 0 {
            state.broken -= 1;
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Ok(())
    }

    fn asked(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for asked in &self.0.lock().unwrap().asked {
            *counts.entry(asked.clone()).or_default() += 1;
        }
        counts
    }
}

type Said = Result<Json<Value>, StatusCode>;

async fn submit(State(fake): State<FakeQserv>, Json(body): Json<Value>) -> Said {
    assert_eq!(body["database"], "dp1");
    fake.0.lock().unwrap().adql = body["adql_query"].as_str().map(str::to_owned);
    fake.note("submit".to_owned())?;
    let refusal = fake.0.lock().unwrap().refusal.clone();
    Ok(Json(refusal.unwrap_or_else(|| json!({"success": 1, "queryId": 1}))))
}

async fn status(State(fake): State<FakeQserv>, Path(id): Path<u64>) -> Said {
    fake.note(format!("status {id}"))?;
    let mut state = fake.0.lock().unwrap();
    if state.away > 0 {
        state.away -= 1;
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let next = match state.statuses.len() {
        1 => state.statuses[0].clone(),
        _ => state.statuses.remove(0),
    };
    Ok(Json(json!({"success": 1, "status": next})))
}

async fn cancel(State(fake): State<FakeQserv>, Path(id): Path<u64>) -> Said {
    fake.note(format!("cancel {id}"))?;
    Ok(Json(json!({"success": 1})))
}

async fn forget(State(fake): State<FakeQserv>, Path(id): Path<u64>) -> Said {
    fake.note(format!("forget {id}"))?;
    let forgets = fake.0.lock().unwrap().forgets;
    match forgets {
        Forgets::AtOnce => Ok(Json(json!({"success": 1}))),
        Forgets::NotFound => Err(StatusCode::NOT_FOUND),
        Forgets::Never => std::future::pending().await,
    }
}

/// A bridge to the fake Qserv. Rows come from a table, because a plain MariaDB lacks the function
/// `qserv_result`.
fn qserv(url: &str, rows: &str) -> Bridge {
    let mut options = QservOptions::new(url.parse().unwrap(), rows.parse().unwrap());
    options.rows_query = "SELECT * FROM result WHERE {id} = 1 ORDER BY id".to_owned();
    options.poll = Duration::from_millis(10);
    options.retry_delay = Duration::from_millis(10);
    options.outage = Duration::from_millis(500);
    bridge_to(Qserv::new(options).unwrap(), limits())
}

/// A server that is not running.
const UNREACHABLE: &str = "mysql://127.0.0.1:1/test?connect-retries=0";

fn executing(completed: u64) -> Value {
    let mut status = sample_json("qserv/simple-partial.json");
    status["completedChunks"] = json!(completed);
    status
}

#[tokio::test]
async fn qserv_gives_results_and_statuses_of_the_sample() {
    let server = server();
    let statuses = [executing(0), executing(0), sample_json("qserv/data-completed.json")];
    let (fake, url) = FakeQserv::start(&statuses).await;
    fake.0.lock().unwrap().broken = 0;
    let store = Store::start(&[Answer::Status(500, "")]).await;
    let mut job = sample_json("jobs/data.json");
    job["resultDestination"] = json!(store.url());
    let (_, published) = run(&qserv(&url, &server.url()), &job).await;
    assert_eq!(published.phases(), ["EXECUTING", "COMPLETED"]);
    assert_matches(&published.all()[0], &sample_json("status/data-started.json"));
    assert_matches(&published.all()[1], &sample_json("status/data-completed.json"));
    assert_eq!(published.last()["queryInfo"]["startTime"], 1_754_607_182_000_u64);
    assert_eq!(published.last()["queryInfo"]["endTime"], 1_754_607_184_000_u64);
    // The upload was repeated, and the rows were read once.
    assert_eq!(store.begun(), 2);
    assert_eq!(fake.asked()["forget 1"], 1);
}

#[tokio::test]
async fn qserv_says_why_a_query_failed() {
    let (_, url) = FakeQserv::start(&[executing(0), sample_json("qserv/simple-failed.json")]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_matches(&published.all()[0], &sample_json("status/simple-started.json"));
    assert_matches(&published.last(), &sample_json("status/simple-failed.json"));

    let mut large = sample_json("qserv/simple-failed.json");
    large["status"] = json!("FAILED_LR");
    let (_, url) = FakeQserv::start(&[large]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_results_too_large");

    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    fake.0.lock().unwrap().refusal = Some(sample_json("qserv/error.json"));
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    let expected = ("backend_error".to_owned(), "Qserv request failed: Some error".to_owned());
    assert_eq!(published.error(), expected);
    assert!(published.last().get("executionID").is_none());
}

#[tokio::test]
async fn qserv_that_can_not_be_asked() {
    // A query is not submitted a second time, because the first submission may have arrived.
    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    fake.0.lock().unwrap().broken = 1;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_request_error");
    assert_eq!(fake.asked()["submit"], 1);

    let (_, published) =
        run(&qserv("http://127.0.0.1:1", UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_request_error");

    let (_, url) = FakeQserv::start(&[json!({"no": "status"})]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_eq!(published.error().0, "backend_internal_error");

    // Rows that can't be read. It is not the query that is wrong.
    let (_, url) = FakeQserv::start(&[sample_json("qserv/data-completed.json")]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/data.json")).await;
    let mut expected = sample_json("status/error-sql.json");
    expected["errorInfo"]["errorCode"] = json!("backend_request_error");
    assert_matches(&published.last(), &expected);
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

#[tokio::test]
async fn the_adql_of_a_query_is_passed_on() {
    let (fake, url) = FakeQserv::start(&[sample_json("qserv/simple-failed.json")]).await;
    let mut job = sample_json("jobs/simple.json");
    let bridge = qserv(&url, UNREACHABLE);
    let (_, published) = run(&bridge, &job).await;
    assert!(published.last()["metadata"].get("adqlQuery").is_none());
    assert_eq!(fake.0.lock().unwrap().adql, None);

    job["adqlQuery"] = json!("SELECT TOP 1 * FROM dp1.Object");
    let (_, published) = run(&bridge, &job).await;
    assert_eq!(published.last()["metadata"]["adqlQuery"], job["adqlQuery"]);
    assert_eq!(fake.0.lock().unwrap().adql.as_deref(), job["adqlQuery"].as_str());

    // A message that is refused has it in its status as well.
    job["maxrec"] = json!(-1);
    let (_, published) = run(&bridge, &job).await;
    assert_eq!(published.error().0, "invalid_request");
    assert_eq!(published.last()["metadata"]["adqlQuery"], job["adqlQuery"]);
}

#[tokio::test]
async fn an_outage_of_qserv_is_waited_out() {
    let (fake, url) =
        FakeQserv::start(&[executing(0), sample_json("qserv/simple-failed.json")]).await;
    fake.0.lock().unwrap().away = 5;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_matches(&published.last(), &sample_json("status/simple-failed.json"));
    assert_eq!(fake.asked()["status 1"], 7);

    // One that takes longer ends the job, and the query.
    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    fake.0.lock().unwrap().away = usize::MAX;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_request_error");
    assert!(message.contains("503"), "{message}");
    assert_eq!(fake.asked()["cancel 1"], 1);
}

#[tokio::test]
async fn a_job_is_completed_before_its_result_is_deleted() {
    let server = server();
    for forgets in [Forgets::NotFound, Forgets::Never] {
        let (fake, url) = FakeQserv::start(&[sample_json("qserv/data-completed.json")]).await;
        fake.0.lock().unwrap().forgets = forgets;
        let store = Store::start(&[]).await;
        let mut job = sample_json("jobs/data.json");
        job["resultDestination"] = json!(store.url());
        let bridge = qserv(&url, &server.url());
        let published = support::Published::default();
        let message = taploom_bridge::JobRun::parse(job.to_string().as_bytes()).unwrap();
        let outcome = bridge.run(message, &published, &Stop::default()).await.unwrap();
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        assert_eq!(published.phases(), ["EXECUTING", "COMPLETED"]);
        if forgets != Forgets::Never {
            bridge.rest().await;
            // What is not there is deleted.
            assert_eq!(fake.asked()["forget 1"], 1);
        }
    }
}

#[tokio::test]
async fn a_query_that_is_stopped_ends_in_qserv() {
    let (fake, url) = FakeQserv::start(&[executing(0)]).await;
    let stop = Stop::default();
    let abort = stop.abort.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        abort.cancel();
    });
    let bridge = qserv(&url, UNREACHABLE);
    let (_, published) = run_until(&bridge, &sample_json("jobs/simple.json"), &stop).await;
    assert_matches(&published.last(), &sample_json("status/simple-aborted.json"));
    assert_eq!(fake.asked()["cancel 1"], 1);

    let mut aborted = executing(0);
    aborted["status"] = json!("ABORTED");
    let (_, url) = FakeQserv::start(&[executing(0), aborted]).await;
    let (_, published) = run(&qserv(&url, UNREACHABLE), &sample_json("jobs/simple.json")).await;
    assert_matches(&published.last(), &sample_json("status/simple-aborted.json"));
}
