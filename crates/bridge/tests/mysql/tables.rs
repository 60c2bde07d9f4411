//! Tables of users, which are sent to a fake Qserv before the query and removed after it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use taploom_bridge::jobs::http::Hosts;
use taploom_bridge::jobs::{Outcome, Stop};
use taploom_bridge::{Bridge, Qserv, QservOptions};

use crate::support::store::{Answer, Store};
use crate::support::{SampleDatabase, bridge, bridge_to, limits, run, run_until, sample_json};
use crate::{UNREACHABLE, server};

/// A Qserv that takes tables, and the store of their rows.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// What was asked, in order.
    asked: Vec<String>,
    /// The bodies that brought tables.
    tables: Vec<String>,
    status: Value,
    refuses: bool,
    /// Whether tables are taken, and never answered for.
    hangs: bool,
}

impl Fake {
    async fn start(status: Value) -> (Self, String) {
        let fake = Self::default();
        fake.0.lock().unwrap().status = status;
        let app = Router::new()
            .route("/ingest/csv", post(take).layer(DefaultBodyLimit::disable()))
            .route("/ingest/database/{name}", delete(remove))
            .route("/query-async", post(submit))
            .route("/query-async/status/{id}", get(status_of))
            .route("/query-async/{id}", delete(cancel))
            .route("/query-async/result/{id}", delete(forget))
            .route("/store/{file}", get(file))
            .with_state(fake.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (fake, url)
    }

    fn note(&self, asked: impl Into<String>) {
        self.0.lock().unwrap().asked.push(asked.into());
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

fn done() -> Json<Value> {
    Json(json!({"success": 1}))
}

async fn take(State(fake): State<Fake>, body: Bytes) -> Json<Value> {
    fake.0.lock().unwrap().tables.push(String::from_utf8(body.to_vec()).unwrap());
    fake.note("take");
    let hangs = fake.0.lock().unwrap().hangs;
    if hangs {
        std::future::pending::<()>().await;
    }
    match fake.0.lock().unwrap().refuses {
        true => Json(json!({"success": 0, "error": "column ra is unknown"})),
        false => done(),
    }
}

/// Takes its time: whoever does not wait for the answer ends before it.
async fn remove(State(fake): State<Fake>, Path(name): Path<String>) -> Json<Value> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    fake.note(format!("remove {name}"));
    done()
}

async fn submit(State(fake): State<Fake>) -> Json<Value> {
    fake.note("submit");
    Json(json!({"success": 1, "queryId": 1}))
}

async fn status_of(State(fake): State<Fake>, Path(_): Path<u64>) -> Json<Value> {
    Json(json!({"success": 1, "status": fake.0.lock().unwrap().status}))
}

async fn cancel(State(fake): State<Fake>, Path(_): Path<u64>) -> Json<Value> {
    fake.note("cancel");
    done()
}

async fn forget(State(fake): State<Fake>, Path(_): Path<u64>) -> Json<Value> {
    fake.note("forget");
    done()
}

/// 5 MB of rows, which do not fit into the buffers on the way.
fn rows() -> String {
    (0..500_000).map(|row| format!("{row:08}\n")).collect()
}

async fn file(Path(file): Path<String>) -> Result<String, StatusCode> {
    match file.as_str() {
        "rows.csv" => Ok(rows()),
        "schema.json" => Ok(r#"[{"name":"ra","type":"DOUBLE"}]"#.to_owned()),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn options(url: &str, rows: &str) -> QservOptions {
    let mut options = QservOptions::new(url.parse().unwrap(), rows.parse().unwrap());
    options.rows_query = "SELECT * FROM result WHERE {id} = 1 ORDER BY id".to_owned();
    options.poll = Duration::from_millis(10);
    options
}

fn qserv(url: &str, rows: &str) -> Bridge {
    bridge_to(Qserv::new(options(url, rows)).unwrap(), limits())
}

/// A job with tables. Signed URLs are secrets.
fn job(url: &str, store: &str, rows: &str, more: &[Value]) -> Value {
    let table = |name: &str, partition: &Value| {
        let mut table = json!({
            "tableName": name, "sourceUrl": format!("{url}/store/{rows}?5ec3e7"),
            "schemaUrl": format!("{url}/store/schema.json?5ec3e7"),
        });
        table.as_object_mut().unwrap().extend(partition.as_object().unwrap().clone());
        table
    };
    let mut tables = vec![table("user_me_1.first", &json!({}))];
    tables.extend(more.iter().map(|partition| table("user_me_1.more", partition)));
    let mut job = sample_json("jobs/data.json");
    job["resultDestination"] = json!(store);
    job["uploadTables"] = json!(tables);
    job
}

#[tokio::test]
async fn tables_are_there_while_the_query_runs() {
    let server = server();
    let (fake, url) = Fake::start(sample_json("qserv/data-completed.json")).await;
    let store = Store::start(&[]).await;
    let more = [
        json!({"partitionType": "director", "longitudeColName": "ra", "latitudeColName": "dec"}),
        json!({"partitionType": "dependent", "idColName": "object", "refDirectorDatabase": "dp1",
               "refDirectorTable": "Object", "refDirectorIdColName": "objectId"}),
    ];
    let job = job(&url, &store.url(), "rows.csv", &more);
    let (outcome, _) = run(&qserv(&url, &server.url()), &job).await;
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let asked = fake.asked();
    assert_eq!(
        asked,
        ["remove user_me_1", "take", "take", "take", "submit", "forget", "remove user_me_1"]
    );
    let tables = fake.0.lock().unwrap().tables.clone();
    for (table, expected) in tables.iter().zip([
        &["\"table\"\r\n\r\nfirst\r\n", "\"database\"\r\n\r\nuser_me_1\r\n", "utf8mb4"][..],
        &["\"is_director\"\r\n\r\n1\r\n", "\"longitude_col_name\"\r\n\r\nra\r\n"],
        &["\"is_director\"\r\n\r\n0\r\n", "\"ref_director_id_col_name\"\r\n\r\nobjectId\r\n"],
    ]) {
        for expected in expected {
            assert!(table.contains(expected), "no {expected:?} in {}", &table[..2000]);
        }
        assert!(table.contains(&rows()), "the rows are not whole");
        let places = ["name=\"timeout\"", "name=\"schema\"", "name=\"rows\""];
        let places = places.map(|name| table.find(name).unwrap());
        assert!(places.is_sorted(), "the rows are not last: {places:?}");
    }
    assert!(!tables[0].contains("is_partitioned"));
}

#[tokio::test]
async fn tables_are_removed_however_the_job_ends() {
    let database = SampleDatabase::create();
    let (fake, url) = Fake::start(sample_json("qserv/simple-failed.json")).await;
    let good = job(&url, "http://127.0.0.1:1/", "rows.csv", &[]);
    let bridge_ = qserv(&url, UNREACHABLE);

    let (_, published) = run(&bridge_, &good).await;
    assert_eq!(published.error().0, "backend_error");
    assert_eq!(fake.asked(), ["remove user_me_1", "take", "submit", "remove user_me_1"]);

    fake.0.lock().unwrap().asked.clear();
    let missing = job(&url, "http://127.0.0.1:1/", "missing.csv", &[]);
    let (_, published) = run(&bridge_, &missing).await;
    let (code, message) = published.error();
    assert_eq!(code, "table_read", "{message}");
    assert!(message.contains("rows of the table user_me_1.first") && message.contains("404"));
    assert!(!published.last().to_string().contains("5ec3e7"), "{message}");
    assert_eq!(fake.asked(), ["remove user_me_1"; 2]);

    fake.0.lock().unwrap().asked.clear();
    fake.0.lock().unwrap().refuses = true;
    let (_, published) = run(&bridge_, &good).await;
    let (code, message) = published.error();
    assert_eq!(code, "backend_error", "{message}");
    assert!(message.contains("user_me_1.first: column ra is unknown"), "{message}");
    assert_eq!(fake.asked(), ["remove user_me_1", "take", "remove user_me_1"]);

    fake.0.lock().unwrap().asked.clear();
    fake.0.lock().unwrap().refuses = false;
    fake.0.lock().unwrap().status = sample_json("qserv/simple-partial.json");
    let stop = Stop::default();
    let abort = stop.abort.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        abort.cancel();
    });
    let (outcome, _) = run_until(&bridge_, &good, &stop).await;
    assert_eq!(outcome, Outcome::Aborted);
    let asked = fake.asked();
    assert_eq!(asked, ["remove user_me_1", "take", "submit", "cancel", "remove user_me_1"]);

    // A database that is no Qserv.
    let (_, published) = run(&bridge(&database, limits()), &good).await;
    let (code, message) = published.error();
    assert_eq!((code.as_str(), &message[..13]), ("invalid_request", "uploadTables:"));
}

/// The next worker removes what was sent, and sends it again. Nothing may be sent or removed here by then.
#[tokio::test]
async fn tables_that_are_being_sent_are_left_to_the_next_worker() {
    let (fake, url) = Fake::start(sample_json("qserv/simple-partial.json")).await;
    fake.0.lock().unwrap().hangs = true;
    let more =
        [json!({"partitionType": "director", "longitudeColName": "ra", "latitudeColName": "dec"})];
    let job = job(&url, "http://127.0.0.1:1/", "rows.csv", &more);
    let stop = Stop::default();
    let hand_over = stop.hand_over_query.clone();
    let waiting = fake.clone();
    tokio::spawn(async move {
        while !waiting.asked().contains(&"take".to_owned()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        hand_over.cancel();
    });
    let started = Instant::now();
    // This waits until Qserv has been told everything.
    let (outcome, published) = run_until(&qserv(&url, UNREACHABLE), &job, &stop).await;
    assert_eq!((outcome, published.all()), (Outcome::HandedOver, Vec::new()));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(fake.asked(), ["remove user_me_1", "take"]);
}

/// A worker that is killed while it sends tables leaves no status that names a query.
#[tokio::test]
async fn tables_that_a_worker_has_left_are_removed_though_the_job_does_not_begin() {
    let (fake, url) = Fake::start(sample_json("qserv/simple-partial.json")).await;
    let aborted = Stop::default();
    aborted.abort.cancel();
    let good = job(&url, "http://127.0.0.1:1/", "rows.csv", &[]);
    let mut wrong = good.clone();
    wrong["resultDestination"] = json!("ftp://127.0.0.1/");
    let mut asked = Vec::new();
    for (job, stop) in [(good, aborted), (wrong, Stop::default())] {
        fake.0.lock().unwrap().asked.clear();
        run_until(&qserv(&url, UNREACHABLE), &job, &stop).await;
        asked.push(fake.asked());
    }
    assert_eq!(asked, [["remove user_me_1"], ["remove user_me_1"]]);
}

#[tokio::test]
async fn tables_of_other_hosts_are_refused_before_the_query() {
    let (fake, url) = Fake::start(sample_json("qserv/data-completed.json")).await;
    let given = job(&url, "http://127.0.0.1:1/", "rows.csv", &[]);
    let mut other_description = given.clone();
    other_description["uploadTables"][0]["sourceUrl"] = json!("https://a.example.org/?5ec3e7");
    for (job, what) in [(&given, "rows"), (&other_description, "description")] {
        let mut options = options(&url, UNREACHABLE);
        options.table_hosts = Some(Hosts::new(["*.example.org".to_owned()]));
        let (_, published) = run(&bridge_to(Qserv::new(options).unwrap(), limits()), job).await;
        let (code, message) = published.error();
        assert_eq!(code, "invalid_request", "{message}");
        let said = format!("uploadTables: the host of the {what} of the table user_me_1.first is");
        assert!(message.starts_with(&said) && !message.contains("5ec3e7"), "{message}");
    }
    assert_eq!(fake.asked(), [""; 0]);
}

/// The list and the proxy for results hold for tables too: both come from the same message.
#[tokio::test]
#[cfg(feature = "worker")]
async fn settings_for_what_a_message_names_hold_for_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.toml");
    let (fake, url) = Fake::start(sample_json("qserv/data-completed.json")).await;
    let proxy = Store::start(&[Answer::Status(404, "")]).await;
    let (origin, job) = (proxy.origin(), job(&url, &proxy.url(), "rows.csv", &[]));
    for (settings, code) in [
        ("[upload]\nhosts = [\"*.example.org\"]".to_owned(), "invalid_request"),
        ("[tables]\nhosts = [\"*.example.org\"]".to_owned(), "invalid_request"),
        (format!("[upload]\nproxy = {origin:?}\nhosts = [\"127.0.0.1\"]"), "table_read"),
    ] {
        let database =
            format!("[database]\nurl = {UNREACHABLE:?}\n[database.qserv]\nurl = {url:?}");
        std::fs::write(&path, format!("{database}\n{settings}\n")).unwrap();
        let config = taploom_bridge::Config::load(&path).unwrap();
        let bridge = config.bridge(taploom::registry().unwrap()).unwrap();
        let (_, published) = run(&bridge, &job).await;
        assert_eq!(published.error().0, code, "{settings}: {}", published.last());
    }
    // A proxy is asked for the whole URL.
    let asked = proxy.puts().pop().unwrap().line;
    assert!(asked.starts_with(&format!("GET {url}/store/")), "{asked}");
    assert!(!fake.asked().contains(&"take".to_owned()));
}
