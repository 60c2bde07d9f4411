//! Secrets are planted wherever one can stand, and looked for in everything that workers say.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use taploom_test_servers::MariaDb;

use crate::harness::Kafka;
use crate::support::job_of;
use crate::support::store::{Answer, Store};
use crate::support::tap::{finals, has, wait};
use crate::support::worker::{Process, SPOOL, STATUSES, Settings};

/// A part of every secret, and the encoded forms in which some are sent: `qserv:...`, `proxy:...`, and `user:...` of the
/// destination and of the statuses in base64.
const SECRETS: [&str; 6] = [
    "s3cret-",
    "5ec3e7",
    "cXNlcnY6czNjcmV0LW9mLXFzZXJ2",
    "cHJveHk6czNjcmV0LW9mLXByb3h5",
    "dXNlcjpzM2NyZXQtb2YtZGVzdGluYXRpb24",
    "dXNlcjpzM2NyZXQtb2Ytc3RhdHVzZXM",
];

/// What a Qserv may answer to any request.
const QSERV: &str = r#"{"success": 1, "queryId": 1, "status": {"status": "COMPLETED", "totalChunks": 1,
    "completedChunks": 1, "queryBeginEpoch": 1754607182}}"#;

/// Everything that workers say about the same jobs, with the name of each part.
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, what: &str, text: impl Into<String>) {
        self.0.push((what.to_owned(), text.into()));
    }

    /// The bodies of the endpoints, and the log to its end.
    fn add_worker(&mut self, name: &str, worker: Process) -> String {
        for path in ["/metrics", "/health", "/live"] {
            self.add(&format!("{path} of the worker on {name}"), worker.get(path));
        }
        let log = worker.whole_log();
        self.add(&format!("the log of the worker on {name}"), log.clone());
        log
    }

    fn has_no_secret(&self) {
        for (what, text) in &self.0 {
            assert!(!text.is_empty(), "{what} is empty");
            for line in text.lines() {
                let shown = SECRETS.iter().find(|secret| line.contains(**secret));
                assert!(shown.is_none(), "{what} shows {shown:?}: {line}");
            }
        }
    }
}

/// Whether a store was sent a header that is a secret.
fn was_sent(store: &Store, header: &str, value: &str) -> bool {
    let puts = store.puts();
    puts.iter().any(|put| put.headers.get(header).is_some_and(|sent| sent.contains(value)))
}

pub(crate) fn searched(kafka: &Kafka) {
    let server = MariaDb::start().unwrap();
    let account =
        "CREATE USER tap IDENTIFIED BY 's3cret-of-database'; GRANT SELECT ON test.* TO tap";
    server.sql(account).unwrap();
    let rows = format!("mysql://tap:s3cret-of-database@127.0.0.1:{}/test", server.port());
    // It stands for all stores.
    let proxy = wait(Store::start(&[]));
    let proxy_url = format!("http://proxy:s3cret-of-proxy@127.0.0.1:{}", proxy.port());
    let common = [
        ("RUST_LOG", "trace"),
        ("TAPLOOM__OBSERVE__FILTER", "trace"),
        ("TAPLOOM__DATABASE__URL", &rows),
        ("TAPLOOM__UPLOAD__PROXY", &proxy_url),
        ("API_KEY_OF_SOMETHING_ELSE", "s3cret-of-environment"),
    ];
    let mut said = Said(Vec::new());
    of_kafka(kafka, &proxy, &common, &mut said);
    of_folder(kafka.database.folder(), &proxy, &common, &mut said);
    assert!(was_sent(&proxy, "proxy-authorization", "cHJveHk6czNjcmV0LW9mLXByb3h5"));
    said.has_no_secret();
}

