//! Rows of a real MariaDB, which the tests start: types, errors, and how queries end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType, UInt8Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use arrow_select::concat::concat_batches;
use serde_json::json;
use taploom_model::{Datatype, Error, ErrorKind, Result, RowSource, Step};
use taploom_sources::mysql::{
    self, BatchLimits, MysqlConnection, MysqlOptions, MysqlSource, ServerError, Session, SslMode,
};
use taploom_sources::{ColumnList, Request, open};
use taploom_test_servers::{MariaDb, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// One server for all tests; it ends with them.
static SERVER: LazyLock<MariaDb> = LazyLock::new(|| {
    let arguments = vec!["--max-allowed-packet=128M".to_owned()];
    MariaDb::start_with(&Settings { arguments, ..Settings::default() }).unwrap()
});

/// All rows of a query, in one batch.
async fn rows_of(location: &str, query: &str, columns: Option<ColumnList>) -> Result<RecordBatch> {
    let request = Request::new(location).with_query(query).with_columns(columns);
    let mut source = open(&request).await?;
    let mut batches = Vec::new();
    while let Step::Rows(batch) = source.next().await? {
        assert!(batch.num_rows() <= request.batch_rows, "{} rows", batch.num_rows());
        batches.push(batch);
    }
    let schema = batches.first().map_or(source.schema().arrow().clone(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches).unwrap())
}

async fn rows(query: &str) -> RecordBatch {
    rows_of(&SERVER.url(), query, None).await.unwrap()
}

/// Rows of a query whose columns are declared.
async fn declared(query: &str, columns: serde_json::Value) -> Result<RecordBatch> {
    rows_of(&SERVER.url(), query, Some(list(columns))).await
}

fn list(columns: serde_json::Value) -> ColumnList {
    let columns = serde_json::from_value(columns).unwrap();
    ColumnList::new(columns)
}

async fn start(query: &str, limits: BatchLimits) -> MysqlSource {
    mysql::query(&options(), query, None, limits).await.unwrap()
}

fn options() -> MysqlOptions {
    SERVER.url().parse().unwrap()
}

/// The cells of a column as text, whatever their type.
fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    let cells = cast(batch.column(column), &DataType::Utf8).unwrap();
    cells.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect()
}

/// One row, one column, declared: its only cell as text.
async fn cell(expression: &str, metadata: serde_json::Value) -> Result<String> {
    let batch = declared(&format!("SELECT {expression} AS x"), json!([metadata])).await?;
    let column = batch.column(0);
    if let DataType::List(_) = column.data_type() {
        let elements = column.as_list::<i32>().value(0);
        let elements = cast(&elements, &DataType::Utf8).unwrap();
        let elements = elements.as_string::<i32>().iter().map(|text| text.unwrap_or("null"));
        return Ok(elements.collect::<Vec<_>>().join(" "));
    }
    Ok(texts(&batch, 0)[0].clone().unwrap_or_else(|| "null".to_owned()))
}

const NUMBERS: u32 = 200_000;

/// A query of so many rows, each of 100 bytes and a number.
fn many(rows: u32) -> String {
    format!("SELECT seq, REPEAT('x', 100) FROM seq_1_to_{rows}")
}

