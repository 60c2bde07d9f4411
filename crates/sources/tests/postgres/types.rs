//! The types of the server, and the types that the caller declares.

use super::psql::assert_shown_by_psql;
use super::*;

/// An expression for each type, the Arrow type that it is read as, and the VOTable type.
fn expressions_of_every_type() -> Vec<(&'static str, DataType, &'static str)> {
    use DataType::*;

    let list = |element: DataType| DataType::new_list(element, true);
    let text = "unicodeChar of arraysize *";
    let ascii = "char of arraysize *";
    vec![
        ("true", Boolean, "boolean"),
        ("'-32768'::int2", Int16, "short"),
        ("'-2147483648'::int4", Int32, "int"),
        ("'-9223372036854775808'::int8", Int64, "long"),
        ("'4294967295'::oid", Int64, "long"),
        ("'1e-42'::float4", Float32, "float"),
        ("'-Infinity'::float4", Float32, "float"),
        ("'0.1'::float8", Float64, "double"),
        ("'NaN'::float8", Float64, "double"),
        ("'-0'::float8", Float64, "double"),
        ("1.50::numeric(5, 2)", Decimal128(5, 2), ascii),
        ("'-0.000001'::numeric(38, 6)", Decimal128(38, 6), ascii),
        ("1.50::numeric", Utf8, ascii),
        ("'NaN'::numeric", Utf8, ascii),
        ("1e400::numeric(450, 2)", Utf8, ascii),
        ("12345::numeric(3, -2)", Utf8, ascii),
        ("'$1,000.50'::money", Utf8, text),
        ("'é \\ \" | x'::text", Utf8, text),
        ("'ab'::char(5)", Utf8, text),
        ("'ab'::varchar(5)", Utf8, text),
        ("'x'::\"char\"", Utf8, text),
        ("'pg_class'::name", Utf8, text),
        ("'\\x00ff10'::bytea", Binary, "unsignedByte of arraysize *"),
        ("'2024-02-29'::date", Date32, ascii),
        ("'2024-02-29 23:59:59.123456'::timestamp", Timestamp(TimeUnit::Microsecond, None), ascii),
        ("'1960-02-29 23:59:59.5'::timestamp(3)", Timestamp(TimeUnit::Millisecond, None), ascii),
        ("'0001-01-01 00:00:00'::timestamp(0)", Timestamp(TimeUnit::Second, None), ascii),
        (
            "'2024-02-29 23:59:59.5+05:30'::timestamptz",
            Timestamp(TimeUnit::Microsecond, None),
            ascii,
        ),
        ("'23:59:59.5'::time", Utf8, ascii),
        ("'23:59:59.5+05'::timetz", Utf8, ascii),
        ("'1 year 2 mons -3 days 04:05:06.7'::interval", Utf8, ascii),
        ("'{\"a\": [1, \"é\"]}'::json", Utf8, text),
        ("'{\"b\": 1, \"a\": null}'::jsonb", Utf8, text),
        ("'$.a[*]'::jsonpath", Utf8, text),
        ("'<a>é</a>'::xml", Utf8, text),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", Utf8, ascii),
        ("'192.168.0.1/24'::inet", Utf8, ascii),
        ("'10.0.0.0/8'::cidr", Utf8, ascii),
        ("'08:00:2b:01:02:03'::macaddr", Utf8, ascii),
        ("B'10110'", Utf8, ascii),
        ("B'101'::varbit(9)", Utf8, ascii),
        ("'(1,2.5)'::point", Utf8, ascii),
        ("'<(1,2),3>'::circle", Utf8, ascii),
        ("'((0,0),(1,0),(1,1))'::polygon", Utf8, ascii),
        ("'[1,5)'::int4range", Utf8, ascii),
        ("'{[1,5),[7,9)}'::int4multirange", Utf8, ascii),
        ("'[2024-01-01,2024-02-01)'::daterange", Utf8, ascii),
        ("'fat & cat'::tsquery", Utf8, text),
        ("'pg_class'::regclass", Utf8, text),
        ("ROW(1, 'two', NULL)", Utf8, text),
        ("'{1,NULL,-3}'::int2[]", list(Int16), "short of arraysize *"),
        ("'{}'::int4[]", list(Int32), "int of arraysize *"),
        ("'{9223372036854775807}'::int8[]", list(Int64), "long of arraysize *"),
        ("'{0.1,NaN,-Infinity}'::float4[]", list(Float32), "float of arraysize *"),
        ("'{0.1,NULL,1e300}'::float8[]", list(Float64), "double of arraysize *"),
        ("'{t,f,NULL}'::bool[]", list(Boolean), "boolean of arraysize *"),
        ("'{1.5,NULL}'::numeric[]", Utf8, ascii),
        ("'{a,\"b c\",NULL}'::text[]", Utf8, text),
        ("'{{a,b},{c,d}}'::text[]", Utf8, text),
        ("'{2024-01-01}'::date[]", Utf8, ascii),
        ("'rosy'::mood", Utf8, text),
        ("'{rosy}'::mood[]", Utf8, text),
        ("5::magnitude", Float64, "double"),
        ("ROW(1, 2.5)::pair", Utf8, text),
        ("'1=>2'::hstore", Utf8, text),
        ("int8_to_xid(77)", Utf8, ascii),
        ("NULL", Utf8, text),
        ("pg_sleep(0)", Utf8, text),
    ]
}

