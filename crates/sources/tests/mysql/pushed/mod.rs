//! Conditions and select lists that the server evaluates itself (pushdown) give the rows that Taploom would choose from all
//! rows.

mod conditions;
mod queries;

use std::sync::atomic::{AtomicUsize, Ordering};

use taploom_sources::{Condition, FirstIds, SelectList};

use super::conditions::unordered;
use super::*;

/// A server that logs the statements that it gets.
static LOGGING_SERVER: LazyLock<MariaDb> = LazyLock::new(|| {
    let arguments = ["--general-log", "--log-output=TABLE"].map(str::to_owned).to_vec();
    MariaDb::start_with(&Settings { arguments, ..Settings::default() }).unwrap()
});

/// A name that no other query contains, so that the log shows which statements were made of a query.
fn unique_marker() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("marked_{}_", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The logged statements that contain a text, each after the name of its command: `Query` or `Prepare`.
fn log_of(text: &str) -> Vec<(String, String)> {
    // Hexadecimal: the client would show line ends as `\n`.
    let sql = format!(
        "SELECT command_type, HEX(argument) FROM mysql.general_log \
         WHERE argument LIKE '%{text}%' AND argument NOT LIKE '%general_log%'"
    );
    let lines = LOGGING_SERVER.sql(&sql).unwrap();
    let entry = |line: &str| {
        let (command, digits) = line.split_once('\t').unwrap();
        let bytes = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        let bytes = bytes.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
        (command.to_owned(), String::from_utf8(bytes).unwrap())
    };
    lines.lines().map(entry).collect()
}

/// What is selected from the result of a query.
#[derive(Clone, Copy, Default)]
pub(super) struct Selection<'a> {
    /// The select list.
    pub(super) select: Option<&'a str>,
    pub(super) condition: Option<&'a str>,
    /// The declared columns.
    pub(super) columns: Option<&'a ColumnList>,
}

pub(super) async fn selected_rows(
    location: &str,
    sql: &str,
    selection: Selection<'_>,
) -> Result<RecordBatch> {
    let select = selection.select.map(|list| list.parse::<SelectList>().unwrap());
    let condition = selection.condition.map(|text| text.parse::<Condition>().unwrap());
    let request = Request::new(location).with_query(sql).with_columns(selection.columns.cloned());
    rows_for(&request.with_select(select).with_condition(condition)).await
}

/// The selected rows of a query, and the SQL of the one query that the server executed for them. In both queries, the word
/// `marker` stands for a unique name.
async fn rows_and_executed_sql(
    sql: &str,
    selection: Selection<'_>,
) -> (Result<RecordBatch>, String) {
    let marker = unique_marker();
    let rows =
        selected_rows(&LOGGING_SERVER.url(), &sql.replace("marker", &marker), selection).await;
    let executed = log_of(&marker)
        .into_iter()
        .filter(|(command, sql)| command == "Query" && !sql.contains("@@optimizer_switch"));
    let executed: Vec<_> = executed.map(|(_, sql)| sql.replace(&marker, "marker")).collect();
    assert_eq!(executed.len(), 1, "{executed:?}");
    (rows, executed[0].clone())
}

/// The condition that was pushed down to the server in this query.
fn condition_of(sql: &str) -> Option<&str> {
    sql.split_once("\n) AS taploom WHERE ").map(|(_, condition)| condition)
}

/// A table with columns of every type, and with values that servers and Taploom compare in different ways.
fn create_traps() {
    static MADE: LazyLock<()> = LazyLock::new(|| {
        LOGGING_SERVER
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