/// Whether a query with this text runs on the server.
fn runs(marker: &str) -> bool {
    let processes = SERVER.sql("SHOW FULL PROCESSLIST").unwrap();
    processes.lines().any(|line| line.contains(marker) && !line.contains("PROCESSLIST"))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn server_error(error: &Error) -> &ServerError {
    error.source().and_then(|source| source.downcast_ref()).unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test]
async fn every_type_of_the_server_has_an_arrow_type() {
    SERVER
        .sql(
            "CREATE TABLE types (bo BOOLEAN, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT,
               su SMALLINT UNSIGNED, mi MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED,
               bi BIGINT, bu BIGINT UNSIGNED, fl FLOAT, d DOUBLE, de DECIMAL(30, 10), y YEAR,
               da DATE, dt DATETIME, dt3 DATETIME(3), ts TIMESTAMP(6) NULL, t TIME(3), b1 BIT(1),
               b9 BIT(9), c CHAR(5), v VARCHAR(20), tx TEXT, vb VARBINARY(4), bl LONGBLOB,
               e ENUM('α', 'b'), se SET('x', 'y'), j JSON, z INT(5) ZEROFILL);
             SET time_zone = '+02:00';
             INSERT INTO types VALUES (1, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648,
               4294967295, -9223372036854775808, 18446744073709551615, 0.1, 1.5e300,
               -12345678901234567890.0123456789, 2025, '1000-01-01', '9999-12-31 23:59:59',
               '2025-05-23 17:00:35.025', '2025-05-23 17:00:35.000001', '-838:59:58.5', 1,
               b'100000101', 'ä', '🙂', 'long', x'00ff', x'', 'α', 'x,y', '{\"k\": [1]}', 42);
             INSERT INTO types () VALUES ();",
        )
        .unwrap();
    let rows = rows("SELECT * FROM types").await;
    let schema = rows.schema();
    let type_of = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
    let timestamp = |unit| DataType::Timestamp(unit, None);
    for (name, expected) in [
        ("bo", DataType::Boolean),
        ("ti", DataType::Int16),
        ("tu", DataType::UInt8),
        ("si", DataType::Int16),
        ("su", DataType::Int32),
        ("mi", DataType::Int32),
        ("mu", DataType::Int32),
        ("i", DataType::Int32),
        ("iu", DataType::Int64),
        ("bi", DataType::Int64),
        ("bu", DataType::UInt64),
        ("fl", DataType::Float32),
        ("d", DataType::Float64),
        ("de", DataType::Utf8),
        ("y", DataType::Int16),
        ("da", DataType::Date32),
        ("dt", timestamp(TimeUnit::Second)),
        ("dt3", timestamp(TimeUnit::Millisecond)),
        ("ts", timestamp(TimeUnit::Microsecond)),
        ("t", DataType::Utf8),
        ("b1", DataType::Boolean),
        ("b9", DataType::new_list(DataType::Boolean, true)),
        ("c", DataType::Utf8),
        ("v", DataType::Utf8),
        ("tx", DataType::Utf8),
        ("vb", DataType::Binary),
        ("bl", DataType::Binary),
        ("e", DataType::Utf8),
        ("se", DataType::Utf8),
        ("j", DataType::Utf8),
        ("z", DataType::Int64),
    ] {
        assert_eq!(type_of(name), expected, "{name}");
    }
    let column = |name: &str| rows.column_by_name(name).unwrap();
    assert!(column("bo").as_boolean().value(0) && column("b1").as_boolean().value(0));
    assert_eq!(column("ti").as_primitive::<Int16Type>().value(0), -128);
    assert_eq!(column("tu").as_primitive::<UInt8Type>().value(0), 255);
    assert_eq!(column("si").as_primitive::<Int16Type>().value(0), i16::MIN);
    assert_eq!(column("su").as_primitive::<Int32Type>().value(0), 65535);
    assert_eq!(column("mi").as_primitive::<Int32Type>().value(0), -8_388_608);
    assert_eq!(column("mu").as_primitive::<Int32Type>().value(0), 16_777_215);
    assert_eq!(column("i").as_primitive::<Int32Type>().value(0), i32::MIN);
    assert_eq!(column("iu").as_primitive::<Int64Type>().value(0), 4_294_967_295);
    assert_eq!(column("bi").as_primitive::<Int64Type>().value(0), i64::MIN);
    assert_eq!(column("bu").as_primitive::<UInt64Type>().value(0), u64::MAX);
    assert_eq!(column("fl").as_primitive::<Float32Type>().value(0), 0.1);
    assert_eq!(column("d").as_primitive::<Float64Type>().value(0), 1.5e300);
    assert_eq!(column("y").as_primitive::<Int16Type>().value(0), 2025);
    assert_eq!(column("z").as_primitive::<Int64Type>().value(0), 42);
    let text = |name: &str| column(name).as_string::<i32>().value(0).to_owned();
    assert_eq!(text("de"), "-12345678901234567890.0123456789");
    assert_eq!(text("t"), "-838:59:58.500");
    for (name, expected) in
        [("c", "ä"), ("v", "🙂"), ("tx", "long"), ("e", "α"), ("se", "x,y"), ("j", "{\"k\": [1]}")]
    {
        assert_eq!(text(name), expected);
    }
    assert_eq!(column("da").as_primitive::<Date32Type>().value(0), -354_285);
    assert_eq!(column("dt").as_primitive::<TimestampSecondType>().value(0), 253_402_300_799);
    assert_eq!(
        column("dt3").as_primitive::<TimestampMillisecondType>().value(0),
        1_748_019_635_025
    );
    // Stored two hours east of Greenwich, read in UTC.
    assert_eq!(
        column("ts").as_primitive::<TimestampMicrosecondType>().value(0),
        1_748_019_635_000_001 - 7_200_000_000
    );
    let bits = column("b9").as_list::<i32>().value(0);
    let bits: Vec<bool> = bits.as_boolean().iter().map(Option::unwrap).collect();
    assert_eq!(bits, [true, false, false, false, false, false, true, false, true]);
    assert_eq!(column("vb").as_binary::<i32>().value(0), b"\x00\xff");
    assert_eq!(column("bl").as_binary::<i32>().value(0), b"");
    for column in rows.columns() {
        assert!(column.is_valid(0) && column.is_null(1));
    }
}