/// Creates the types that are not part of PostgreSQL.
pub(super) fn create_types() {
    static MADE: LazyLock<()> = LazyLock::new(|| {
        SERVER
            .sql(
                "CREATE TYPE mood AS ENUM ('rosy', 'grim');
                 CREATE DOMAIN magnitude AS float8 CHECK (VALUE < 30);
                 CREATE TYPE pair AS (a int, b float8);
                 CREATE EXTENSION hstore;
                 CREATE FUNCTION int8_to_xid(int) RETURNS xid LANGUAGE sql AS 'SELECT $1::text::xid'",
            )
            .unwrap();
    });
    LazyLock::force(&MADE);
}

/// A query for a value of every type, and a null of every type.
pub(super) fn query_of_every_type() -> String {
    // A subquery keeps the precision of a type, and gives a null where it has no row.
    let columns: Vec<_> = expressions_of_every_type()
        .iter()
        .enumerate()
        .map(|(index, (expression, ..))| format!("(SELECT {expression} WHERE n = 1) AS c{index}"))
        .collect();
    format!("SELECT {} FROM generate_series(1, 2) n", columns.join(", "))
}

#[tokio::test]
async fn every_type_has_the_value_that_psql_shows() {
    create_types();
    let types = expressions_of_every_type();
    let query = query_of_every_type();
    let url = SERVER.url();
    let source = open(&Request::new(&url).with_query(query.as_str())).await.unwrap();
    let schema = source.schema();
    let read = schema.columns().iter().zip(schema.arrow().fields());
    assert_eq!(read.len(), types.len());
    for ((column, field), (expression, data_type, vo_type)) in read.zip(&types) {
        assert_eq!(field.data_type(), data_type, "{expression}");
        assert_eq!(&column.vo_type().unwrap().to_string(), vo_type, "{expression}");
    }
    drop(source);
    assert_shown_by_psql(&rows(&query).await, &query);
}

#[tokio::test]
async fn every_column_of_the_catalogue_is_read() {
    for table in ["pg_type", "pg_attribute", "pg_proc", "pg_index", "pg_operator"] {
        let query = format!("SELECT * FROM {table} ORDER BY 1, 2 LIMIT 200");
        assert_shown_by_psql(&rows(&query).await, &query);
    }
}

