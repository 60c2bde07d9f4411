//! What each source gives, and what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::concat::concat_batches;
use futures::executor::block_on;
use rusqlite::Connection;
use taploom_model::{ColumnMetadata, Datatype, Error, ErrorKind, Result, Step};
use taploom_sources::{ColumnList, Request, open};

/// All rows of a request, in one batch.
fn rows(request: &Request<'_>) -> Result<RecordBatch> {
    let mut source = block_on(open(request))?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = block_on(source.next())? {
        assert!(batch.num_rows() <= request.batch_rows, "{} rows", batch.num_rows());
        batches.push(batch);
    }
    let schema = batches.first().map_or(source.schema().arrow().clone(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches).unwrap())
}

fn refusal(request: &Request<'_>) -> Error {
    match rows(request) {
        Ok(rows) => panic!("{} rows were given", rows.num_rows()),
        Err(error) => error,
    }
}

fn database(folder: &Path, sql: &str) -> String {
    let path = folder.join("test.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    format!("sqlite:{}", path.display())
}

fn query<'a>(location: &'a str, sql: &'a str) -> Request<'a> {
    Request::new(location).with_query(sql)
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
fn sqlite_refuses_what_is_no_query() {
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
fn a_dropped_source_ends_its_query() {
    let endless = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s";
    let mut source = block_on(open(&query("demo", endless))).unwrap();
    assert!(block_on(source.next()).unwrap().rows().is_some());
    drop(source);
}

#[test]
fn the_demo_knows_the_metadata_of_its_columns_whatever_a_query_calls_them() {
    let source =
        block_on(open(&query("demo", "SELECT ra AS x, dec, ra + 1 AS y FROM stars"))).unwrap();
    let columns = source.schema().columns();
    assert_eq!(columns[0].name(), "x");
    assert_eq!(columns[0].metadata().unit.as_deref(), Some("deg"));
    assert_eq!(columns[1].metadata().ucd.as_deref(), Some("pos.eq.dec;meta.main"));
    assert_eq!(columns[2].metadata(), &ColumnMetadata::default());
}

#[test]
fn the_demo_has_what_tests_and_newcomers_need() {
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM stars WHERE {condition}");
        rows(&query("demo", &sql)).unwrap().column(0).as_primitive::<Int64Type>().value(0)
    };
    assert!(count("true") >= 300);
    for column in ["hd", "name", "bv", "var_epoch"] {
        assert!(count(&format!("{column} IS NULL")) > 0, "{column}");
        assert!(count(&format!("{column} IS NOT NULL")) > 0, "{column}");
    }
    assert!(count("designation GLOB '*[α-ω]*'") > 100);
    assert!(count("variable") > 0 && count("NOT variable") > 0);
}

fn columns_file(folder: &Path) -> String {
    let path = folder.join("columns.json");
    let json = r#"{"table": "t", "columns": [
        {"name": "id", "datatype": "long"}, {"name": "f", "datatype": "double", "unit": "deg"},
        {"name": "g", "datatype": "float"}, {"name": "flag", "datatype": "boolean"},
        {"name": "n", "datatype": "int"}, {"name": "w", "datatype": "char", "arraysize": "3"}]}"#;
    std::fs::write(&path, json).unwrap();
    path.display().to_string()
}

#[test]
fn synth_gives_the_same_cells_whatever_the_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let columns = columns_file(folder.path());
    let location = format!("synth:{columns}?rows=3000&seed=5&nulls=0.2");
    let whole = rows(&Request::new(&location).with_batch_rows(10_000)).unwrap();
    for batch_rows in [1, 7, 2000] {
        assert_eq!(rows(&Request::new(&location).with_batch_rows(batch_rows)).unwrap(), whole);
    }
    let other = location.replace("seed=5", "seed=6");
    assert_ne!(rows(&Request::new(&other)).unwrap().column(1), whole.column(1));

    let ids = whole.column(0).as_primitive::<Int64Type>();
    assert!(ids.values().is_sorted() && ids.null_count() == 0);
    for index in 1..whole.num_columns() {
        let nulls = whole.column(index).null_count();
        assert!((450..750).contains(&nulls), "a fifth of 3000 rows, not {nulls}");
    }
    let flags = whole.column(3).as_boolean();
    assert!(flags.true_count() < 300, "mostly false");
    let mut mantissas: Vec<u64> = whole
        .column(1)
        .as_primitive::<Float64Type>()
        .iter()
        .flatten()
        .map(|value| value.to_bits() & ((1 << 52) - 1))
        .collect();
    let all = mantissas.len();
    mantissas.sort_unstable();
    mantissas.dedup();
    assert_eq!(mantissas.len(), all, "mantissas do not repeat");
}

#[test]
fn synth_refuses_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let columns = columns_file(folder.path());
    for (parameters, words) in [
        ("row=5", "known: rows, seed, nulls"),
        ("rows=many", "a whole number"),
        ("nulls=7", "from 0 to 1"),
    ] {
        let error = refusal(&Request::new(&format!("synth:{columns}?{parameters}")));
        assert!(error.is_caller_fault() && error.to_string().contains(words), "{error}");
    }
    assert!(refusal(&Request::new("synth:nowhere.json")).to_string().contains("nowhere.json"));
    let array = folder.path().join("array.json");
    let json = r#"{"columns": [{"name": "a", "datatype": "double", "arraysize": "3"}]}"#;
    std::fs::write(&array, json).unwrap();
    let location = format!("synth:{}", array.display());
    assert_eq!(refusal(&Request::new(&location)).column(), Some("a"));
}

