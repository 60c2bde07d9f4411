//! Unusual queries, and messages of the server other than rows.

use arrow_array::types::Int64Type;

use super::*;

#[tokio::test]
async fn a_query_may_have_no_columns() {
    for (query, rows_expected) in
        [("SELECT", 1), ("SELECT FROM generate_series(1, 3)", 3), ("SELECT WHERE false", 0)]
    {
        let read = rows(query).await;
        assert_eq!((read.num_columns(), read.num_rows()), (0, rows_expected), "{query}");
    }
}

#[tokio::test]
async fn as_many_columns_as_the_server_allows() {
    let columns: Vec<String> = (0..1_664).map(|n| format!("{n}::int8 AS \"c{n:062}\"")).collect();
    let read = rows(&format!("SELECT {}", columns.join(", "))).await;
    assert_eq!((read.num_columns(), read.num_rows()), (1_664, 1));
    for (index, column) in read.columns().iter().enumerate() {
        assert_eq!(column.as_primitive::<Int64Type>().value(0), index as i64);
    }
    let query = format!("SELECT {}, 1", columns.join(", "));
    let error = rows_of(&SERVER.url(), &query, None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").contains("54011"), "{error:#}");
}

#[tokio::test]
async fn columns_may_have_no_names() {
    let query = "SELECT 1, 2, 3 AS \" \", 4 AS \"α 🙂\", count(*), current_date IS NULL";
    let read = rows(query).await;
    let schema = read.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["?column?", "?column?", " ", "α 🙂", "count", "?column?"]);
}

#[tokio::test]
async fn statements_that_give_rows_are_read() {
    SERVER
        .sql(
            "CREATE PROCEDURE twice(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := 2 * n; END';
             CREATE FUNCTION duo(OUT a int, OUT b text) LANGUAGE sql AS $$ SELECT 1, 'x' $$",
        )
        .unwrap();
    for (query, expected) in
        [("CALL twice(21)", "42"), ("SHOW server_encoding", "UTF8"), ("SELECT duo()", "(1,x)")]
    {
        assert_eq!(texts(&rows(query).await, 0), [Some(expected.to_owned())], "{query}");
    }
    let plan = rows("EXPLAIN SELECT 1").await;
    assert_eq!(plan.schema().field(0).name(), "QUERY PLAN");
    assert!(rows("SHOW ALL").await.num_rows() > 100);
}

#[tokio::test]
async fn nothing_can_be_changed() {
    SERVER.sql("CREATE TABLE fixed (n int); CREATE SEQUENCE counter").unwrap();
    for (query, code) in [
        ("EXPLAIN ANALYZE INSERT INTO fixed VALUES (1)", "25006"),
        ("SELECT * FROM fixed FOR UPDATE", "25006"),
        ("SELECT nextval('counter')", "25006"),
        ("SELECT query_to_xml('DELETE FROM fixed', true, true, '')", "0A000"),
    ] {
        let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
        assert!(error.is_caller_fault(), "{query}: {error:#}");
        assert!(format!("{error:#}").contains(code), "{query}: {error:#}");
    }
}

#[tokio::test]
async fn notices_are_ignored() {
    SERVER
        .sql(
            "CREATE FUNCTION chatty(n int, length int) RETURNS int LANGUAGE plpgsql AS
             $$ BEGIN RAISE NOTICE '%', repeat('x', length); RETURN n; END $$",
        )
        .unwrap();
    for (calls, length) in [(20_000, 10), (200, 70_000), (2, 10_000_000)] {
        let query = format!("SELECT chatty(n, {length}) FROM generate_series(1, {calls}) n");
        let read = rows(&query).await;
        let numbers = read.column(0).as_primitive::<Int32Type>().values();
        assert!(numbers.iter().copied().eq(1..=calls), "{length}");
    }
}

#[tokio::test]
async fn a_cell_of_100_mib_needs_to_be_allowed() {
    let query = "SELECT 1, repeat('x', 104857600), 2";
    let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resources, "{error:#}");
    assert!(error.message().contains("max_row=BYTES"), "{error}");
    let url = format!("{}?max_row=105000000", SERVER.url());
    let read = rows_of(&url, query, None).await.unwrap();
    assert_eq!(read.column(1).as_string::<i32>().value(0).len(), 104_857_600);
    assert_eq!(texts(&read, 2), [Some("2".to_owned())]);
}

#[tokio::test]
async fn a_query_that_changes_the_encoding_is_refused() {
    let query = "SELECT 'Ã©' FROM (SELECT set_config('client_encoding', 'LATIN1', true) AS s OFFSET 0) t \
                 WHERE s IS NOT NULL";
    let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").contains("LATIN1"), "{error:#}");
}

#[tokio::test]
async fn a_message_of_many_megabytes_is_cut() {
    let query = "SELECT repeat('x', 10000000)::int";
    let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").len() < 3000, "{error}");
}
