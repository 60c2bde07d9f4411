//! Which SQL a condition is translated to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use taploom_expressions::{Condition, SqlColumn, SqlDialect, SqlKind, SqlValue, plain_select};
use taploom_model::ResultSchema;

/// A dialect with columns of every kind that writes values as literals.
struct Plain;

const COLUMNS: [(&str, DataType, SqlKind); 9] = [
    ("i", DataType::Int64, SqlKind::Integer),
    ("j", DataType::Int64, SqlKind::Integer),
    ("r", DataType::Float64, SqlKind::Real),
    ("s", DataType::Float64, SqlKind::Real),
    ("b", DataType::Boolean, SqlKind::Boolean),
    ("t", DataType::Utf8, SqlKind::Text),
    ("u", DataType::Utf8, SqlKind::Text),
    ("v", DataType::Utf8, SqlKind::SimilarText),
    ("d", DataType::Timestamp(TimeUnit::Microsecond, None), SqlKind::Opaque),
];

impl SqlDialect for Plain {
    fn column(&self, column: usize) -> Option<SqlColumn> {
        let (name, _, kind) = &COLUMNS[column];
        Some(SqlColumn { name: (*name).to_owned(), kind: *kind })
    }

    fn value(&mut self, value: SqlValue) -> Option<String> {
        Some(match value {
            SqlValue::Integer(integer) => integer.to_string(),
            SqlValue::Real(real) => format!("{real:?}"),
            SqlValue::Text(text) => format!("\"{text}\""),
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
        ("t < 'b'", Some("t < \"b\"")),
        ("t <> u", Some("t <> u")),
        ("v = 'b'", Some("v = \"b\"")),
        ("v <> 'b'", None),
        ("NOT v = 'b'", None),
        ("NOT v <> 'b'", Some("v = \"b\"")),
        ("v < 'b'", None),
        ("d IS NULL", Some("d IS NULL")),
        ("NOT d IS NULL", Some("d IS NOT NULL")),
        ("d < '2027-01-01'", None),
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
        ("i IS DISTINCT FROM 5", Some("(i IS NULL OR i <> 5)")),
        ("i IS NOT DISTINCT FROM 5", Some("i = 5")),
        ("NOT i IS DISTINCT FROM 5", Some("i = 5")),
        ("i IS DISTINCT FROM NULL", Some("i IS NOT NULL")),
        ("t LIKE 'a%'", Some("(t >= \"a\" AND t < \"b\")")),
        ("t LIKE 'a_c%'", Some("(t >= \"a\" AND t < \"b\")")),
        ("t LIKE 'a!%c' ESCAPE '!'", Some("t = \"a%c\"")),
        ("t LIKE '%a'", None),
        ("t LIKE '\u{d7ff}%'", Some("(t >= \"\u{d7ff}\" AND t < \"\u{e000}\")")),
        ("t LIKE '\u{10ffff}%'", Some("t >= \"\u{10ffff}\"")),
        ("t NOT LIKE 'a%'", None),
        ("t ILIKE 'a%'", None),
        ("v LIKE 'a%'", None),
        ("v LIKE 'a'", Some("v = \"a\"")),
        // AND needs one translatable side, OR needs both.
        ("i < 5 AND t LIKE '%a' AND b", Some("(i < 5 AND b = 1)")),
        ("i < 5 OR t LIKE '%a'", None),
        ("NOT (i < 5 AND t = 'a')", Some("(i >= 5 OR t <> \"a\")")),
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

#[test]
fn only_a_plain_select_is_put_into_another_query() {
    for (query, plain) in [
        ("SELECT a FROM t", Some("SELECT a FROM t")),
        (
            " select a, b AS \"ORDER\" from t join u using (a) ;\n",
            Some("select a, b AS \"ORDER\" from t join u using (a)"),
        ),
        ("SELECT `union` FROM [limit]", Some("SELECT `union` FROM [limit]")),
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
    ] {
        assert_eq!(plain_select(query), plain, "{query}");
    }
}
