//! Which SQL a condition is translated to.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use taploom_expressions::{
    Condition, SqlColumn, SqlDialect, SqlKind, SqlSyntax, SqlValue, plain_select, tables_of_columns,
};
use taploom_model::ResultSchema;

/// A dialect with columns of every kind that writes values as literals.
struct Plain;

const COLUMNS: [(&str, DataType, SqlKind); 13] = [
    ("i", DataType::Int64, SqlKind::Integer),
    ("j", DataType::Int64, SqlKind::Integer),
    ("r", DataType::Float64, SqlKind::Real),
    ("s", DataType::Float64, SqlKind::Real),
    ("b", DataType::Boolean, SqlKind::Boolean),
    ("t", DataType::Utf8, SqlKind::Text),
    ("u", DataType::Utf8, SqlKind::Text),
    ("v", DataType::Utf8, SqlKind::Text),
    ("d", DataType::Timestamp(TimeUnit::Microsecond, None), SqlKind::Opaque),
    ("e", DataType::Timestamp(TimeUnit::Second, None), SqlKind::Instant),
    ("f", DataType::Date32, SqlKind::Instant),
    ("g", DataType::Float32, SqlKind::NearReal),
    ("h", DataType::Float64, SqlKind::NearReal),
];

/// The column whose text is compared only as a whole.
const SIMILAR: &str = "v";

impl SqlDialect for Plain {
    fn column(&self, column: usize) -> Option<SqlColumn> {
        let (name, _, kind) = &COLUMNS[column];
        let bytewise =
            (*kind == SqlKind::Text && *name != SIMILAR).then(|| format!("bytes({name})"));
        Some(SqlColumn { name: (*name).to_owned(), kind: *kind, bytewise })
    }

    fn value(&mut self, _column: usize, value: SqlValue) -> Option<String> {
        Some(match value {
            SqlValue::Integer(integer) => integer.to_string(),
            SqlValue::Real(real) => format!("{real:?}"),
            SqlValue::Text(text) => format!("\"{text}\""),
            SqlValue::Instant(micros) => format!("{micros} us"),
            _ => return None,
        })
    }
}

