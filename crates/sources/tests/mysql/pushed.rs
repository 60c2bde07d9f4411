//! What the server chooses itself is what would be chosen from all rows.

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

const BYTES_OF_T: &str = "CAST(CONVERT(taploom.`t` USING utf8mb4) AS BINARY)";
const BYTES_OF_K: &str = "CAST(CONVERT(taploom.`k` USING utf8mb4) AS BINARY)";

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

#[tokio::test]
async fn only_what_the_server_decides_alike_is_asked_of_it() {
    traps();
    let t = |condition: &str| condition.replace("BYTES", BYTES_OF_T);
    for (condition, pushed) in [
        ("i < 3", Some("taploom.`i` < 3".to_owned())),
        ("i > -9223372036854775808", Some("taploom.`i` > -9223372036854775808".to_owned())),
        ("i IN (1, 5, NULL, -2)", Some("taploom.`i` IN (1, 5, -2)".to_owned())),
        ("i < tu", Some("taploom.`i` < taploom.`tu`".to_owned())),
        (
            "bu > i AND bu <> 1",
            Some("(taploom.`bu` > taploom.`i` AND taploom.`bu` <> 1)".to_owned()),
        ),
        ("bu > -1", Some("taploom.`bu` > -1".to_owned())),
        ("bu = 18446744073709551615", None),
        ("bu - i > 0", None),
        ("z = 42", Some("taploom.`z` = 42".to_owned())),
        ("b", Some("taploom.`b` = 1".to_owned())),
        ("NOT b", Some("taploom.`b` = 0".to_owned())),
        ("bi", Some("taploom.`bi` = 1".to_owned())),
        ("r = 0.1", Some("taploom.`r` = 1e-1".to_owned())),
        ("r >= 5e-324", Some("taploom.`r` >= 5e-324".to_owned())),
        ("r < 1.7976931348623157e308", Some("taploom.`r` < 1.7976931348623157e308".to_owned())),
        ("r = 0", Some("taploom.`r` = 0e0".to_owned())),
        ("r = 9007199254740993", None),
        ("r < 'inf'", None),
        ("r / 0 > 1", None),
        ("rr = 0.1", None),
        ("ff = 0.1", None),
        // 16777216 is sent as 16777200.
        (
            "f = 16777200",
            Some("(taploom.`f` >= 1.6777032228e7 AND taploom.`f` <= 1.6777367772e7)".to_owned()),
        ),
        ("f <> 16777200", None),
        ("f < 0.25", Some("taploom.`f` <= 2.500025e-1".to_owned())),
        (
            "f IN (0.25, 3)",
            Some(
                "((taploom.`f` >= 2.499975e-1 AND taploom.`f` <= 2.500025e-1) OR \
            (taploom.`f` >= 2.99997e0 AND taploom.`f` <= 3.00003e0))"
                    .to_owned(),
            ),
        ),
        ("f < r", None),
        ("de = '1.50'", None),
        // 70 would be the year 1970.
        ("y = 70", None),
        ("y > 1990", None),
        ("da >= '2027-01-03'", Some("taploom.`da` >= TIMESTAMP'2027-01-03 00:00:00'".to_owned())),
        ("da = '2027-01-02'", Some("taploom.`da` = TIMESTAMP'2027-01-02 00:00:00'".to_owned())),
        ("da < '2027-01-02 12:00:00'", None),
        ("dt > '2027-01-02'", Some("taploom.`dt` > TIMESTAMP'2027-01-02 00:00:00'".to_owned())),
        (
            "dt = '2027-01-02 00:00:01'",
            Some("taploom.`dt` = TIMESTAMP'2027-01-02 00:00:01'".to_owned()),
        ),
        ("dt > '2027-01-02 00:00:00.5'", None),
        ("dt < '0999-01-01'", None),
        ("d1 = '2027-01-02'", None),
        ("da < dt", Some("taploom.`da` < taploom.`dt`".to_owned())),
        (
            "ts <= '2027-01-02 00:00:00'",
            Some("taploom.`ts` <= TIMESTAMP'2027-01-02 00:00:00'".to_owned()),
        ),
        ("ts < '2050-01-01'", None),
        ("ts > '1960-01-01'", None),
        ("ti = '01:02:03'", None),
        ("t = 'a'", Some("taploom.`t` = _utf8mb4'a'".to_owned())),
        ("t IN ('a', 'it''s')", Some("taploom.`t` IN (_utf8mb4'a', _utf8mb4'it''s')".to_owned())),
        ("t = 'a\\'", Some("taploom.`t` = _utf8mb4 X'615c'".to_owned())),
        ("t = ''", Some("taploom.`t` = _utf8mb4 X''".to_owned())),
        ("t <> 'a'", Some(t("BYTES <> _utf8mb4'a'"))),
        ("t > 'a'", Some(t("BYTES > _utf8mb4'a'"))),
        ("t LIKE 'a%'", Some(t("(BYTES >= _utf8mb4'a' AND BYTES < _utf8mb4'b')"))),
        ("t ILIKE 'a%'", None),
        ("t NOT LIKE 'a%'", None),
        ("t IS DISTINCT FROM 'a'", Some(t("(taploom.`t` IS NULL OR BYTES <> _utf8mb4'a')"))),
        ("t < c", Some(t("BYTES < CAST(CONVERT(taploom.`c` USING utf8mb4) AS BINARY)"))),
        ("c = 'é'", Some("taploom.`c` = _utf8mb4'é'".to_owned())),
        // Two characters of cp932 are this one.
        ("k = '≒'", Some(format!("{BYTES_OF_K} = _utf8mb4'≒'"))),
        ("e = '1'", Some("taploom.`e` = _utf8mb4'1'".to_owned())),
        ("e = '3'", Some("taploom.`e` = _utf8mb4'3'".to_owned())),
        (
            "e < 'b'",
            Some("CAST(CONVERT(taploom.`e` USING utf8mb4) AS BINARY) < _utf8mb4'b'".to_owned()),
        ),
        ("s = 'x'", Some("taploom.`s` = _utf8mb4'x'".to_owned())),
        ("js = '1'", Some("taploom.`js` = _utf8mb4'1'".to_owned())),
        ("vb = X'61'", None),
        ("vb IS NULL", Some("taploom.`vb` IS NULL".to_owned())),
        ("de IS NOT NULL", Some("taploom.`de` IS NOT NULL".to_owned())),
        ("\"odd `\"\"'name\" = 2", Some("taploom.`odd ``\"'name` = 2".to_owned())),
        ("i = NULL", Some("1 = 0".to_owned())),
        ("t = 'a' AND f * 2 > 1", Some("taploom.`t` = _utf8mb4'a'".to_owned())),
        ("t = 'a' OR f * 2 > 1", None),
    ] {
        let wish = Wish { condition: Some(condition), ..Wish::default() };
        let (rows, ran) = asked("SELECT * FROM traps AS marker", wish).await;
        let rows = rows.unwrap_or_else(|error| panic!("{condition}: {error}"));
        assert_eq!(condition_of(&ran), pushed.as_deref(), "{condition}: {ran}");
        let all = ask(&LOGGED.url(), "SELECT * FROM traps LIMIT 9", wish).await.unwrap();
        assert_eq!(unordered(&rows), unordered(&all), "{condition}");
        assert_eq!(rows.schema(), all.schema());
    }
}