#[tokio::test]
async fn the_fields_of_what_arrow_has_no_type_for() {
    let query = "SELECT CAST(1.50 AS DECIMAL(5, 2)), b'101' | 0, NULL, TIME('01:02:03')";
    let result = start(query, BatchLimits::default()).await;
    let columns = result.schema().columns();
    for index in [0, 2, 3] {
        let vo_type = columns[index].vo_type().unwrap();
        assert_eq!(
            (vo_type.datatype, vo_type.to_string().as_str()),
            (Datatype::Char, "char of arraysize *")
        );
    }
    SERVER.sql("CREATE TABLE bits (b BIT(3)); INSERT INTO bits VALUES (b'011')").unwrap();
    let mut source = start("SELECT b FROM bits", BatchLimits::default()).await;
    assert_eq!(source.schema().columns()[0].vo_type().unwrap().to_string(), "bit of arraysize 3");
    assert_eq!(source.next().await.unwrap().rows().unwrap().num_rows(), 1);
    assert!(source.next().await.unwrap().rows().is_none());
    assert!(source.next().await.unwrap().rows().is_none());
}

#[tokio::test]
async fn a_declared_type_decides() {
    for (expression, metadata, expected) in [
        ("1", json!({"datatype": "boolean"}), "true"),
        ("'f'", json!({"datatype": "boolean"}), "false"),
        ("'True'", json!({"datatype": "boolean"}), "true"),
        ("b'1'", json!({"datatype": "bit"}), "true"),
        ("'200'", json!({"datatype": "unsignedByte"}), "200"),
        ("'-5'", json!({"datatype": "short"}), "-5"),
        ("SUM(3)", json!({"datatype": "int"}), "3"),
        ("AVG(3)", json!({"datatype": "int"}), "3"),
        ("1e15", json!({"datatype": "long"}), "1000000000000000"),
        ("'9223372036854775807'", json!({"datatype": "long"}), "9223372036854775807"),
        ("1.25", json!({"datatype": "float"}), "1.25"),
        ("1", json!({"datatype": "double"}), "1.0"),
        ("1.13173E+98", json!({"datatype": "double"}), "1.13173e98"),
        ("'NaN'", json!({"datatype": "double"}), "NaN"),
        ("'-Inf'", json!({"datatype": "float"}), "-inf"),
        ("'+Inf'", json!({"datatype": "float"}), "inf"),
        ("42", json!({"datatype": "char", "arraysize": "*"}), "42"),
        ("'é'", json!({"datatype": "unicodeChar", "arraysize": "10"}), "é"),
        ("x'6162'", json!({"datatype": "char", "arraysize": "*"}), "ab"),
        (
            "CAST('2025-05-23 17:00:35.025' AS DATETIME(3))",
            json!({"datatype": "char", "arraysize": "*"}),
            "2025-05-23T17:00:35.025",
        ),
        (
            "CAST('2025-05-23 17:00:35' AS DATETIME)",
            json!({"datatype": "char", "arraysize": "*", "xtype": "timestamp"}),
            "2025-05-23T17:00:35.000",
        ),
        ("'a b'", json!({"datatype": "char", "arraysize": "*"}), "a b"),
        ("'1 -2  3'", json!({"datatype": "short", "arraysize": "3"}), "1 -2 3"),
        ("'1.5 NaN'", json!({"datatype": "double", "arraysize": "*"}), "1.5 NaN"),
        ("''", json!({"datatype": "float", "arraysize": "*"}), ""),
        ("'1.5 -2.5'", json!({"datatype": "doubleComplex"}), "1.5 -2.5"),
        ("'1 2 3 4'", json!({"datatype": "floatComplex", "arraysize": "2"}), "1.0 2.0 3.0 4.0"),
        ("'0110'", json!({"datatype": "bit", "arraysize": "4"}), "false true true false"),
        ("'1 0'", json!({"datatype": "bit", "arraysize": "*"}), "true false"),
        ("'T F ?'", json!({"datatype": "boolean", "arraysize": "3"}), "true false null"),
        ("'1 2 255'", json!({"datatype": "unsignedByte", "arraysize": "*"}), "1 2 255"),
        ("'1 2 3 4'", json!({"datatype": "int", "arraysize": "2x2"}), "1 2 3 4"),
        ("NULL", json!({"datatype": "int"}), "null"),
    ] {
        let read = cell(expression, metadata.clone()).await;
        let read = read.unwrap_or_else(|error| panic!("{expression}: {error:#}"));
        assert_eq!(read, expected, "{expression} as {metadata}");
    }
    SERVER
        .sql("CREATE TABLE bit_kinds (b BIT(4)); INSERT INTO bit_kinds VALUES (b'0101')")
        .unwrap();
    for (metadata, expected) in [
        (json!({"datatype": "char", "arraysize": "*"}), "0101"),
        (json!({"datatype": "int"}), "5"),
        (json!({"datatype": "bit", "arraysize": "4"}), "false true false true"),
    ] {
        assert_eq!(cell("b FROM bit_kinds --", metadata).await.unwrap(), expected);
    }
    // Bytes as bytes, and as text with numbers in it.
    let bytes =
        declared("SELECT x'00ff31'", json!([{"datatype": "unsignedByte", "arraysize": "*"}]));
    assert_eq!(bytes.await.unwrap().column(0).as_binary::<i32>().value(0), b"\x00\xff1");
    assert_eq!(cell("x'31'", json!({"datatype": "int"})).await.unwrap(), "1");
}

