//! What the server chooses itself is what would be chosen from all rows.

mod conditions;
mod queries;

use std::sync::atomic::{AtomicUsize, Ordering};

use taploom_sources::{Condition, FirstIds, SelectList};

use super::conditions::unordered;
use super::*;

/// A server that keeps a log of what it was asked.
static LOGGED: LazyLock<MariaDb> = LazyLock::new(|| {
    let arguments = ["--general-log", "--log-output=TABLE"].map(str::to_owned).to_vec();
    MariaDb::start_with(&Settings { arguments, ..Settings::default() }).unwrap()
});

/// A name that no other query has.
fn marker() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("marked_{}_", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What the server was asked with a text in it, as `Query` or `Prepare` and the statement.
fn log_of(text: &str) -> Vec<(String, String)> {
    // Hexadecimal: the client would show line ends as `\n`.
    let sql = format!(
        "SELECT command_type, HEX(argument) FROM mysql.general_log \
         WHERE argument LIKE '%{text}%' AND argument NOT LIKE '%general_log%'"
    );
    let lines = LOGGED.sql(&sql).unwrap();
    let entry = |line: &str| {
        let (command, digits) = line.split_once('\t').unwrap();
        let bytes = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        let bytes = bytes.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
        (command.to_owned(), String::from_utf8(bytes).unwrap())
    };
    lines.lines().map(entry).collect()
}

/// What a source is asked for, beside its query.
#[derive(Clone, Copy, Default)]
pub(super) struct Wish<'a> {
    pub(super) select: Option<&'a str>,
    pub(super) condition: Option<&'a str>,
    pub(super) columns: Option<&'a ColumnList>,
}

pub(super) async fn ask(location: &str, sql: &str, wish: Wish<'_>) -> Result<RecordBatch> {
    let select = wish.select.map(|list| list.parse::<SelectList>().unwrap());
    let condition = wish.condition.map(|text| text.parse::<Condition>().unwrap());
    let request = Request::new(location).with_query(sql).with_columns(wish.columns.cloned());
    rows_for(&request.with_select(select).with_condition(condition)).await
}

/// The rows of a query, in which `marker` stands for a name, and the query that ran for them.
async fn asked(sql: &str, wish: Wish<'_>) -> (Result<RecordBatch>, String) {
    let marker = marker();
    let rows = ask(&LOGGED.url(), &sql.replace("marker", &marker), wish).await;
    let ran = log_of(&marker)
        .into_iter()
        .filter(|(command, sql)| command == "Query" && !sql.contains("@@optimizer_switch"));
    let ran: Vec<_> = ran.map(|(_, sql)| sql.replace(&marker, "marker")).collect();
    assert_eq!(ran.len(), 1, "{ran:?}");
    (rows, ran[0].clone())
}

/// The condition that the server was asked.
fn condition_of(sql: &str) -> Option<&str> {
    sql.split_once("\n) AS taploom WHERE ").map(|(_, condition)| condition)
}

/// Columns of every type, with values on which servers and Taploom disagree.
fn traps() {
    static MADE: LazyLock<()> = LazyLock::new(|| {
        LOGGED
            .sql(
                "CREATE TABLE traps (i INT PRIMARY KEY, tu TINYINT UNSIGNED, bu BIGINT UNSIGNED, z INT(5) ZEROFILL,
                   b BOOLEAN, bi BIT(1), f FLOAT, ff FLOAT(9, 2), r DOUBLE, rr DOUBLE(20, 15), de DECIMAL(10, 2),
                   y YEAR, da DATE, dt DATETIME, d1 DATETIME(1), ts TIMESTAMP NULL, ti TIME,
                   t VARCHAR(9) COLLATE utf8mb4_general_ci, c CHAR(5) CHARACTER SET latin1,
                   k VARCHAR(9) CHARACTER SET cp932, e ENUM('b', '1', '2'), s SET('x', 'y'), js JSON, vb VARBINARY(5),
                   `odd ``\"'name` INT,
                   KEY (f), KEY (r), KEY (t), KEY (c), KEY (k), KEY (e), KEY (da), KEY (dt), KEY (ts), KEY (y));
                 SET time_zone = '+00:00';
                 INSERT INTO traps VALUES
                   (1, 0, 0, 42, 0, 0, 16777216, 0.1, 0.1, 0.1, 1.5, 1970, '2027-01-02', '2027-01-02', '2027-01-02',
                    '2027-01-02', '01:02:03', 'a', 'a', X'81E0', 'b', 'x', '1', 'a', 1),
                   (2, 255, 18446744073709551615, 1, 1, 1, 0.1, 123456.78, 9007199254740993, 0.3, 1.50, 2070,
                    '2027-01-03', '2027-01-02 00:00:01', '2027-01-02 00:00:00.1', '2027-01-02 00:00:01', '-01:00:00',
                    'A', 'é', X'8790', '1', 'x,y', '\"1\"', 'A', 2),
                   (3, 1, 9223372036854775808, 0, 1, 1, 0.3333333, 0, -0e0, 0, 100, 2000,
                    '1000-01-01', '9999-12-31 23:59:59', '1000-01-01', '1970-01-01 00:00:01', '00:00:00',
                    'a ', 'a', '', '2', '', '{}', 'a ', 3),
                   (4, 2, 1, 3, 0, 0, 3.4e38, -1, 5e-324, 1, 9, 1901,
                    '9999-12-31', '1000-01-01', '1000-01-01', '2037-12-31 23:59:59', '00:00:00',
                    X'615C', 'b', 'ab', 'b', 'y', '[1]', X'FF', 4),
                   (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            )
            .unwrap();
    });
    LazyLock::force(&MADE);
}
