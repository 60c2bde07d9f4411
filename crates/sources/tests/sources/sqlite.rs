//! Rows of SQLite databases.

use super::*;

fn database(folder: &Path, sql: &str) -> String {
    let path = folder.join("test.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    format!("sqlite:{}", path.display())
}

#[test]
fn sqlite_columns_have_the_types_they_were_declared_with() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(
        folder.path(),
        "CREATE TABLE t (b BOOLEAN, i BIGINT, s SMALLINT, r DOUBLE PRECISION, n NUMERIC(5, 2),
            v VARCHAR(20), d DATE, ts DATETIME);
         INSERT INTO t VALUES (1, 9223372036854775807, -5, 3, 2.5, 'α', '2024-02-29',
            '2024-02-29 12:34:56.789');
         INSERT INTO t VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    let rows = rows(&query(&db, "SELECT * FROM t")).unwrap();
    let types: Vec<DataType> =
        rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(
        types,
        [
            DataType::Boolean,
            DataType::Int64,
            DataType::Int64,
            DataType::Float64,
            DataType::Float64,
            DataType::Utf8,
            DataType::Date32,
            DataType::Timestamp(TimeUnit::Microsecond, None),
        ]
    );
    assert_eq!(rows.column(3).as_primitive::<Float64Type>().value(0), 3.0);
    for column in rows.columns() {
        assert!(column.is_valid(0) && column.is_null(1));
    }
}

#[test]
fn sqlite_expressions_have_the_type_of_their_first_values() {
    let folder = tempfile::tempdir().unwrap();
    let db =
        database(folder.path(), "CREATE TABLE t (x); INSERT INTO t VALUES (NULL), (1), (2.5);");
    let rows = rows(&query(&db, "SELECT x, count(*) OVER (), 'a' || x, NULL FROM t")).unwrap();
    assert_eq!(rows.column(0).as_primitive::<Float64Type>().value(1), 1.0);
    assert_eq!(rows.column(1).as_primitive::<Int64Type>().value(0), 3);
    assert_eq!(rows.column(2).as_string::<i32>().value(2), "a2.5");
    assert_eq!(rows.column(3).null_count(), 3);
}

#[test]
fn a_sqlite_cell_that_does_not_fit_is_named_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(
        folder.path(),
        "CREATE TABLE t (id INTEGER, n INT, ts TIMESTAMP);
         WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000)
         INSERT INTO t SELECT i, i, NULL FROM s;",
    );
    for (row, change, column) in [
        (1, "n = 'many'", "n"),
        (4321, "n = 1.5", "n"),
        (17, "n = x'00ff'", "n"),
        (2001, "ts = 'yesterday'", "ts"),
        (2000, "ts = 1700000000", "ts"),
    ] {
        let path = db.strip_prefix("sqlite:").unwrap();
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(&format!("UPDATE t SET {change} WHERE id = {row}")).unwrap();
        let error = refusal(&query(&db, "SELECT * FROM t ORDER BY id"));
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
        assert_eq!((error.column(), error.row()), (Some(column), Some(row)), "{error}");
        connection
            .execute_batch(&format!("UPDATE t SET n = id, ts = NULL WHERE id = {row}"))
            .unwrap();
    }
}

#[test]
fn sqlite_refuses_statements_that_are_not_queries() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path(), "CREATE TABLE t (x INT, b BLOB); CREATE VIEW v AS SELECT 1;");
    for (sql, words) in [
        ("SELECT * FROM nowhere", "(tables: t, v): no such table: nowhere"),
        ("SELEKT 1", "near \"SELEKT\": syntax error"),
        ("DROP TABLE t", "a SELECT does"),
        ("DELETE FROM t RETURNING x", "a SELECT does"),
    ] {
        let error = refusal(&query(&db, sql));
        assert!(error.is_caller_fault(), "{error}");
        let line = format!("{error:#}");
        assert!(line.contains(words), "{line}");
    }
    assert_eq!(refusal(&query(&db, "SELECT b FROM t")).column(), Some("b"));
    assert!(refusal(&Request::new(&db)).to_string().contains("-q"));
    assert!(refusal(&query("sqlite:/nowhere.db", "SELECT 1")).to_string().contains("no such file"));
}