/// A worker on Kafka, with a Qserv, tables of users, signed URLs, an S3, and a store that refuses a result.
fn of_kafka(kafka: &Kafka, proxy: &Store, common: &[(&str, &str)], said: &mut Said) {
    let qserv = wait(Store::start(&vec![Answer::Text(200, "", QSERV); 100]));
    let database = format!(
        "[database.qserv]\nurl = {:?}\nuser = \"qserv\"\npoll_seconds = 0.1\nrows_query = \"SELECT {{id}} AS n\"",
        qserv.origin()
    );
    let upload = "attempts = 1\noutage_seconds = 0\n[upload.s3]\nendpoint = \"http://s3.example.org\"\n\
                  access_key = \"key\"\npath_style = true";
    let variables = [
        common,
        &[
            (
                "TAPLOOM__KAFKA__PROPERTIES",
                r#"{"sasl.username"="tap", "sasl.password"="s3cret-of-kafka", "debug"="conf,security,msg"}"#,
            ),
            ("TAPLOOM__DATABASE__QSERV__PASSWORD", "s3cret-of-qserv"),
            ("TAPLOOM__UPLOAD__S3__SECRET_KEY", "s3cret-key-of-s3"),
            ("TAPLOOM__UPLOAD__S3__SESSION_TOKEN", "s3cret-token-of-s3"),
        ],
    ];
    let brokers = kafka.brokers();
    let settings =
        Settings { brokers: &brokers, database: &database, upload, ..Settings::default() };
    let worker = Process::start(kafka.database.folder(), &settings, &variables.concat());

    let destination = "user:s3cret-of-destination@store.example.org/bucket/1?X-Signature=5ec3e7";
    let send = |name: &str, destination: &str| {
        let mut job = job_of("SELECT 1", destination, &[("n", "long")]);
        let table = |file: &str| format!("http://tables.example.org/{file}?s3cret-of-table");
        job["uploadTables"] = json!([{
            "tableName": format!("user_{name}.t"), "sourceUrl": table("rows"), "schemaUrl": table("schema"),
        }]);
        kafka.tap.send_job(name, job, &json!({"type": "csv"}));
    };
    send("signed", &format!("http://{destination}"));
    send("keys", "s3://bucket/keys");
    kafka.tap.until("both are stored", |statuses| {
        has(statuses, "signed", "COMPLETED") && has(statuses, "keys", "COMPLETED")
    });
    // The proxy does not speak TLS. Its answers are for the description and the rows of the table, and for the connection.
    for answer in [Answer::Status(200, ""), Answer::Status(200, ""), Answer::Text(200, "", "")] {
        proxy.answer(answer);
    }
    send("tls", &format!("https://{destination}"));
    kafka.tap.until("the upload fails", |statuses| has(statuses, "tls", "ERROR"));
    // The table can't be read: the answer quotes the URL.
    proxy.answer(Answer::Status(403, ""));
    send("refused", &format!("http://{destination}"));
    kafka.tap.until("the table is refused", |statuses| has(statuses, "refused", "ERROR"));
    let wrong = json!({"jobID": "wrong", "ownerID": "me", "query": "SELECT 1",
        "resultDestination": "s3cret-of-message"});
    kafka.tap.send("lsst.tap.job-run", wrong.to_string().as_bytes());
    kafka.tap.send("lsst.tap.job-run", b"s3cret-of-message");
    kafka.tap.until("it is rejected", |statuses| finals(statuses) == 5);

    let published = kafka.tap.published().to_vec();
    said.add("the statuses in Kafka", Value::from(published).to_string());
    let log = said.add_worker("Kafka", worker);
    for of_others in [" TRACE rdkafka::", " DEBUG librdkafka", "DEBUG reqwest::"] {
        assert!(log.contains(of_others), "{of_others} is not in the log");
    }
    assert!(was_sent(&qserv, "authorization", "cXNlcnY6czNjcmV0LW9mLXFzZXJ2"));
    assert!(was_sent(proxy, "authorization", "dXNlcjpzM2NyZXQtb2YtZGVzdGluYXRpb24"));
    let lines: String = proxy.puts().into_iter().map(|put| put.line).collect();
    for secret in ["s3cret-of-table", "s3cret-token-of-s3", "5ec3e7"] {
        assert!(lines.contains(secret), "{secret} was not used: {lines}");
    }
}

/// A worker on a folder that sends statuses to a URL.
fn of_folder(folder: &Path, proxy: &Store, common: &[(&str, &str)], said: &mut Said) {
    let receiver = wait(Store::start(&[Answer::Status(500, "")]));
    let spool = folder.join("jobs");
    std::fs::create_dir(&spool).unwrap();
    let statuses = format!(
        "http://user:s3cret-of-statuses@127.0.0.1:{}/?token=s3cret-query-of-statuses",
        receiver.port()
    );
    let variables =
        [common, &[(SPOOL, spool.to_str().unwrap()), (STATUSES, statuses.as_str())]].concat();
    let worker = Process::start(folder, &Settings::default(), &variables);
    let destination = "http://user:s3cret-of-destination@store.example.org/1?X-Signature=5ec3e7";
    let mut job = job_of("SELECT 1 AS n", destination, &[("n", "long")]);
    job["database"] = json!("test");
    std::fs::write(spool.join("first.part"), job.to_string()).unwrap();
    std::fs::rename(spool.join("first.part"), spool.join("first.json")).unwrap();
    let done = spool.join("done/first.json");
    for attempt in 0.. {
        if done.exists() {
            break;
        }
        assert!(attempt < 600, "the job does not end");
        std::thread::sleep(Duration::from_millis(100));
    }
    let last = std::fs::read_to_string(done).unwrap();
    assert!(last.contains("COMPLETED"), "{last}");
    said.add("the final status in the folder", last);
    let sent: Vec<_> = receiver.puts().into_iter().map(|put| put.body).collect();
    said.add("the statuses at the URL", String::from_utf8(sent.concat()).unwrap());
    let log = said.add_worker("a folder", worker);
    assert!(log.contains("DEBUG reqwest::"), "nothing of the HTTP client is in the log");
    assert!(was_sent(&receiver, "authorization", "dXNlcjpzM2NyZXQtb2Ytc3RhdHVzZXM"));
    assert!(receiver.puts().iter().any(|put| put.line.contains("s3cret-query-of-statuses")));
    assert!(was_sent(proxy, "authorization", "dXNlcjpzM2NyZXQtb2YtZGVzdGluYXRpb24"));
}
