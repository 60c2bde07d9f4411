//! Queries are sent as they are given, and errors of the server are reported.

use super::*;

#[tokio::test]
async fn a_query_is_sent_as_it_is_given() {
    SERVER.sql("CREATE TABLE IF NOT EXISTS one AS SELECT 1 AS a").unwrap();
    let queries = [
        "SELECT 1 AS a;",
        "SELECT 1 AS a -- a comment",
        "/* a comment */ SELECT 1 AS a; -- another one",
        "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
        "VALUES (1)",
        "SELECT * FROM one",
    ];
    for query in queries.iter().chain(Server::QUERIES_FOR_ONE) {
        assert_eq!(texts(&rows(query).await, 0), [Some("1".to_owned())], "{query}");
    }
    let (query, time_zone) = Server::TIME_ZONE_QUERY;
    assert_eq!(texts(&rows(query).await, 0), [Some(time_zone.to_owned())]);
}

#[tokio::test]
async fn wrong_queries_are_the_callers_fault() {
    SERVER.sql("CREATE TABLE kept (n int)").unwrap();
    let queries = [
        ("SELEC 1", Server::SYNTAX_ERROR),
        ("SELECT nothing FROM nowhere", Server::UNKNOWN_TABLE),
        ("SELECT no_such_function(1)", Server::UNKNOWN_FUNCTION),
        // A query is a single statement.
        ("SELECT 1; SELECT 2", Server::SYNTAX_ERROR),
        ("INSERT INTO kept VALUES (1) RETURNING n", Server::READ_ONLY),
    ];
    for (query, code) in queries.iter().chain(Server::INVALID_QUERIES) {
        let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{query}: {error:#}");
        assert_eq!(Server::code(&error), *code, "{query}: {error:#}");
        let shown = format!("error {code}{}", Server::AFTER_CODE);
        assert!(format!("{error:#}").contains(&shown), "{error:#}");
    }
    assert_eq!(SERVER.sql("SELECT COUNT(*) FROM kept").unwrap().trim(), "0");
    for (query, words) in Server::STATEMENTS_WITHOUT_ROWS {
        let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
        let shown = format!("{error:#}");
        assert!(error.is_caller_fault() && shown.contains(words), "{query}: {shown}");
    }
    let nothing = format!("{}://u:secret@127.0.0.1/d", Server::SCHEME);
    let Err(error) = open(&Request::new(&nothing)).await else { panic!("no query was given") };
    assert!(error.message().contains("needs a query"), "{error}");
}
