//! Results of any size and shape, and queries that are refused.

use super::*;

#[tokio::test]
async fn a_thousand_columns() {
    let columns = (0..1_017).map(|n| format!("{n} AS c{n}")).collect::<Vec<_>>().join(", ");
    let rows = rows(&format!("SELECT {columns}")).await;
    assert_eq!((rows.num_columns(), rows.num_rows()), (1_017, 1));
    for index in [0, 500, 1_016] {
        let value = rows.column(index).as_primitive::<Int32Type>().value(0);
        assert_eq!(value as usize, index);
    }
}

#[tokio::test]
async fn batches_end_at_rows_or_bytes() {
    let query = many(10_000);
    let mut source = start(&query, BatchLimits { rows: 300, bytes: usize::MAX }).await;
    let mut sizes = Vec::new();
    while let Step::Rows(batch) = source.next().await.unwrap() {
        sizes.push(batch.num_rows());
    }
    assert_eq!((sizes.len(), sizes[0], sizes[33]), (34, 300, 100));

    let mut source = start(&query, BatchLimits { rows: 2000, bytes: 10_000 }).await;
    let first = source.next().await.unwrap().rows().unwrap();
    // 101 bytes of text, and up to 6 of the number.
    assert!((94..=98).contains(&first.num_rows()), "{} rows", first.num_rows());
}

#[tokio::test]
async fn rows_of_more_than_16_mib() {
    let mut source = start(
        "SELECT seq, REPEAT('x', seq * 17825792), 'end' FROM seq_1_to_2",
        BatchLimits::default(),
    )
    .await;
    for number in 1..=2 {
        let batch = source.next().await.unwrap().rows().unwrap();
        assert_eq!(batch.num_rows(), 1);
        let text = batch.column(1).as_string::<i32>().value(0);
        assert_eq!(text.len(), number * (17 << 20));
        assert_eq!(batch.column(2).as_string::<i32>().value(0), "end");
    }
    assert!(source.next().await.unwrap().rows().is_none());

    let url = format!("{}?max-packet=1000000", SERVER.url());
    let error = rows_of(&url, "SELECT REPEAT('x', 2000000)", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resources);
    assert!(error.message().contains("max-packet"), "{error}");
}

#[tokio::test]
async fn a_result_without_rows_has_columns() {
    let read = rows("SELECT 1 AS a, 'x' AS b FROM dual WHERE FALSE").await;
    assert_eq!((read.num_columns(), read.num_rows()), (2, 0));
}

#[tokio::test]
async fn wrong_queries_are_the_callers_fault() {
    for (query, code) in [
        ("SELEC 1", 1064),
        ("SELECT nothing FROM nowhere", 1146),
        ("SELECT no_such_function(1)", 1305),
        // One statement a query.
        ("SELECT 1; SELECT 2", 1064),
        ("INSERT INTO mysql.user SELECT * FROM mysql.user", 1792),
    ] {
        let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{query}: {error:#}");
        assert_eq!(server_error(&error).code, code, "{query}: {error:#}");
        assert!(format!("{error:#}").contains(&format!("error {code} (")), "{error:#}");
    }
    let error = rows_of(&SERVER.url(), "SET @a = 1", None).await.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("gives no rows"), "{error}");
    let request = Request::new("mysql://u:secret@127.0.0.1/d");
    let Err(error) = open(&request).await else { panic!("no query was given") };
    assert!(error.message().contains("needs a query"), "{error}");
}

#[tokio::test]
async fn no_file_of_this_machine_is_given_away() {
    SERVER.sql("CREATE TABLE loot (t TEXT)").unwrap();
    let url = format!("{}?session=unchanged", SERVER.url());
    let options: MysqlOptions = url.parse().unwrap();
    let mut connection = MysqlConnection::connect(&options).await.unwrap();
    let load = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE loot";
    assert!(connection.execute(load).await.is_err());
    assert_eq!(SERVER.sql("SELECT COUNT(*) FROM loot").unwrap().trim(), "0");
}

#[tokio::test]
async fn plain_statements() {
    let options = MysqlOptions { session: Session::Unchanged, ..options() };
    let mut connection = MysqlConnection::connect(&options).await.unwrap();
    connection.execute("CREATE TABLE plain (n INT)").await.unwrap();
    assert_eq!(connection.execute("INSERT INTO plain VALUES (1), (2), (3)").await.unwrap(), 3);
    // Rows that nobody asked for leave the connection in order.
    assert_eq!(connection.execute("SELECT * FROM plain").await.unwrap(), 0);
    let error = connection.execute("DROP TABLE nothing").await.unwrap_err();
    assert_eq!(server_error(&error).code, 1051);
    let source = connection.query("SELECT SUM(n) FROM plain", None, BatchLimits::default()).await;
    let batch = source.unwrap().next().await.unwrap().rows().unwrap();
    assert_eq!(texts(&batch, 0), [Some("6".to_owned())]);
    MysqlConnection::connect(&options).await.unwrap().close().await;
}

#[tokio::test]
async fn wide_text_is_read_whole() {
    let mut query = "SELECT ".to_owned();
    for length in [250, 251, 252, 65_535, 65_536] {
        write!(query, "REPEAT('é', {length}), ").unwrap();
    }
    query.push_str("'end'");
    let rows = rows(&query).await;
    for (index, length) in [250, 251, 252, 65_535, 65_536].into_iter().enumerate() {
        let text: &StringArray = rows.column(index).as_string();
        assert_eq!(text.value(0), "é".repeat(length));
    }
}
