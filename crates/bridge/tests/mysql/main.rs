//! Runs the samples over MySQL's protocol, with a plain MariaDB and with Qserv.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod fake;
mod mariadb;
mod qserv;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use std::sync::Mutex;
use std::time::Duration;

use taploom_test_servers::MariaDb;

/// A server that is not running.
const UNREACHABLE: &str = "mysql://127.0.0.1:1/test?connect-retries=0";

/// The rows of `results/data.json` in the types of Rubin's tables.
const ROWS: &str = "
    CREATE TABLE result (id INT, a BOOLEAN, b CHAR(1), c CHAR(10), d VARCHAR(200), e DOUBLE, f FLOAT,
        g INT, h BIGINT, i VARCHAR(20), j DATETIME(3), k SMALLINT);
    INSERT INTO result VALUES
        (1, NULL, 'c', NULL, 'https://foo.example.com/datalink?ID=1', NULL, -123.12, NULL, 5294967296,
            NULL, '2025-05-23 17:00:35.025', NULL),
        (2, TRUE, NULL, 'abcdefghi', NULL, 1.13173E98, NULL, 47, NULL, 'abcdef', NULL, -12);";

/// Waits until a query that contains a text runs. Blocks.
fn wait_for_query(server: &MariaDb, text: &str) {
    let running = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{text}%' AND id != CONNECTION_ID()"
    );
    for attempt in 0.. {
        if server.sql(&running).unwrap().trim() == "1" {
            break;
        }
        assert!(attempt < 100, "no query with {text} runs");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn server() -> MariaDb {
    // The program that makes the system tables can't run twice at the same time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap();
    let server = MariaDb::start().unwrap_or_else(|why| panic!("{why}"));
    server.sql(ROWS).unwrap();
    server
}