#[test]
fn sqlite_names_that_are_not_utf8_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path(), "CREATE TABLE t (aaaa INT); INSERT INTO t VALUES (1);");
    let path = db.strip_prefix("sqlite:").unwrap();
    let bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(4).position(|window| window == b"aaaa").unwrap();
    let mut damaged = bytes;
    damaged[at..at + 4].copy_from_slice(b"a\xff\xfea");
    std::fs::write(path, damaged).unwrap();
    let error = refusal(&query(&db, "SELECT * FROM t"));
    assert!(error.to_string().contains("test.db"), "{error}");
}

#[test]
fn the_types_of_a_sqlite_result_do_not_depend_on_batches() {
    let sql = "SELECT CASE WHEN hip < 2000 THEN NULL ELSE hip END AS x FROM stars ORDER BY hip";
    let whole = rows(&query("demo", sql)).unwrap();
    assert_eq!(whole.schema().field(0).data_type(), &DataType::Int64);
    for batch_rows in [1, 2, 7] {
        assert_eq!(rows(&query("demo", sql).with_batch_rows(batch_rows)).unwrap(), whole);
    }
}

#[test]
fn batches_of_large_sqlite_cells_have_few_rows() {
    const CELL: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let location = database(
        folder.path(),
        "CREATE TABLE t (n INT, text TEXT);
         WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 30)
         INSERT INTO t SELECT n, printf('%0*d', 1048576, n) FROM c;",
    );
    // A column with a declared type, and an expression whose type the first rows decide.
    for column in ["text", "text || ''"] {
        let sql = format!("SELECT n, {column} AS cell FROM t");
        let batches = block_on(async {
            let mut source = open(&query(&location, &sql)).await.unwrap();
            let mut batches = Vec::new();
            while let Step::Rows(batch) = source.next().await.unwrap() {
                batches.push(batch);
            }
            batches
        });
        let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows.iter().sum::<usize>(), 30, "{column}");
        assert!(rows.iter().all(|rows| rows * CELL <= 4 << 20), "{column}: {rows:?}");
    }
}

#[test]
fn sqlite_timestamps_go_beyond_what_nanoseconds_span() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(
        folder.path(),
        "CREATE TABLE t (ts TIMESTAMP); INSERT INTO t VALUES ('1572-11-11 00:00:00.000001');",
    );
    let rows = rows(&query(&db, "SELECT ts FROM t")).unwrap();
    let micros = rows.column(0).as_primitive::<arrow_array::types::TimestampMicrosecondType>();
    assert_eq!(micros.value(0), -12_532_492_799_999_999);
}

#[test]
fn a_locked_database_is_not_the_callers_fault() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path(), "CREATE TABLE t (x INT);");
    let lock = Connection::open(db.strip_prefix("sqlite:").unwrap()).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal(&query(&db, "SELECT x FROM t"));
    assert!(!error.is_caller_fault() && format!("{error:#}").contains("locked"), "{error:#}");
}

/// The time of day is neither dropped, nor is the date changed by a time zone.
#[test]
fn a_date_with_a_time_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dates.db");
    let database = Connection::open(&path).unwrap();
    let location = format!("sqlite:{}", path.display());
    database.execute_batch("CREATE TABLE t (d DATE)").unwrap();
    let read = |text: &str| {
        database.execute("DELETE FROM t", []).unwrap();
        database.execute("INSERT INTO t VALUES (?1)", [text]).unwrap();
        rows(&query(&location, "SELECT d FROM t"))
    };
    for text in ["2024-02-29", "2024-02-29 00:00:00", "2024-02-29T00:00:00.000"] {
        let rows = read(text).unwrap();
        assert_eq!(
            rows.column(0).as_primitive::<arrow_array::types::Date32Type>().value(0),
            19_782
        );
    }
    for text in ["2024-02-29 12:34:56", "2024-02-29T00:00:00+02:00", "2024-02-29 00:00:00Z"] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains("CAST(... AS TEXT) gives the text"), "{text}: {error}");
    }
    assert_eq!(rows(&query(&location, "SELECT CAST(d AS TEXT) FROM t")).unwrap().num_rows(), 1);
}