#[test]
fn what_is_certain_is_asked_of_the_database() {
    let fields = COLUMNS.map(|(name, data_type, _)| Field::new(name, data_type, true));
    let schema = ResultSchema::derived(Arc::new(Schema::new(fields.to_vec())));
    for (condition, sql) in [
        ("i < 5", Some("i < 5")),
        ("5 < i", Some("i > 5")),
        ("i < 5.0", Some("i < 5")),
        ("i < 5.5", None),
        ("i = 18446744073709551615", None),
        ("r < 0.1", Some("r < 0.1")),
        ("r < 5", Some("r < 5.0")),
        ("r < 9007199254740993", None),
        ("r > 'nan'", None),
        ("r < 'inf'", None),
        ("i < j", Some("i < j")),
        ("r <> s", Some("r <> s")),
        ("i < r", None),
        ("i + 1 < 5", None),
        ("t < 'b'", Some("bytes(t) < \"b\"")),
        ("t <> u", Some("bytes(t) <> bytes(u)")),
        ("v = 'b'", Some("v = \"b\"")),
        ("v <> 'b'", None),
        ("v = t", None),
        ("v IS DISTINCT FROM 'b'", None),
        ("t IS DISTINCT FROM 'b'", Some("(t IS NULL OR bytes(t) <> \"b\")")),
        ("NOT v = 'b'", None),
        ("NOT v <> 'b'", Some("v = \"b\"")),
        ("v < 'b'", None),
        ("d IS NULL", Some("d IS NULL")),
        ("NOT d IS NULL", Some("d IS NOT NULL")),
        ("d < '2027-01-01'", None),
        ("e < '1970-01-01 00:00:01'", Some("e < 1000000 us")),
        ("e IN ('1970-01-01', '1970-01-02 00:00:00')", Some("e IN (0 us, 86400000000 us)")),
        ("e < '1970-01-01 00:00:00.5'", None),
        ("f = '1970-01-02'", Some("f = 86400000000 us")),
        ("f > '1970-01-01 12:00:00'", None),
        ("e > f", Some("e > f")),
        ("e > d", None),
        ("g < 2", Some("g <= 2.00002")),
        ("g > -2", Some("g >= -2.00002")),
        ("g = 0", Some("(g >= -1.1754943508222875e-38 AND g <= 1.1754943508222875e-38)")),
        ("NOT g <> 2", Some("(g >= 1.99998 AND g <= 2.00002)")),
        ("g <> 2", None),
        ("g IS DISTINCT FROM 2", None),
        ("g IN (2)", Some("(g >= 1.99998 AND g <= 2.00002)")),
        ("g < 'inf'", None),
        ("h < 1.7976931348623157e308", None),
        ("g < h", None),
        ("b", Some("b = 1")),
        ("NOT b", Some("b = 0")),
        ("b = FALSE", Some("b = 0")),
        ("b IS TRUE", Some("b = 1")),
        ("b IS NOT TRUE", None),
        ("(i < 5) IS FALSE", Some("i >= 5")),
        ("(i < 5) IS NULL", None),
        ("i = NULL", Some("1 = 0")),
        ("i BETWEEN 1 AND 5", Some("(i >= 1 AND i <= 5)")),
        ("i NOT BETWEEN 1 AND 5", Some("(i < 1 OR i > 5)")),
        ("i IN (1, 2, NULL)", Some("i IN (1, 2)")),
        ("i IN (1, 2.5)", None),
        ("i NOT IN (1, 2)", Some("(i <> 1 AND i <> 2)")),
        ("i NOT IN (1, NULL)", Some("(i <> 1 AND 1 = 0)")),
        ("v IN ('a', 'b')", Some("v IN (\"a\", \"b\")")),
        ("v NOT IN ('a', 'b')", None),
        // So many values are looked up, which the database does not see.
        ("i IN (9, 8, 7, 6, 5, 4, 3, 2, NULL, 2)", Some("i IN (9, 8, 7, 6, 5, 4, 3, 2, 2)")),
        (
            "i NOT IN (1, 2, 3, 4, 5, 6, 7, 8)",
            Some(
                "(i <> 1 AND i <> 2 AND i <> 3 AND i <> 4 AND i <> 5 AND i <> 6 AND i <> 7 AND i <> 8)",
            ),
        ),
        ("i IS DISTINCT FROM 5", Some("(i IS NULL OR i <> 5)")),
        ("i IS NOT DISTINCT FROM 5", Some("i = 5")),
        ("NOT i IS DISTINCT FROM 5", Some("i = 5")),
        ("i IS DISTINCT FROM NULL", Some("i IS NOT NULL")),
        ("t LIKE 'a%'", Some("(bytes(t) >= \"a\" AND bytes(t) < \"b\")")),
        ("t LIKE 'a_c%'", Some("(bytes(t) >= \"a\" AND bytes(t) < \"b\")")),
        ("t LIKE 'a!%c' ESCAPE '!'", Some("t = \"a%c\"")),
        ("t LIKE '%a'", None),
        ("t LIKE '\u{d7ff}%'", Some("(bytes(t) >= \"\u{d7ff}\" AND bytes(t) < \"\u{e000}\")")),
        ("t LIKE '\u{10ffff}%'", Some("bytes(t) >= \"\u{10ffff}\"")),
        ("t NOT LIKE 'a%'", None),
        ("t ILIKE 'a%'", None),
        ("v LIKE 'a%'", None),
        ("v LIKE 'a'", Some("v = \"a\"")),
        // AND needs one translatable side, OR needs both.
        ("i < 5 AND t LIKE '%a' AND b", Some("(i < 5 AND b = 1)")),
        ("i < 5 OR t LIKE '%a'", None),
        ("NOT (i < 5 AND t = 'a')", Some("(i >= 5 OR bytes(t) <> \"a\")")),
        ("NOT (i < 5 OR t LIKE '%a')", Some("i >= 5")),
        ("NOT (i < 5 AND t LIKE '%a')", None),
        (
            "(i < 5 AND t LIKE '%a') OR (i > 9 AND d IS NULL)",
            Some("(i < 5 OR (i > 9 AND d IS NULL))"),
        ),
        ("TRUE", None),
        ("FALSE", Some("1 = 0")),
    ] {
        let bound = condition.parse::<Condition>().unwrap().bind(&schema);
        let bound = bound.unwrap_or_else(|error| panic!("{condition}: {error}"));
        assert_eq!(bound.to_sql(&mut Plain).as_deref(), sql, "{condition}");
    }
}

