//! Types of columns and values of cells.

use super::pushed::{Selection, selected_rows};
use super::*;

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
async fn values_without_an_arrow_type_have_a_votable_type() {
    let query = "SELECT CAST(1.50 AS DECIMAL(5, 2)), b'101' | 0, NULL, TIME('01:02:03')";
    let result = start_query(query, BatchLimits::default()).await;
    let columns = result.schema().columns();
    for index in [0, 2, 3] {
        let vo_type = columns[index].vo_type().unwrap();
        assert_eq!(
            (vo_type.datatype, vo_type.to_string().as_str()),
            (Datatype::Char, "char of arraysize *")
        );
    }
    SERVER.sql("CREATE TABLE bits (b BIT(3)); INSERT INTO bits VALUES (b'011')").unwrap();
    let mut source = start_query("SELECT b FROM bits", BatchLimits::default()).await;
    assert_eq!(source.schema().columns()[0].vo_type().unwrap().to_string(), "bit of arraysize 3");
    assert_eq!(source.next().await.unwrap().rows().unwrap().num_rows(), 1);
    assert!(source.next().await.unwrap().rows().is_none());
    assert!(source.next().await.unwrap().rows().is_none());
}

#[tokio::test]
async fn bits_and_bytes_are_read_as_they_are_declared() {
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
    // Bytes can be read as bytes, as the digits of a number, and as text.
    let bytes =
        declared("SELECT x'00ff31'", json!([{"datatype": "unsignedByte", "arraysize": "*"}]));
    assert_eq!(bytes.await.unwrap().column(0).as_binary::<i32>().value(0), b"\x00\xff1");
    assert_eq!(cell("x'31'", json!({"datatype": "int"})).await.unwrap(), "1");
    let text = json!({"datatype": "char", "arraysize": "*"});
    assert_eq!(cell("x'6162'", text).await.unwrap(), "ab");
    let bytes = "CASE n WHEN 3 THEN x'ff' ELSE 'a' END";
    assert_names_the_cell(bytes, "char", Some("*"), "not UTF-8").await;
}

/// MariaDB sends a BIT of an expression as a decimal number, and a column as bits.
#[tokio::test]
async fn a_bit_is_a_column_or_cast_to_a_number() {
    SERVER
        .sql(
            "CREATE TABLE masks (id INT PRIMARY KEY, flag BIT(1), mask BIT(8), wide BIT(16), big BIT(64));
             INSERT INTO masks VALUES (1, b'1', b'00000101', 42, 12345678),
                                      (2, b'0', b'00000011', 17, 1)",
        )
        .unwrap();
    for (column, expected) in [("flag", "1"), ("mask", "5"), ("wide", "42"), ("big", "12345678")] {
        for expression in [
            "MAX(@)",
            "MIN(@)",
            "(SELECT @ FROM masks WHERE id = 1)",
            "IF(1, @, @)",
            "CASE WHEN 1 THEN @ ELSE @ END",
            "COALESCE(@, @)",
            "NULLIF(@, 3)",
            "GREATEST(@, @)",
        ] {
            let expression = expression.replace('@', column);
            let whole = format!("{expression} AS x FROM masks WHERE id = 1 --");
            for metadata in [json!({"name": "x"}), json!({"name": "x", "datatype": "int"})] {
                match cell(&whole, metadata).await {
                    Err(error) => {
                        let said = format!("{error:#}");
                        assert!(said.contains("CAST(x AS UNSIGNED)"), "{expression}: {said}");
                    }
                    // The server may give the type of the expression as a number; then the value is right.
                    Ok(read) => {
                        let cast =
                            format!("CAST({expression} AS UNSIGNED) FROM masks WHERE id = 1 --");
                        assert_eq!(read, cell(&cast, json!({})).await.unwrap(), "{expression}");
                    }
                }
            }
            let cast = format!("CAST({expression} AS UNSIGNED) FROM masks WHERE id = 1 --");
            assert_eq!(cell(&cast, json!({})).await.unwrap(), expected, "{expression}");
        }
        for from in ["masks", "(SELECT * FROM masks) AS t", "(SELECT * FROM masks LIMIT 9) AS t"] {
            let query = format!("{column} AS x FROM {from} WHERE id = 1 --");
            if let Ok(read) = cell(&query, json!({"name": "x", "datatype": "long"})).await {
                assert_eq!(read, expected, "{query}");
            } else {
                assert_ne!(from, "masks", "a column of a table has to be read");
            }
        }
    }
}

#[tokio::test]
async fn zero_dates_are_an_error_unless_text_is_declared() {
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
        assert!(text.contains(zero) && text.contains("--columns: char with arraysize *"), "{text}");
        let text = json!([{"datatype": "char", "arraysize": "*"}]);
        let read = declared(&query, text).await.unwrap();
        assert_eq!(texts(&read, 0)[0].as_deref(), Some(declared_text));
    }
}

#[tokio::test]
async fn decimals_are_compared_as_numbers_if_they_are_declared_so() {
    SERVER
        .sql("CREATE TABLE decimals (de DECIMAL(5, 2)); INSERT INTO decimals VALUES (0.5), (9), (10)")
        .unwrap();
    let doubles = column_list(json!([{"datatype": "double"}]));
    let matching = |query, columns| {
        let selection = Selection { condition: Some("de > 1"), columns, ..Selection::default() };
        async move { selected_rows(&SERVER.url(), query, selection).await }
    };
    let error = matching("SELECT * FROM decimals", None).await.unwrap_err();
    assert!(error.to_string().contains("double with --columns, or CAST"), "{error}");
    for (query, columns) in [
        ("SELECT * FROM decimals", Some(&doubles)),
        ("SELECT CAST(de AS DOUBLE) AS de FROM decimals", None),
    ] {
        assert_eq!(matching(query, columns).await.unwrap().num_rows(), 2, "{query}");
    }
}