#[tokio::test]
async fn a_cell_that_does_not_fit_is_named() {
    for (expression, metadata, words) in [
        (
            "IF(seq = 3, 'many', seq)",
            json!({"name": "n", "datatype": "int"}),
            "\"many\" does not fit into int",
        ),
        ("IF(seq = 3, 70000, 1)", json!({"name": "n", "datatype": "short"}), "\"70000\""),
        ("IF(seq = 3, -1, 1)", json!({"name": "n", "datatype": "unsignedByte"}), "\"-1\""),
        ("IF(seq = 3, 1.5, 1)", json!({"name": "n", "datatype": "long"}), "\"1.5\""),
        ("IF(seq = 3, '1e400', 1)", json!({"name": "n", "datatype": "double"}), "\"1e400\""),
        ("IF(seq = 3, '1e39', 1)", json!({"name": "n", "datatype": "float"}), "\"1e39\""),
        ("IF(seq = 3, 2, 1)", json!({"name": "n", "datatype": "boolean"}), "\"2\""),
        (
            "IF(seq = 3, '1 x', 1)",
            json!({"name": "n", "datatype": "int", "arraysize": "*"}),
            "\"1 x\"",
        ),
        (
            "IF(seq = 3, REPEAT('y', 5000), 1)",
            json!({"name": "n", "datatype": "int"}),
            "yyy\"... (5000 bytes)",
        ),
        (
            "IF(seq = 3, x'ff', 'a')",
            json!({"name": "n", "datatype": "char", "arraysize": "*"}),
            "not UTF-8",
        ),
        ("IF(seq = 3, '', 1)", json!({"name": "n", "datatype": "int"}), "\"\""),
    ] {
        let query = format!("SELECT {expression} FROM seq_1_to_5");
        let error = declared(&query, json!([metadata])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error:#}");
        assert_eq!((error.column(), error.row()), (Some("n"), Some(3)), "{error:#}");
        assert!(error.message().contains(words), "{error:#}");
        assert!(error.message().len() < 200, "{error:#}");
    }
}

#[tokio::test]
async fn dates_that_are_none_are_an_error_unless_text_is_asked_for() {
    SERVER
        .sql(
            "SET sql_mode = ''; CREATE TABLE zero (d DATE, t DATETIME);
             INSERT INTO zero VALUES ('0000-00-00', '0000-00-00 00:00:00');",
        )
        .unwrap();
    for (column, zero, declared_text) in
        [("d", "0000-00-00", "0000-00-00"), ("t", "0000-00-00 00:00:00", "0000-00-00T00:00:00.000")]
    {
        let query = format!("SELECT {column} FROM zero");
        let error = rows_of(&SERVER.url(), &query, None).await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidValue, Some(column)));
        let text = error.to_string();
        assert!(text.contains(zero) && text.contains("declare another datatype"), "{text}");
        let text = json!([{"datatype": "char", "arraysize": "*"}]);
        let read = declared(&query, text).await.unwrap();
        assert_eq!(texts(&read, 0)[0].as_deref(), Some(declared_text));
    }
}