#[tokio::test]
async fn only_plain_queries_of_ordinary_tables_are_put_into_another() {
    traps();
    LOGGED
        .sql(
            "CREATE VIEW seen AS SELECT i, t, RAND() AS rnd FROM traps; CREATE SEQUENCE s;
             CREATE TABLE twins (i INT, t VARCHAR(3) COLLATE utf8mb4_general_ci);
             INSERT INTO twins VALUES (1, 'x'), (7, 'y')",
        )
        .unwrap();
    for (sql, select, condition, is_pushed) in [
        ("SELECT * FROM traps AS marker", Some("i"), None, true),
        ("SELECT * FROM traps AS marker;", None, Some("i < 3"), true),
        (
            "SELECT marker.i, t AS marker2 FROM `test`.`traps` marker WHERE f < 1 OR ABS(r) > 2",
            Some("i"),
            None,
            true,
        ),
        (
            "SELECT marker.*, w.t AS other FROM traps marker LEFT JOIN twins w ON marker.i = w.i",
            None,
            Some("other IS NULL"),
            true,
        ),
        ("SELECT * FROM traps NATURAL JOIN twins AS marker", None, Some("i < 3"), true),
        ("SELECT * FROM traps AS marker", None, Some("i + 1 < 3"), false),
        ("SELECT * FROM traps AS marker", None, None, false),
        ("SELECT * FROM traps AS marker ORDER BY i", Some("i"), None, false),
        ("SELECT * FROM traps AS marker LIMIT 2", Some("i"), None, false),
        ("SELECT * FROM traps AS marker -- all", Some("i"), None, false),
        ("SELECT * FROM traps AS marker # all", Some("i"), None, false),
        ("SELECT * FROM traps AS marker /*! LIMIT 1 */", Some("i"), None, false),
        ("SELECT * FROM traps AS marker WHERE t <> '\\''", Some("i"), None, false),
        ("WITH marker AS (SELECT * FROM traps) SELECT * FROM marker", Some("i"), None, false),
        ("SELECT * FROM (SELECT * FROM traps) AS marker", Some("i"), None, false),
        ("SELECT DISTINCT i, t FROM traps AS marker", Some("i"), None, false),
        (
            "SELECT i, t FROM traps AS marker UNION ALL SELECT i, t FROM twins",
            Some("i"),
            None,
            false,
        ),
        ("SELECT i, t FROM traps AS marker GROUP BY i", Some("i"), None, false),
        ("SELECT i, RAND(5) AS t FROM traps AS marker", Some("i"), None, false),
        ("SELECT i, i + 1 AS t FROM traps AS marker", Some("i"), None, false),
        ("SELECT COUNT(*) AS i, 1 AS t FROM traps AS marker", Some("i"), None, false),
        ("SELECT * FROM seen AS marker", Some("i"), None, false),
        ("SELECT * FROM seq_1_to_5 AS marker", None, Some("seq < 3"), false),
        ("SELECT * FROM information_schema.CHARACTER_SETS AS marker", Some("MAXLEN"), None, false),
        // Which of the two is meant?
        ("SELECT i, r AS I FROM traps AS marker", Some("\"I\""), None, false),
        ("SELECT marker.i, w.i, r FROM traps marker, twins w", Some("r"), None, false),
    ] {
        let wish = Wish { select, condition, ..Wish::default() };
        let (rows, ran) = asked(sql, wish).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(ran.contains(") AS taploom"), is_pushed, "{sql}: {ran}");
        // More than one connection may be needed, but not more than one run.
        let plain = sql.trim_end_matches(';').replace("marker", "plain");
        if is_pushed {
            let all = ask(&LOGGED.url(), &format!("{plain} LIMIT 99"), wish).await.unwrap();
            assert_eq!(unordered(&rows), unordered(&all), "{sql}");
            assert_eq!(rows.schema(), all.schema());
        }
    }
    for sql in ["SHOW TABLES", "SELECT 1 AS i", "CALL nothing()", "SELECT FROM"] {
        let wish = Wish { condition: Some("TRUE"), ..Wish::default() };
        let (pushed, plain) =
            (ask(&LOGGED.url(), sql, wish).await, ask(&LOGGED.url(), sql, Wish::default()).await);
        match (pushed, plain) {
            (Ok(pushed), Ok(plain)) => assert_eq!(pushed.num_rows(), plain.num_rows(), "{sql}"),
            (Err(pushed), Err(plain)) => assert_eq!(pushed.to_string(), plain.to_string()),
            _ => panic!("{sql}"),
        }
    }
}

