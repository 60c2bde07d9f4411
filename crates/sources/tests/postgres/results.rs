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

    // A row has the number of its columns, two lengths, 4 bytes of a number and 100 of text.
    let mut source = start(&query, BatchLimits { rows: 2000, bytes: 11_400 }).await;
    let first = source.next().await.unwrap().rows().unwrap();
    assert_eq!(first.num_rows(), 100);
}

#[tokio::test]
async fn numbers_of_many_rows_are_right() {
    let query = format!(
        "SELECT n::int8, n / 7e0::float8, CASE WHEN n % 3 <> 0 THEN n END FROM generate_series(1, {NUMBERS}) n"
    );
    let mut source = start(&query, BatchLimits::default()).await;
    let mut number = 0_i64;
    while let Step::Rows(batch) = source.next().await.unwrap() {
        let integers = batch.column(0).as_primitive::<Int64Type>();
        let floats = batch.column(1).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            number += 1;
            assert_eq!(integers.value(row), number);
            assert_eq!(floats.value(row), number as f64 / 7.0);
            assert_eq!(batch.column(2).is_null(row), number % 3 == 0);
        }
    }
    assert_eq!(number, i64::from(NUMBERS));
}

#[tokio::test]
async fn large_rows_are_read_up_to_a_limit() {
    let query = "SELECT n, repeat('x', n * 17825792), 'end' FROM generate_series(1, 2) n";
    let mut source = start(query, BatchLimits::default()).await;
    for number in 1..=2 {
        let batch = source.next().await.unwrap().rows().unwrap();
        assert_eq!(batch.num_rows(), 1);
        let text = batch.column(1).as_string::<i32>().value(0);
        assert_eq!(text.len(), number * (17 << 20));
        assert_eq!(batch.column(2).as_string::<i32>().value(0), "end");
    }
    assert!(source.next().await.unwrap().rows().is_none());

    let url = format!("{}?max_row=1000000", SERVER.url());
    let error = rows_of(&url, "SELECT repeat('x', 2000000)", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resources);
    assert!(error.message().contains("max_row"), "{error}");
}

/// The rows have four times the size of the memory that they may take.
#[test]
fn a_wide_result_takes_little_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let columns = (0..991).map(|n| format!("n + {n}::float8")).collect::<Vec<_>>().join(", ");
    let query = format!("SELECT {columns} FROM generate_series(1, 5500) n");
    let meter = HeapMeter::start().unwrap();
    let rows = runtime.block_on(async {
        let mut source = start(&query, BatchLimits::default()).await;
        let mut rows = 0;
        while let Step::Rows(batch) = source.next().await.unwrap() {
            rows += batch.num_rows();
        }
        rows
    });
    assert_eq!(rows, 5_500);
    let peak = meter.peak() >> 20;
    assert!(peak <= 16, "{peak} MiB");
}

#[tokio::test]
async fn a_result_without_rows_has_columns() {
    let read = rows("SELECT 1 AS a, 'x' AS b WHERE FALSE").await;
    assert_eq!((read.num_columns(), read.num_rows()), (2, 0));
}

#[tokio::test]
async fn a_query_is_sent_as_it_is_given() {
    for query in [
        "SELECT 1 AS a;",
        "SELECT 1 AS a -- a comment",
        "/* a comment */ SELECT 1 AS a; -- another one",
        "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
        "VALUES (1)",
        "TABLE one",
    ] {
        SERVER.sql("CREATE TABLE IF NOT EXISTS one AS SELECT 1 AS a").unwrap();
        let read = rows(query).await;
        assert_eq!(texts(&read, 0), [Some("1".to_owned())], "{query}");
    }
    assert_eq!(texts(&rows("SHOW TimeZone").await, 0), [Some("UTC".to_owned())]);
}

#[tokio::test]
async fn wrong_queries_are_the_callers_fault() {
    SERVER.sql("CREATE TABLE IF NOT EXISTS kept (n int)").unwrap();
    for (query, sqlstate) in [
        ("SELEC 1", "42601"),
        ("SELECT nothing FROM nowhere", "42P01"),
        ("SELECT no_such_function(1)", "42883"),
        // One statement a query.
        ("SELECT 1; SELECT 2", "42601"),
        ("INSERT INTO kept VALUES (1) RETURNING n", "25006"),
        ("WITH d AS (DELETE FROM kept RETURNING n) SELECT * FROM d", "25006"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "25001"),
        ("SELECT 1 / (n - 5) FROM generate_series(1, 9) n", "22012"),
    ] {
        let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{query}: {error:#}");
        assert_eq!(server_error(&error).sqlstate, sqlstate, "{query}: {error:#}");
        assert!(format!("{error:#}").contains(&format!("error {sqlstate}: ")), "{error:#}");
    }
    for (query, words) in [
        ("SET TimeZone = 'CET'", "gives no rows"),
        ("COMMIT", "gives no rows"),
        ("COPY one TO STDOUT", "gives no rows"),
        ("", "gives no rows"),
        ("SELECT $1::int", "a parameter ($1)"),
        ("SELECT 'a\0b'", "can't be sent"),
    ] {
        let error = rows_of(&SERVER.url(), query, None).await.unwrap_err();
        assert!(error.is_caller_fault() && error.message().contains(words), "{query}: {error}");
    }
    let Err(error) = open(&Request::new("postgres://u:secret@127.0.0.1/d")).await else {
        panic!("no query was given")
    };
    assert!(error.message().contains("needs a query"), "{error}");
}