#[tokio::test]
async fn what_can_not_be_represented_is_an_error_with_a_remedy() {
    for (expression, shown) in [
        ("'infinity'::date", "infinity"),
        ("'-infinity'::timestamp", "-infinity"),
        ("'infinity'::timestamptz", "infinity"),
        ("'294276-12-31'::timestamp", "after the year 294246"),
        ("'NaN'::numeric(5, 2)", "\"NaN\""),
        ("'{{1,2},{3,4},{5,6}}'::int4[]", "an array of 3x2 elements"),
    ] {
        let query =
            format!("SELECT (SELECT {expression} WHERE n = 3) AS x FROM generate_series(1, 5) n");
        let error = rows_of(&SERVER.url(), &query, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error:#}");
        assert_eq!((error.column(), error.row()), (Some("x"), Some(3)), "{error:#}");
        let words = error.message();
        assert!(words.contains(shown) && words.contains("--columns"), "{error:#}");
        let text = json!([{"name": "x", "datatype": "char", "arraysize": "*"}]);
        let read = declared(&query, text).await.unwrap();
        assert_eq!(read.num_rows(), 5, "{query}");
        assert!(!read.column(0).is_null(2));
    }
}

#[tokio::test]
async fn arrays_have_the_dimensions_that_are_declared() {
    let array = "SELECT '{{1,2},{3,4},{5,6}}'::int4[] AS x";
    for (datatype, arraysize) in
        [("int", "2x*"), ("int", "2x3"), ("double", "2x*"), ("short", "2x3")]
    {
        let columns = json!([{"datatype": datatype, "arraysize": arraysize}]);
        let read = declared(array, columns).await.unwrap();
        let elements = cast(&read.column(0).as_list::<i32>().value(0), &DataType::Int32).unwrap();
        assert_eq!(elements.as_primitive::<Int32Type>().values(), &[1, 2, 3, 4, 5, 6]);
    }
    for (query, arraysize) in
        [(array, "3x*"), (array, "*"), ("SELECT '{{{1,2},{3,4}}}'::int4[] AS x", "2x*")]
    {
        let columns = json!([{"datatype": "int", "arraysize": arraysize}]);
        let error = declared(query, columns).await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidValue, Some("x")), "{error}");
    }
    let three_dimensions = "SELECT '{{{1,2},{3,4}}}'::int4[] AS x";
    let error = rows_of(&SERVER.url(), three_dimensions, None).await.unwrap_err();
    assert!(error.message().contains("arraysize 2x2x* with --columns"), "{error}");
    declared(three_dimensions, json!([{"arraysize": "2x2x*"}])).await.unwrap();

    // Indexes may begin at any number.
    let read = rows("SELECT '[5:6]={1,2}'::int4[] || 3").await;
    let elements = read.column(0).as_list::<i32>().value(0);
    assert_eq!(elements.as_primitive::<Int32Type>().values(), &[1, 2, 3]);
}

#[tokio::test]
async fn a_declared_datatype_decides_how_a_cell_is_read() {
    for (expression, datatype, arraysize, expected) in [
        ("5::int8", "short", None, "5"),
        ("5::int4", "double", None, "5.0"),
        ("'2.5'::text", "double", None, "2.5"),
        ("2.5::numeric", "double", None, "2.5"),
        ("2.50::numeric(5, 2)", "char", Some("*"), "2.50"),
        ("3.0::numeric(5, 1)", "int", None, "3"),
        ("true", "char", Some("*"), "t"),
        ("'\\x00ff'::bytea", "char", Some("*"), "\\x00ff"),
        ("'{1,2}'::int4[]", "char", Some("*"), "{1,2}"),
        ("'2024-01-02'::date", "char", Some("*"), "2024-01-02"),
        ("'2024-01-02 03:04:05'::timestamp", "char", Some("*"), "2024-01-02T03:04:05.000"),
        ("'2024-01-02 03:04:05.5+01'::timestamptz", "char", Some("*"), "2024-01-02T02:04:05.500"),
        ("'infinity'::timestamptz", "char", Some("*"), "infinity"),
    ] {
        let columns = json!([{"datatype": datatype, "arraysize": arraysize}]);
        let read = declared(&format!("SELECT {expression} AS x"), columns).await.unwrap();
        assert_eq!(texts(&read, 0), [Some(expected.to_owned())], "{expression}");
    }
    let bits = json!([{"datatype": "bit", "arraysize": "*"}]);
    let read = declared("SELECT B'1011' AS x", bits).await.unwrap();
    let bits = read.column(0).as_list::<i32>().value(0);
    let bits: Vec<_> = bits.as_boolean().iter().map(Option::unwrap).collect();
    assert_eq!(bits, [true, false, true, true]);
}

#[tokio::test]
async fn comments_on_columns_are_descriptions() {
    SERVER
        .sql(
            "CREATE TABLE described (ra float8, note text);
             COMMENT ON COLUMN described.ra IS 'Right ascension, in °';
             CREATE VIEW seen AS SELECT ra, ra * 2 AS twice FROM described;
             COMMENT ON COLUMN seen.twice IS 'Twice'",
        )
        .unwrap();
    let url = SERVER.url();
    let descriptions = |query: &'static str| {
        let url = url.clone();
        async move {
            let source = open(&Request::new(&url).with_query(query)).await.unwrap();
            let columns = source.schema().columns().iter();
            columns.map(|column| column.metadata().description.clone()).collect::<Vec<_>>()
        }
    };
    let ra = Some("Right ascension, in °".to_owned());
    assert_eq!(descriptions("SELECT note, ra AS x FROM described").await, [None, ra]);
    let twice = Some("Twice".to_owned());
    assert_eq!(descriptions("SELECT ra, twice, 1 FROM seen").await, [None, twice, None]);
}
