//! `mysql://` as the source, with a MariaDB that the tests start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod common;
mod databases;

use std::sync::LazyLock;

use databases::Database;
use taploom_test_servers::MariaDb;

/// The server that [`databases`] tests.
type Server = MariaDb;

/// One server for all tests. It is stopped at their end.
static SERVER: LazyLock<MariaDb> = LazyLock::new(|| {
    let server = MariaDb::start().unwrap();
    server
        .sql(
            "CREATE TABLE stars (id BIGINT, name VARCHAR(20), ra DOUBLE, bright BOOLEAN, seen DATETIME(3), mag DECIMAL(4, 2));
             INSERT INTO stars VALUES (1, 'Sirius', 101.287, 1, '2025-05-23 17:00:35.025', -1.46),
                                      (2, 'α Cen', NULL, 0, NULL, NULL);
             CREATE TABLE closed (n INT);
             CREATE USER guest IDENTIFIED BY 'p@ss'; GRANT SELECT ON stars TO guest",
        )
        .unwrap();
    server
});

impl Database for MariaDb {
    const SCHEMES: [&'static str; 2] = ["mysql", "mariadb"];
    const PASSWORD_VARIABLE: &'static str = "MYSQL_PWD";
    const TLS_REQUIRED: &'static str = "ssl-mode=required";
    const CONNECT_RETRIES: &'static str = "connect-retries";

    const UNKNOWN_COLUMN: &'static str = "1054";
    const UNKNOWN_DATABASE: &'static str = "1049";
    const WRONG_PASSWORD: &'static str = "1045";
    // The server does not say which tables there are.
    const UNKNOWN_TABLE_OF_GUEST: &'static str = "not open to this service";

    fn numbers(rows: u32) -> String {
        format!("(SELECT seq AS n FROM seq_1_to_{rows}) AS numbers")
    }
}