#[tokio::test]
async fn positions_decide_and_declared_names_win() {
    let columns = json!([{"name": "b", "datatype": "long", "unit": "deg"}, {}]);
    let read = declared("SELECT 1 AS a, 2.5e0 AS b", columns).await.unwrap();
    assert_eq!(read.schema().field(0).name(), "b");
    assert_eq!(read.schema().field(1).name(), "b");
    assert_eq!(read.column(0).as_primitive::<Int64Type>().value(0), 1);
    assert_eq!(read.column(1).as_primitive::<Float64Type>().value(0), 2.5);

    let error = declared("SELECT 1, 2, 3", json!([{}, {}])).await.unwrap_err();
    assert!(error.is_caller_fault());
    assert!(error.message().contains("gives 3 columns and 2 are declared"), "{error}");
    let strings = json!([{"name": "s", "datatype": "char", "arraysize": "8x3"}]);
    let error = declared("SELECT 'a'", strings).await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::UnsupportedColumn, Some("s")));
}

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
async fn a_password_is_never_shown() {
    let url = SERVER.url().replace("p%40ss%2Fw%3Ard", "wr0ng%21");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:#}");
    assert_eq!(server_error(&error).code, 1045);
    let shown = format!("{error} {error:#} {error:?}");
    assert!(!shown.contains("wr0ng"), "{shown}");

    let nobody = format!("mysql://u:s3cret@127.0.0.1:{}/test?connect-retries=0", free_port());
    let error = rows_of(&nobody, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    let shown = format!("{error:#} {error:?} {:?}", nobody.parse::<MysqlOptions>().unwrap());
    assert!(!shown.contains("s3cret") && shown.contains("127.0.0.1"), "{shown}");
    let request = format!("{:?}", Request::new(&nobody));
    assert!(!request.contains("s3cret"), "{request}");
    let request = Request::new(&nobody).with_table("1");
    let Err(error) = open(&request).await else { panic!("a query has no choice of tables") };
    assert!(error.is_caller_fault() && !format!("{error:?}").contains("s3cret"), "{error}");

    let error =
        rows_of(&SERVER.url().replace("/test", "/nowhere"), "SELECT 1", None).await.unwrap_err();
    assert_eq!(server_error(&error).code, 1049);
    assert!(error.is_caller_fault());
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn dropping_a_source_ends_its_query() {
    let marker = "/* dropped */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    assert!(runs(marker));
    drop(source);
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn dropping_the_wait_for_a_query_ends_it() {
    let marker = "/* waited for */";
    let query = format!("SELECT COUNT(*) FROM seq_1_to_2000000000 WHERE SQRT(seq) < 0 {marker}");
    let waiting = start(&query, BatchLimits::default());
    assert!(tokio::time::timeout(Duration::from_millis(500), waiting).await.is_err());
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn a_query_is_killed_from_another_task() {
    let marker = "/* killed */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    source.next().await.unwrap().rows().unwrap();
    let killer = source.killer();
    assert!(!killer.was_used());
    let reading = async move {
        loop {
            match source.next().await {
                Ok(Step::Rows(_)) => {}
                Ok(Step::End(_)) => panic!("the query came to its end"),
                Err(error) => return error,
            }
        }
    };
    let reading = tokio::spawn(reading);
    killer.kill().await.unwrap();
    let error = reading.await.unwrap();
    assert!(killer.was_used());
    assert_eq!((error.kind(), server_error(&error).code), (ErrorKind::Source, 1317), "{error:#}");
    assert!(error.message().contains("after"), "{error}");
    assert!(!runs(marker));
    // Once more, when there is nothing left.
    killer.kill().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_lost_says_how_many_rows_came() {
    let marker = "/* lost */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    let mut rows = source.next().await.unwrap().rows().unwrap().num_rows();
    let processes = SERVER.sql("SHOW FULL PROCESSLIST").unwrap();
    let process = processes.lines().find(|line| line.contains(marker)).unwrap();
    let id = process.split('\t').next().unwrap();
    SERVER.sql(&format!("KILL CONNECTION {id}")).unwrap();
    let error = loop {
        match source.next().await {
            Ok(Step::Rows(batch)) => rows += batch.num_rows(),
            Ok(Step::End(_)) => panic!("the query came to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    let after: usize = error
        .message()
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("{error:#}"));
    // Some came with the batch that was never full.
    assert!((rows..rows + 2000).contains(&after), "{rows}: {error:#}");
    // No more rows, and no end that passes for one.
    assert!(source.next().await.is_err());
}

#[tokio::test]
async fn a_server_that_dies_is_an_error() {
    let server = MariaDb::start().unwrap();
    let options: MysqlOptions = server.url().parse().unwrap();
    let sql = many(NUMBERS);
    let query = mysql::query(&options, &sql, None, BatchLimits::default());
    let mut source = query.await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    drop(server);
    let error = loop {
        match source.next().await {
            Ok(Step::Rows(_)) => {}
            Ok(Step::End(_)) => panic!("the query came to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

/// Gives a door to the server that shuts for the first connections.
async fn door(shut: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = SERVER.port();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut near, _) = listener.accept().await.unwrap();
            if number < shut {
                continue;
            }
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    SERVER.url().replace(&server.to_string(), &port.to_string())
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again() {
    let read = rows_of(&door(2).await, "SELECT 1", None).await.unwrap();
    assert_eq!(read.num_rows(), 1);
    let url = format!("{}?connect-retries=1", door(2).await);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

#[tokio::test]
async fn a_greeting_that_is_damaged_is_an_error() {
    let mut greeting = vec![0; 4];
    let mut server = TcpStream::connect(("127.0.0.1", SERVER.port())).await.unwrap();
    server.read_exact(&mut greeting).await.unwrap();
    let length = usize::from(greeting[0]);
    greeting.resize(4 + length, 0);
    server.read_exact(&mut greeting[4..]).await.unwrap();
    let damaged = (0..length).flat_map(|at| {
        let mut short = greeting[..4 + at].to_vec();
        short[0] = at as u8;
        let mut other = greeting.clone();
        other[4 + at] ^= 0xff;
        [short, other]
    });
    for bytes in damaged {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = MysqlOptions {
            port: listener.local_addr().unwrap().port(),
            connect_retries: 0,
            ..options()
        };
        let serve = async {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.write_all(&bytes).await;
        };
        let (connected, ()) = tokio::join!(MysqlConnection::connect(&options), serve);
        let Err(error) = connected else { panic!("{bytes:?} is a greeting") };
        assert_ne!(error.kind(), ErrorKind::Internal, "{error:#}");
    }
}

#[tokio::test]
async fn silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("mysql://u:p@127.0.0.1:{port}/d?connect-timeout=0.2&connect-retries=0");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(format!("{error:#}").contains("no answer within 0.2 s"), "{error:#}");

    let url = format!("{}?idle-timeout=0.5&connect-retries=0", SERVER.url());
    let marker = "/* silent */";
    let query = format!("SELECT COUNT(*) FROM seq_1_to_2000000000 WHERE SQRT(seq) < 0 {marker}");
    let error = rows_of(&url, &query, None).await.unwrap_err();
    assert!(format!("{error:#}").contains("nothing came or went for 0.5 s"), "{error:#}");
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_server() {
    let marker = "/* slow */";
    let query = format!("{} {marker}", many(50_000_000));
    let limits = BatchLimits { rows: 100, bytes: usize::MAX };
    let mut source = start(&query, limits).await;
    source.next().await.unwrap().rows().unwrap();
    let waits = || {
        let processes = SERVER.sql("SHOW FULL PROCESSLIST").unwrap();
        let line = processes.lines().find(|line| line.contains(marker)).unwrap_or_default();
        line.to_lowercase().contains("writing to net")
    };
    until("the server", waits).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(waits(), "the server goes on");
}

#[tokio::test]
async fn tls_is_as_strict_as_asked_for() {
    let settings = Settings { tls: true, ..Settings::default() };
    let server = MariaDb::start_with(&settings).unwrap();
    let ca = server.folder().join("ca.pem").display().to_string();
    let cipher = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
    let read = |url: String| async move {
        let rows = rows_of(&url, cipher, None).await?;
        Ok::<String, Error>(texts(&rows, 1)[0].clone().unwrap_or_default())
    };
    let url = server.url();
    for mode in ["preferred", "required"] {
        let cipher = read(format!("{url}?ssl-mode={mode}")).await.unwrap();
        assert!(cipher.starts_with("TLS_"), "{mode}: {cipher}");
    }
    assert_eq!(read(format!("{url}?ssl-mode=disabled")).await.unwrap(), "");
    for mode in ["verify-ca", "verify-identity"] {
        let trusted = read(format!("{url}?ssl-mode={mode}&ssl-ca={ca}")).await.unwrap();
        assert!(trusted.starts_with("TLS_"), "{mode}: {trusted}");
        // The system does not know this authority.
        let error = read(format!("{url}?ssl-mode={mode}&connect-retries=0")).await.unwrap_err();
        assert!(error.is_caller_fault(), "{mode}: {error:#}");
    }
    // The same server under an address that its certificate does not have.
    let other = MysqlOptions {
        host: "0.0.0.0".to_owned(),
        ssl_ca: Some(ca.into()),
        ssl_mode: SslMode::VerifyCa,
        ..url.parse().unwrap()
    };
    MysqlConnection::connect(&other).await.unwrap();
    let other = MysqlOptions { ssl_mode: SslMode::VerifyIdentity, ..other };
    let Err(error) = MysqlConnection::connect(&other).await else { panic!("any name will do") };
    assert!(error.is_caller_fault(), "{error:#}");

    // And one that has none.
    let error = rows_of(&format!("{}?ssl-mode=required", SERVER.url()), "SELECT 1", None).await;
    let error = error.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}

#[tokio::test]
async fn numbers_of_many_rows_are_right() {
    let query = format!(
        "SELECT CAST(seq AS SIGNED), seq / 7e0, IF(seq % 3, seq, NULL) FROM seq_1_to_{NUMBERS}"
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

#[test]
fn without_a_runtime_it_is_an_error() {
    let error = futures::executor::block_on(MysqlConnection::connect(&options()));
    let Err(error) = error else { panic!("it works without tokio") };
    assert_eq!(error.kind(), ErrorKind::Misuse);
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
