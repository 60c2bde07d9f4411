//! Special values, and values at the limits of their types.

use arrow_array::types::{Date32Type, TimestampMicrosecondType};

use super::databases::{assert_names_the_cell, cell};
use super::psql::assert_shown_by_psql;
use super::*;

#[tokio::test]
async fn nan_infinity_and_the_limits_of_numeric() {
    let query = "SELECT 'NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric, '-0'::numeric,
                        1e-16383::numeric, 1e131071::numeric, '{NaN,Infinity,NULL}'::numeric[]";
    assert_shown_by_psql(&rows(query).await, query);
    for (expression, expected) in [
        ("'NaN'::numeric", "NaN"),
        ("'Infinity'::numeric", "inf"),
        ("'-Infinity'::numeric", "-inf"),
        ("'NaN'::numeric(10, 2)", "NaN"),
        ("1e-400::numeric", "0.0"),
    ] {
        let read = cell(expression, json!({"datatype": "double"})).await.unwrap();
        assert_eq!(read, expected, "{expression}");
    }
    let nan = "CASE n WHEN 3 THEN 'NaN'::numeric ELSE 1 END";
    assert_names_the_cell(nan, "int", None, "\"NaN\"").await;
    let large = "CASE n WHEN 3 THEN 1e400 ELSE 1 END";
    assert_names_the_cell(large, "double", None, "(401 bytes)").await;
}

#[tokio::test]
async fn years_before_1_and_after_9999() {
    for (date, days) in [
        ("0001-01-01", -719_162),
        ("0001-12-31 BC", -719_163),
        ("0044-03-15 BC", -735_160),
        ("4714-11-24 BC", -2_440_588),
        ("10000-01-01", 2_932_897),
        ("5874897-12-31", 2_145_042_905),
    ] {
        let read = rows(&format!("SELECT '{date}'::date")).await;
        assert_eq!(read.column(0).as_primitive::<Date32Type>().value(0), days, "{date}");
    }
    for (time, micros) in [
        ("0001-01-01 00:00:00", -62_135_596_800_000_000),
        ("0001-12-31 23:59:59.999999 BC", -62_135_596_800_000_001),
        ("4714-11-24 00:00:00 BC", -210_866_803_200_000_000),
        ("10000-01-01 00:00:00", 253_402_300_800_000_000),
    ] {
        let query = format!("SELECT '{time}'::timestamp, '{time}'::timestamp AT TIME ZONE 'UTC'");
        let read = rows(&query).await;
        for column in read.columns() {
            let instant = column.as_primitive::<TimestampMicrosecondType>().value(0);
            assert_eq!(instant, micros, "{time}");
        }
    }
}

#[tokio::test]
async fn years_before_1_and_after_9999_as_text() {
    let text = json!({"datatype": "char", "arraysize": "*"});
    for (expression, expected) in [
        ("'0044-03-15 BC'::date", "0044-03-15 BC"),
        ("'0044-03-15 12:00:00 BC'::timestamp", "0044-03-15 12:00:00 BC"),
        ("'0044-03-15 12:00:00.5+00 BC'::timestamptz", "0044-03-15 12:00:00.5+00 BC"),
        ("'10000-01-01'::date", "10000-01-01"),
        ("'10000-01-01 12:00:00'::timestamp", "10000-01-01T12:00:00.000"),
        ("'10000-01-01 12:00:00.5+01'::timestamptz", "10000-01-01T11:00:00.500"),
    ] {
        assert_eq!(cell(expression, text.clone()).await.unwrap(), expected, "{expression}");
    }
}

#[tokio::test]
async fn arrays_of_unusual_types_and_forms() {
    SERVER
        .sql(
            "CREATE DOMAIN triple AS int[] CHECK (cardinality(VALUE) = 3);
             CREATE DOMAIN positive AS int CHECK (VALUE > 0);
             CREATE DOMAIN deep AS triple;
             CREATE TYPE shade AS ENUM ('a b', 'c,\"d', 'NULL', '');
             CREATE TYPE knot AS (n int, words text[], inner_range int4range)",
        )
        .unwrap();
    let query = r#"SELECT '{1,2,3}'::triple, '{1,2,3}'::deep, '{1,2}'::positive[], 5::positive,
                        ARRAY['a b', 'c,"d', 'NULL', '']::shade[], '{}'::knot[],
                        ROW(1, '{"a b",NULL,"NULL",""}', '[1,2)')::knot,
                        ARRAY[ROW(1, '{"\""}', 'empty'), NULL]::knot[],
                        '{}'::text[], '{}'::int[], '{NULL}'::int[], NULL::int[],
                        '[-2:0]={a,b,c}'::text[], '{{a,NULL},{"NULL",""}}'::text[],
                        '{"[1,2)",empty}'::int4range[], '1 2'::int2vector, '{true}'::bool[],
                        ARRAY['{"a": 1}']::json[], ARRAY['\x00ff']::bytea[]"#;
    assert_shown_by_psql(&rows(query).await, query);
}