/// What is plain in every database.
const PLAIN: &[(&str, Option<&str>)] = &[
    ("SELECT a FROM t", Some("SELECT a FROM t")),
    (
        " select a, b AS \"ORDER\" from t join u using (a) ;\n",
        Some("select a, b AS \"ORDER\" from t join u using (a)"),
    ),
    ("SELECT `union` FROM `limit`", Some("SELECT `union` FROM `limit`")),
    ("SELECT ';' FROM t", Some("SELECT ';' FROM t")),
    ("SELECT a FROM t order by a", None),
    ("SELECT a FROM t LIMIT 5", None),
    ("SELECT DISTINCT a FROM t", None),
    ("SELECT a FROM t GROUP BY a", None),
    ("SELECT a FROM (SELECT a FROM t)", None),
    ("SELECT a FROM t UNION ALL SELECT b FROM t", None),
    ("WITH t AS (SELECT 1 AS a) SELECT a FROM t", None),
    ("VALUES (1)", None),
    ("SELECT a FROM t WHERE a = ?", None),
    ("SELECT a FROM t WHERE a = :a", None),
    ("SELECT a FROM t -- all", None),
    ("SELECT a FROM t /*! LIMIT 1 */", None),
    ("SELECT a FROM t; SELECT b FROM t", None),
    ("SELECT 'a", None),
    ("", None),
];

#[test]
fn only_a_plain_select_is_put_into_another_query() {
    for (query, plain) in PLAIN {
        for syntax in [SqlSyntax::Sqlite, SqlSyntax::Mysql] {
            assert_eq!(plain_select(query, syntax), *plain, "{query}");
        }
    }
    let bracketed = "SELECT `union` FROM [limit]";
    assert_eq!(plain_select(bracketed, SqlSyntax::Sqlite), Some(bracketed));
    // Under one `sql_mode`, the text ends before the LIMIT; under another, with it.
    for query in [
        "SELECT a FROM t WHERE a <> '\\' LIMIT 5 -- '",
        "SELECT a FROM t WHERE a <> '\\'",
        "SELECT a FROM t # LIMIT 5",
        "SELECT a FROM t WHERE a = 5--1",
        "SELECT a FROM t WHERE b = '--'",
        "SELECT a FROM\u{a0}t",
        "SELECT a FROM t\u{b}",
        "SELECT DISTINCTROW a FROM t",
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM t LOCK IN SHARE MODE",
        "SELECT a FROM t INTO OUTFILE 'f'",
        "SELECT a FROM t PROCEDURE ANALYSE()",
        "SELECT a FROM t WHERE ROWNUM() < 5",
        "SELECT s.nextval, a FROM t",
        "SET STATEMENT max_statement_time=1 FOR SELECT a FROM t",
    ] {
        assert_eq!(plain_select(query, SqlSyntax::Mysql), None, "{query}");
    }
}

#[test]
fn tables_are_known_where_nothing_is_calculated() {
    for (query, tables) in [
        ("SELECT * FROM t", Some("t")),
        (
            "SELECT t.*, `a b`, u.c AS d FROM t JOIN s.`u ``v` AS u USING (a), w",
            Some("t, s.u `v, w"),
        ),
        ("SELECT a FROM t WHERE abs(b) < 5 AND c BETWEEN 1 AND 2", Some("t")),
        ("SELECT a FROM t LEFT JOIN u ON t.a = u.a", Some("t, u")),
        ("SELECT a, rand() FROM t", None),
        ("SELECT a + 1 FROM t", None),
        ("SELECT 'a' FROM t", None),
        ("SELECT \"a\" FROM t", None),
        ("SELECT 1", None),
        ("SELECT * FROM qserv_result(17)", None),
        ("SELECT * FROM (t)", None),
        ("SELECT * FROM a.b.c", None),
        ("SHOW TABLES", None),
        ("SELECT FROM", None),
    ] {
        let named = tables_of_columns(query, SqlSyntax::Mysql).map(|tables| {
            let names = tables.iter().map(|table| match &table.database {
                Some(database) => format!("{database}.{}", table.name),
                None => table.name.clone(),
            });
            names.collect::<Vec<_>>().join(", ")
        });
        assert_eq!(named.as_deref(), tables, "{query}");
    }
}
