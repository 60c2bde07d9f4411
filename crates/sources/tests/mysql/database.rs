//! What the tests for every server need to know about MariaDB.

use taploom_sources::mysql::QueryKiller;

use super::databases::{Database, TimeLimitedQuery};
use super::*;

impl Database for MariaDb {
    type Options = MysqlOptions;
    type Connection = MysqlConnection;
    type Source = MysqlSource;
    type Canceler = QueryKiller;

    const SCHEME: &'static str = "mysql";
    const CONNECT_RETRIES: &'static str = "connect-retries";
    const CONNECT_TIMEOUT: &'static str = "connect-timeout";
    const IDLE_TIMEOUT: &'static str = "idle-timeout";
    const MAX_ROW_BYTES: &'static str = "max-packet";
    const TLS_MODE: &'static str = "ssl-mode";
    const TLS_AUTHORITIES: &'static str = "ssl-ca";
    const TLS_MODES: [&'static str; 5] =
        ["disabled", "preferred", "required", "verify-ca", "verify-identity"];

    const WRONG_PASSWORD: &'static str = "1045";
    const UNKNOWN_DATABASE: &'static str = "1049";
    const SYNTAX_ERROR: &'static str = "1064";
    const UNKNOWN_TABLE: &'static str = "1146";
    const UNKNOWN_FUNCTION: &'static str = "1305";
    const READ_ONLY: &'static str = "1792";
    const CANCELED: &'static str = "1317";
    const AFTER_CODE: &'static str = " (";

    // The client sends an empty password, and the server refuses it.
    const PASSWORD_NEEDED: &'static str = "error 1045";
    const INVALID_QUERIES: &'static [(&'static str, &'static str)] = &[
        ("", "1065"),
        ("SELECT ?", "1064"),
        ("INSERT INTO mysql.user SELECT * FROM mysql.user", "1792"),
        ("DELETE FROM kept RETURNING n", "1792"),
        ("SELECT (SELECT seq FROM seq_1_to_2 WHERE t.seq > 4) FROM seq_1_to_9 AS t", "1242"),
    ];
    const STATEMENTS_WITHOUT_ROWS: &'static [(&'static str, &'static str)] = &[
        ("SET @a = 1", "gives no rows"),
        ("COMMIT", "gives no rows"),
        ("DO 1", "gives no rows"),
        ("-- a comment", "gives no rows"),
    ];
    const QUERIES_FOR_ONE: &'static [&'static str] =
        &["SELECT 1 AS a # a comment", "SELECT /*! 1 */ AS a"];
    const TIME_ZONE_QUERY: (&'static str, &'static str) = ("SELECT @@time_zone", "+00:00");
    const TLS_VERSION_QUERY: &'static str = "SELECT NULLIF(variable_value, '') \
         FROM information_schema.session_status WHERE variable_name = 'Ssl_version'";
    const LONG_RUNNING_QUERY: &'static str =
        "SELECT COUNT(*) FROM seq_1_to_2000000000 WHERE SQRT(seq) < 0";
    const SESSION_ID: &'static str = "CONNECTION_ID()";
    const DOUBLE: &'static str = "DOUBLE";
    const BIGINT: &'static str = "SIGNED";
    const DATETIME: &'static str = "DATETIME";
    // 101 bytes of text, and a byte more than the number has digits.
    const ROWS_OF_11_400_BYTES: usize = 110;
    const INVALID_GREETINGS: &'static [&'static [u8]] = &[
        b"\0\0\0\0",
        // An old version of the protocol.
        b"\x01\0\0\0\x09",
        b"\x05\0\0\0\x0a5.5\0",
        b"\xff\xff\xff\0",
    ];

    fn numbers(rows: u32) -> String {
        format!("(SELECT seq AS n FROM seq_1_to_{rows}) AS numbers")
    }

    fn sleep(seconds: f64) -> String {
        format!("SLEEP({seconds})")
    }

    fn count_sessions(id: &str) -> String {
        format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}")
    }

    fn quoted(name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    async fn query(options: &MysqlOptions, sql: &str, limits: BatchLimits) -> Result<MysqlSource> {
        mysql::query(options, sql, None, limits).await
    }

    fn canceler(source: &MysqlSource) -> QueryKiller {
        source.killer()
    }

    async fn cancel(canceler: &QueryKiller) -> Result<()> {
        canceler.kill().await
    }

    fn code(error: &Error) -> String {
        server_error(error).code.to_string()
    }

    fn running(&self) -> String {
        let processes = self.sql("SHOW FULL PROCESSLIST").unwrap();
        let others = processes.lines().filter(|line| !line.contains("PROCESSLIST"));
        others.collect::<Vec<_>>().join("\n")
    }

    fn waits_for_reader(&self, marker: &str) -> bool {
        let running = self.running();
        let line = running.lines().find(|line| line.contains(marker)).unwrap_or_default();
        line.to_lowercase().contains("writing to net")
    }

    fn kill_session(&self, marker: &str) {
        let running = self.running();
        let line = running.lines().find(|line| line.contains(marker)).unwrap();
        let id = line.split('\t').next().unwrap();
        self.sql(&format!("KILL CONNECTION {id}")).unwrap();
    }

    fn time_limited_query(&self) -> TimeLimitedQuery {
        TimeLimitedQuery {
            url: self.url(),
            query: format!(
                "SET STATEMENT max_statement_time = 0.3 FOR {}",
                Self::LONG_RUNNING_QUERY
            ),
            code: "1969",
            words: "max_statement_time",
        }
    }

    async fn damaged_greetings(&self) -> Vec<Vec<u8>> {
        let mut greeting = vec![0; 4];
        let mut server = TcpStream::connect(("127.0.0.1", self.port())).await.unwrap();
        server.read_exact(&mut greeting).await.unwrap();
        let length = usize::from(greeting[0]);
        greeting.resize(4 + length, 0);
        server.read_exact(&mut greeting[4..]).await.unwrap();
        let short = (0..length).map(|length| {
            let mut short = greeting[..4 + length].to_vec();
            short[0] = length as u8;
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