#[tokio::test]
async fn arrays_of_numbers_with_bounds_and_dimensions() {
    let cells = |read: &RecordBatch| {
        let list = read.column(0).as_list::<i32>().value(0);
        list.as_primitive::<Int32Type>().iter().collect::<Vec<_>>()
    };
    // Indexes may begin at any number.
    for bounds in ["[0:1]", "[-5:-4]", "[2147483645:2147483646]", "[1:2]"] {
        let read = rows(&format!("SELECT '{bounds}={{7,NULL}}'::int4[]")).await;
        assert_eq!(cells(&read), [Some(7), None], "{bounds}");
    }
    for (array, arraysize, expected) in [
        ("{{1,NULL},{NULL,4}}", "2x*", &[Some(1), None, None, Some(4)][..]),
        ("[0:1][-1:0]={{1,2},{3,4}}", "2x2", &[Some(1), Some(2), Some(3), Some(4)]),
        ("{{{1},{2}}}", "1x2x*", &[Some(1), Some(2)]),
        ("{{1,2}}", "2x*", &[Some(1), Some(2)]),
        ("{}", "2x*", &[]),
        ("{}", "*", &[]),
    ] {
        let columns = json!([{"datatype": "int", "arraysize": arraysize}]);
        let read = declared(&format!("SELECT '{array}'::int4[]"), columns).await.unwrap();
        assert_eq!(cells(&read), expected, "{array}");
    }
    let large = rows("SELECT array_agg(n) FROM generate_series(1, 300000) n").await;
    assert!(cells(&large).into_iter().eq((1..=300_000).map(Some)));
}

#[tokio::test]
async fn an_array_without_the_declared_dimensions_is_an_error() {
    let mut wrong = Vec::new();
    for (array, arraysize) in [
        ("{{1,2,3}}", "2x*"),
        ("{{1},{2}}", "2x*"),
        ("{{1,2}}", "*"),
        ("{1,2,3}", "2x*"),
        ("{1,2,3}", "2x3"),
        ("{1,2,3,4}", "2x1*"),
        ("{1,2,3}", "2"),
        ("{1,2,3}", "2*"),
        ("{}", "3"),
    ] {
        for datatype in [Some("int"), Some("double"), None] {
            let columns = json!([{"name": "x", "datatype": datatype, "arraysize": arraysize}]);
            let query = format!(
                "SELECT (SELECT '{array}'::int4[] WHERE n = 3) FROM generate_series(1, 5) n"
            );
            let named = match declared(&query, columns).await {
                Ok(_) => None,
                Err(error) => {
                    let named = (error.kind(), error.column().map(str::to_owned), error.row());
                    (named == (ErrorKind::InvalidValue, Some("x".to_owned()), Some(3)))
                        .then_some(error)
                }
            };
            if named.is_none_or(|error| !error.message().contains("an array of")) {
                wrong.push((array, arraysize, datatype));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn types_without_an_arrow_type_are_text_as_psql_shows_it() {
    let query = "SELECT '<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>é</a>'::xml,
                        xmlforest('x' AS \"a b\", '\\x00ff'::bytea AS b, '2024-01-02'::date AS c),
                        '-92233720368547758.08'::money, '0'::money,
                        '[infinity,infinity]'::daterange, '(,\"2024-01-01 12:00:00+02\"]'::tstzrange,
                        'empty'::numrange, '178000000 years'::interval, '-1 mons +1 day -00:00:00.000001'::interval,
                        '24:00:00'::time, '00:00:00.000001-15:59'::timetz, 'infinity'::timestamptz::text,
                        'a:1A fat:2B,4C'::tsvector, '::ffff:1.2.3.4'::inet, '0/16AE7F7'::pg_lsn,
                        '{\"a\":\"\\u0041\", \"a\":2}'::json, '{\"a\":1e400}'::jsonb, E'\\t\\n\\r\\x01'::text,
                        (-56)::\"char\", 0::\"char\"";
    assert_shown_by_psql(&rows(query).await, query);
}
