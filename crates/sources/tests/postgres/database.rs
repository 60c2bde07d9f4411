//! What the tests for every server need to know about PostgreSQL.

use taploom_model::{Error, Result};
use taploom_sources::postgres::QueryCanceler;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::databases::{Database, TimeLimitedQuery};
use super::*;

impl Database for Postgres {
    type Options = PostgresOptions;
    type Connection = PostgresConnection;
    type Source = PostgresSource;
    type Canceler = QueryCanceler;

    const SCHEME: &'static str = "postgres";
    const CONNECT_RETRIES: &'static str = "connect_retries";
    const CONNECT_TIMEOUT: &'static str = "connect_timeout";
    const IDLE_TIMEOUT: &'static str = "idle_timeout";
    const MAX_ROW_BYTES: &'static str = "max_row";
    const TLS_MODE: &'static str = "sslmode";
    const TLS_AUTHORITIES: &'static str = "sslrootcert";
    const TLS_MODES: [&'static str; 5] =
        ["disable", "prefer", "require", "verify-ca", "verify-full"];

    const WRONG_PASSWORD: &'static str = "28P01";
    const UNKNOWN_DATABASE: &'static str = "3D000";
    const SYNTAX_ERROR: &'static str = "42601";
    const UNKNOWN_TABLE: &'static str = "42P01";
    const UNKNOWN_FUNCTION: &'static str = "42883";
    const READ_ONLY: &'static str = "25006";
    const CANCELED: &'static str = "57014";
    const AFTER_CODE: &'static str = ": ";

    const PASSWORD_NEEDED: &'static str = "PGPASSWORD";
    const INVALID_QUERIES: &'static [(&'static str, &'static str)] = &[
        ("WITH d AS (DELETE FROM kept RETURNING n) SELECT * FROM d", "25006"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "25001"),
        ("SELECT 1 / (n - 5) FROM generate_series(1, 9) n", "22012"),
    ];
    const STATEMENTS_WITHOUT_ROWS: &'static [(&'static str, &'static str)] = &[
        ("SET TimeZone = 'CET'", "gives no rows"),
        ("COMMIT", "gives no rows"),
        ("COPY kept TO STDOUT", "gives no rows"),
        ("DO $$ BEGIN RAISE NOTICE 'done'; END $$", "gives no rows"),
        ("", "gives no rows"),
        (";;", "gives no rows"),
        ("-- a comment\n/* and /* another */ one */", "gives no rows"),
        ("SELECT $1::int", "a parameter ($1)"),
        ("SELECT 'a\0b'", "can't be sent"),
    ];
    const QUERIES_FOR_ONE: &'static [&'static str] = &["TABLE one", ";; SELECT 1 AS a;;"];
    const TIME_ZONE_QUERY: (&'static str, &'static str) = ("SHOW TimeZone", "UTC");
    const TLS_VERSION_QUERY: &'static str =
        "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    const LONG_RUNNING_QUERY: &'static str = "SELECT pg_sleep(1000)";
    const SESSION_ID: &'static str = "pg_backend_pid()";
    const DOUBLE: &'static str = "float8";
    const BIGINT: &'static str = "int8";
    const DATETIME: &'static str = "timestamp";
    // The number of the columns, two lengths, 4 bytes of a number and 100 of text.
    const ROWS_OF_11_400_BYTES: usize = 100;
    const INVALID_GREETINGS: &'static [&'static [u8]] = &[
        b"N",
        b"NR\0\0\0\x08\0\0\0\x63",
        b"NR\0\0\0\x08\0\0\0\x0b",
        b"NR\0\0\0\x08\0\0\0\0D\0\0\0\x06\0\0",
        b"NR\0\0\0\0",
        b"NE\0\0\0\x06SF",
        b"NR\xff\xff\xff\xff\0\0",
    ];

    fn numbers(rows: u32) -> String {
        format!("generate_series(1, {rows}) AS n")
    }

    fn sleep(seconds: f64) -> String {
        format!("pg_sleep({seconds})")
    }

    fn count_sessions(id: &str) -> String {
        format!("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = {id}")
    }

    fn quoted(name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    async fn query(
        options: &PostgresOptions,
        sql: &str,
        limits: BatchLimits,
    ) -> Result<PostgresSource> {
        postgres::query(options, sql, None, limits).await
    }

    fn canceler(source: &PostgresSource) -> QueryCanceler {
        source.canceler()
    }

    async fn cancel(canceler: &QueryCanceler) -> Result<()> {
        canceler.cancel().await
    }

    fn code(error: &Error) -> String {
        let server = ServerError::find(error).unwrap_or_else(|| panic!("{error:?}"));
        server.sqlstate.clone()
    }

    fn running(&self) -> String {
        let others = "SELECT query FROM pg_stat_activity \
                      WHERE state = 'active' AND pid <> pg_backend_pid()";
        self.sql(others).unwrap()
    }

    fn waits_for_reader(&self, marker: &str) -> bool {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'";
        self.sql(&format!("{count} AND query LIKE '%{marker}'")).unwrap().trim() == "1"
    }

    fn kill_session(&self, marker: &str) {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity";
        let sql = format!("{end} WHERE query LIKE '%{marker}' AND pid <> pg_backend_pid()");
        assert_eq!(self.sql(&sql).unwrap().trim(), "1");
    }

    fn time_limited_query(&self) -> TimeLimitedQuery {
        TimeLimitedQuery {
            url: format!("{}?statement_timeout=0.3", self.url()),
            query: Self::LONG_RUNNING_QUERY.to_owned(),
            code: "57014",
            words: "statement timeout",
        }
    }

    async fn damaged_greetings(&self) -> Vec<Vec<u8>> {
        let mut server = TcpStream::connect(("127.0.0.1", self.port())).await.unwrap();
        // The request for TLS, which the server answers by one letter, and then the start of a session.
        server.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").await.unwrap();
        let mut greeting = vec![server.read_u8().await.unwrap()];
        assert_eq!(greeting, b"N");
        let start = b"\0\0\0\x24\0\x03\0\0user\0taploom\0database\0test\0\0";
        assert_eq!(start.len(), 0x24);
        server.write_all(start).await.unwrap();
        let mut header = [0; 5];
        server.read_exact(&mut header).await.unwrap();
        assert_eq!(header[..4], *b"R\0\0\0");
        greeting.extend_from_slice(&header);
        greeting.resize(greeting.len() + usize::from(header[4]) - 4, 0);
        server.read_exact(&mut greeting[6..]).await.unwrap();
        let short = (6..greeting.len()).map(|end| {
            let mut short = greeting[..end].to_vec();
            short[5] = end as u8 - 2;
            short
        });
        let other = (0..greeting.len()).map(|at| {
            let mut other = greeting.clone();
            other[at] ^= 0xff;
            other
        });
        short.chain(other).collect()
    }
}