#[tokio::test]
async fn a_query_alone_is_sent_as_it_is() {
    traps();
    let marker = marker();
    let sql = format!("SELECT * FROM traps AS {marker}");
    let location = LOGGED.url();
    let server = location.parse().unwrap();
    let source = mysql::query(&server, &sql, None, BatchLimits::default()).await;
    assert!(source.unwrap().next().await.unwrap().rows().is_some());
    let request = Request::new(&location).with_query(sql.as_str()).with_most_rows(2);
    rows_for(&request).await.unwrap();
    rows_for(&request.clone().with_sample(FirstIds::new("t", "i", 1))).await.unwrap();
    let query = || ("Query".to_owned(), sql.clone());
    assert_eq!(log_of(&marker), [query(), query(), query()]);

    // Nor where the session is left unchanged, for servers with another SQL.
    let unchanged = format!("{location}?session=unchanged");
    let wish = Wish { condition: Some("i < 3"), select: Some("i"), ..Wish::default() };
    assert_eq!(ask(&unchanged, &sql, wish).await.unwrap().num_rows(), 2);
    assert_eq!(log_of(&marker).len(), 4);
    assert_eq!(log_of(&marker)[3], query());
}

#[tokio::test]
async fn given_columns_and_samples_get_what_they_need() {
    traps();
    let list: ColumnList = serde_json::from_value(json!({"table": "mine", "columns": [
        {"name": "number", "datatype": "int", "unit": "m"}, {"name": "word", "ucd": "meta.id"},
        {"name": "text", "datatype": "char", "arraysize": "*"}, {}
    ]}))
    .unwrap();
    let sql = "SELECT i, t, f, vb FROM traps AS marker";
    let wish = Wish {
        select: Some("word, text"),
        condition: Some("word = 'a' AND number < 5 AND text LIKE '1%'"),
        columns: Some(&list),
    };
    let (pushed, ran) = asked(sql, wish).await;
    let pushed = pushed.unwrap();
    // What the types that were given make of the cells, the server does not know.
    assert_eq!(condition_of(&ran), Some("taploom.`t` = _utf8mb4'a'"), "{ran}");
    let listed = "SELECT taploom.`i` AS `i`, taploom.`t` AS `t`, taploom.`f` AS `f` FROM (\n";
    assert!(ran.starts_with(listed), "{ran}");
    let all = ask(&LOGGED.url(), &format!("{} LIMIT 9", sql.replace("marker", "m")), wish).await;
    let all = all.unwrap();
    assert_eq!((pushed.num_rows(), unordered(&pushed)), (1, unordered(&all)));
    assert_eq!(pushed.schema(), all.schema());

    let sample = |sql: &str| {
        let condition: Condition = "i < 4".parse().unwrap();
        let sql = sql.to_owned();
        async move {
            let location = LOGGED.url();
            let request = Request::new(&location)
                .with_query(sql.as_str())
                .with_sample(FirstIds::new("b", "i", 1))
                .with_condition(condition)
                .with_select("r".parse::<SelectList>().unwrap());
            unordered(&rows_for(&request).await.unwrap())
        }
    };
    let sampled = sample("SELECT * FROM traps").await;
    assert_eq!((sampled.len(), &sampled), (2, &sample("SELECT * FROM traps LIMIT 9").await));
}

#[tokio::test]
async fn zero_dates_and_other_errors_are_those_of_the_rows_that_are_read() {
    LOGGED
        .sql(
            "SET sql_mode = ''; CREATE TABLE zeros (i INT, d DATE NOT NULL, b BOOLEAN);
             INSERT INTO zeros VALUES (1, '2027-01-02', 1), (2, '0000-00-00', 2)",
        )
        .unwrap();
    let url = LOGGED.url();
    let ask = |condition| {
        let wish = Wish { condition: Some(condition), ..Wish::default() };
        ask(&url, "SELECT * FROM zeros", wish)
    };
    assert_eq!(ask("i < 2").await.unwrap().num_rows(), 1);
    assert_eq!(ask("d > '2000-01-01'").await.unwrap().num_rows(), 1);
    let error = ask("i > 1").await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::InvalidValue, Some(1)), "{error}");
    let error = ask("d IS NULL").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
}