#[test]
fn files_are_known_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..5000)) as ArrayRef),
        ("s", Arc::new(StringArray::from_iter_values((0..5000).map(|i| i.to_string()))) as _),
    ])
    .unwrap();
    let (parquet, file, stream) = (
        folder.path().join("a.parquet"),
        folder.path().join("a.arrow"),
        folder.path().join("without-a-name"),
    );
    let create = |path: &Path| std::fs::File::create(path).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(create(&parquet), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut writer =
        arrow_ipc::writer::FileWriter::try_new(create(&file), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(create(&stream), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();

    for path in [&parquet, &file, &stream] {
        let location = path.display().to_string();
        assert_eq!(rows(&Request::new(&location)).unwrap(), batch, "{location}");
        let short = ColumnMetadata { datatype: Some(Datatype::Short), ..Default::default() };
        let list = ColumnList::new(vec![short, ColumnMetadata::default()]).with_table("numbers");
        let request = Request::new(&location).with_columns(list);
        let source = block_on(open(&request)).unwrap();
        assert_eq!(source.schema().columns()[0].vo_type().unwrap().datatype, Datatype::Short);
        assert_eq!(source.schema().table().name.as_deref(), Some("numbers"));

        // Cut anywhere, it is an error and no panic.
        let bytes = std::fs::read(path).unwrap();
        for length in [0, 3, 8, 20, bytes.len() / 2, bytes.len() - 9] {
            let cut = folder.path().join("cut");
            std::fs::write(&cut, &bytes[..length]).unwrap();
            let error = refusal(&Request::new(&cut.display().to_string()));
            assert!(error.to_string().contains("cut"), "{length}: {error}");
        }
    }
    let wrong = folder.path().join("wrong.parquet");
    std::fs::write(&wrong, "id,s\n1,2\n").unwrap();
    assert!(
        refusal(&Request::new(&wrong.display().to_string())).to_string().contains("wrong.parquet")
    );
    let location = parquet.display().to_string();
    assert!(refusal(&query(&location, "SELECT 1")).to_string().contains("takes no SQL"));
    assert!(refusal(&Request::new("nowhere.parquet")).to_string().contains("no such file"));
}

/// 50 rows in two batches, and the same as a file and as a stream.
fn in_arrow() -> (RecordBatch, [Vec<u8>; 2]) {
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..50)) as ArrayRef),
        ("s", Arc::new(StringArray::from_iter_values((0..50).map(|i| i.to_string()))) as _),
    ])
    .unwrap();
    let (mut file, mut stream) = (Vec::new(), Vec::new());
    let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut file, &batch.schema()).unwrap();
    let mut streamer =
        arrow_ipc::writer::StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    for part in [batch.slice(0, 20), batch.slice(20, 30)] {
        writer.write(&part).unwrap();
        streamer.write(&part).unwrap();
    }
    writer.finish().unwrap();
    streamer.finish().unwrap();
    drop((writer, streamer));
    (batch, [file, stream])
}

#[test]
fn damaged_arrow_files_are_errors_and_no_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.arrow");
    let location = path.display().to_string();
    for whole in in_arrow().1 {
        // Every third byte behind the magic, inverted: read or refused, but no panic comes through.
        for index in (8..whole.len() - 10).step_by(3) {
            let mut damaged = whole.clone();
            damaged[index] = !damaged[index];
            std::fs::write(&path, damaged).unwrap();
            if let Err(error) = rows(&Request::new(&location)) {
                assert!(error.to_string().contains("damaged.arrow"), "byte {index}: {error}");
            }
        }
    }
}

#[test]
fn arrow_files_that_are_cut_short_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.arrow");
    let location = path.display().to_string();
    let (batch, [file, stream]) = in_arrow();
    for length in (8..file.len()).step_by(7) {
        std::fs::write(&path, &file[..length]).unwrap();
        assert!(rows(&Request::new(&location)).is_err(), "{length} bytes of a file");
    }
    // A stream may end behind any batch; within one it may not.
    let mut whole = Vec::new();
    for length in (8..=stream.len()).step_by(8) {
        std::fs::write(&path, &stream[..length]).unwrap();
        whole.extend(rows(&Request::new(&location)).ok().map(|rows| rows.num_rows()));
    }
    assert_eq!(whole, [0, 20, batch.num_rows(), batch.num_rows()], "the last two: with its end");
}

#[test]
fn arrow_batches_without_bytes_have_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nulls.arrow");
    let nothing = Arc::new(arrow_array::NullArray::new(3)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("nothing", nothing)]).unwrap();
    let create = || std::fs::File::create(&path).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(create(), &batch.schema()).unwrap();
    (0..3).for_each(|_| stream.write(&batch).unwrap());
    stream.finish().unwrap();
    let streamed = rows(&Request::new(&path.display().to_string())).unwrap();
    assert_eq!(streamed.num_rows(), 9);
    let mut file = arrow_ipc::writer::FileWriter::try_new(create(), &batch.schema()).unwrap();
    (0..3).for_each(|_| file.write(&batch).unwrap());
    file.finish().unwrap();
    let filed = rows(&Request::new(&path.display().to_string())).unwrap();
    assert_eq!(filed.num_rows(), 9);
}

#[test]
fn sqlite_names_that_are_no_utf8_are_errors_and_no_panics() {
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
