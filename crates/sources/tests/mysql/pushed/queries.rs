//! Queries that become a subquery of the query that selects rows and columns, and queries that are sent as they are.

use super::*;

#[tokio::test]
async fn only_plain_queries_of_ordinary_tables_become_subqueries() {
    create_traps();
    LOGGING_SERVER
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
        // Two columns have the name.
        ("SELECT i, r AS I FROM traps AS marker", Some("\"I\""), None, false),
        ("SELECT marker.i, w.i, r FROM traps marker, twins w", Some("r"), None, false),
    ] {
        let selection = Selection { select, condition, ..Selection::default() };
        let (rows, executed) = rows_and_executed_sql(sql, selection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(executed.contains(") AS taploom"), is_pushed, "{sql}: {executed}");
        let plain = sql.trim_end_matches(';').replace("marker", "plain");
        if is_pushed {
            let all = selected_rows(&LOGGING_SERVER.url(), &format!("{plain} LIMIT 99"), selection)
                .await
                .unwrap();
            assert_eq!(unordered(&rows), unordered(&all), "{sql}");
            assert_eq!(rows.schema(), all.schema());
        }
    }
    for sql in ["SHOW TABLES", "SELECT 1 AS i", "CALL nothing()", "SELECT FROM"] {
        let selection = Selection { condition: Some("TRUE"), ..Selection::default() };
        let (pushed, plain) = (
            selected_rows(&LOGGING_SERVER.url(), sql, selection).await,
            selected_rows(&LOGGING_SERVER.url(), sql, Selection::default()).await,
        );
        match (pushed, plain) {
            (Ok(pushed), Ok(plain)) => assert_eq!(pushed.num_rows(), plain.num_rows(), "{sql}"),
            (Err(pushed), Err(plain)) => assert_eq!(pushed.to_string(), plain.to_string()),
            _ => panic!("{sql}"),
        }
    }
}

#[tokio::test]
async fn a_query_from_which_nothing_is_selected_is_sent_as_it_is() {
    create_traps();
    let marker = unique_marker();
    let sql = format!("SELECT * FROM traps AS {marker}");
    let location = LOGGING_SERVER.url();
    let server = location.parse().unwrap();
    let source = mysql::query(&server, &sql, None, BatchLimits::default()).await;
    assert!(source.unwrap().next().await.unwrap().rows().is_some());
    let request = Request::new(&location).with_query(sql.as_str()).with_most_rows(2);
    rows_for(&request).await.unwrap();
    rows_for(&request.clone().with_sample(FirstIds::new("t", "i", 1))).await.unwrap();
    let query = || ("Query".to_owned(), sql.clone());
    assert_eq!(log_of(&marker), [query(), query(), query()]);

    // With session=unchanged, the server may have another dialect of SQL.
    let unchanged = format!("{location}?session=unchanged");
    let selection =
        Selection { condition: Some("i < 3"), select: Some("i"), ..Selection::default() };
    assert_eq!(selected_rows(&unchanged, &sql, selection).await.unwrap().num_rows(), 2);
    assert_eq!(log_of(&marker).len(), 4);
    assert_eq!(log_of(&marker)[3], query());
}

#[tokio::test]
async fn declared_columns_and_samples_are_taken_into_account() {
    create_traps();
    let list: ColumnList = serde_json::from_value(json!({"table": "mine", "columns": [
        {"name": "number", "datatype": "int", "unit": "m"}, {"name": "word", "ucd": "meta.id"},
        {"name": "text", "datatype": "char", "arraysize": "*"}, {}
    ]}))
    .unwrap();
    let sql = "SELECT i, t, f, vb FROM traps AS marker";
    let selection = Selection {
        select: Some("word, text"),
        condition: Some("word = 'a' AND number < 5 AND text LIKE '1%'"),
        columns: Some(&list),
    };
    let (pushed, executed) = rows_and_executed_sql(sql, selection).await;
    let pushed = pushed.unwrap();
    // The server does not know how cells are read as the declared types.
    assert_eq!(condition_of(&executed), Some("taploom.`t` = _utf8mb4'a'"), "{executed}");
    let listed = "SELECT taploom.`i` AS `i`, taploom.`t` AS `t`, taploom.`f` AS `f` FROM (\n";
    assert!(executed.starts_with(listed), "{executed}");
    let all = selected_rows(
        &LOGGING_SERVER.url(),
        &format!("{} LIMIT 9", sql.replace("marker", "m")),
        selection,
    )
    .await;
    let all = all.unwrap();
    assert_eq!((pushed.num_rows(), unordered(&pushed)), (1, unordered(&all)));
    assert_eq!(pushed.schema(), all.schema());

    let sample = |sql: &str| {
        let condition: Condition = "i < 4".parse().unwrap();
        let sql = sql.to_owned();
        async move {
            let location = LOGGING_SERVER.url();
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
