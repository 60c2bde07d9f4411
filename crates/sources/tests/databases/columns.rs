//! Types and names that the caller declares.

use arrow_array::types::{Float64Type, Int64Type};

use super::*;

#[tokio::test]
async fn a_declared_type_decides_how_a_value_is_read() {
    for (expression, datatype, arraysize, expected) in [
        ("1", "boolean", None, "true"),
        ("'f'", "boolean", None, "false"),
        ("'True'", "boolean", None, "true"),
        ("b'1'", "bit", None, "true"),
        ("'200'", "unsignedByte", None, "200"),
        ("'-5'", "short", None, "-5"),
        ("SUM(3)", "int", None, "3"),
        ("AVG(3)", "int", None, "3"),
        ("1e15", "long", None, "1000000000000000"),
        ("'9223372036854775807'", "long", None, "9223372036854775807"),
        ("1.25", "float", None, "1.25"),
        ("1", "double", None, "1.0"),
        ("1.13173E+98", "double", None, "1.13173e98"),
        ("'NaN'", "double", None, "NaN"),
        ("'-Inf'", "float", None, "-inf"),
        ("'+Inf'", "float", None, "inf"),
        ("42", "char", Some("*"), "42"),
        ("'é'", "unicodeChar", Some("10"), "é"),
        ("'a b'", "char", Some("*"), "a b"),
        ("'1 -2  3'", "short", Some("3"), "1 -2 3"),
        ("'1.5 NaN'", "double", Some("*"), "1.5 NaN"),
        ("''", "float", Some("*"), ""),
        ("'1.5 -2.5'", "doubleComplex", None, "1.5 -2.5"),
        ("'1 2 3 4'", "floatComplex", Some("2"), "1.0 2.0 3.0 4.0"),
        ("'0110'", "bit", Some("4"), "false true true false"),
        ("'1 0'", "bit", Some("*"), "true false"),
        ("'T F ?'", "boolean", Some("3"), "true false null"),
        ("'1 2 255'", "unsignedByte", Some("*"), "1 2 255"),
        ("'1 2 3 4'", "int", Some("2x2"), "1 2 3 4"),
        ("NULL", "int", None, "null"),
    ] {
        let read = cell(expression, json!({"datatype": datatype, "arraysize": arraysize})).await;
        let read = read.unwrap_or_else(|error| panic!("{expression}: {error:#}"));
        assert_eq!(read, expected, "{expression} as {datatype} {arraysize:?}");
    }
}

#[tokio::test]
async fn times_as_text_have_at_least_milliseconds() {
    for (time, decimals, xtype, expected) in [
        ("2025-05-23 17:00:35.025", "(3)", None, "2025-05-23T17:00:35.025"),
        ("2025-05-23 17:00:35", "(0)", Some("timestamp"), "2025-05-23T17:00:35.000"),
    ] {
        let expression = format!("CAST('{time}' AS {}{decimals})", Server::DATETIME);
        let metadata = json!({"datatype": "char", "arraysize": "*", "xtype": xtype});
        assert_eq!(cell(&expression, metadata).await.unwrap(), expected, "{expression}");
    }
}

#[tokio::test]
async fn a_cell_that_does_not_fit_is_named() {
    for (expression, datatype, arraysize, words) in [
        ("CASE n WHEN 3 THEN 'many' ELSE '1' END", "int", None, "\"many\" does not fit into int"),
        ("CASE n WHEN 3 THEN 70000 ELSE 1 END", "short", None, "\"70000\""),
        ("CASE n WHEN 3 THEN -1 ELSE 1 END", "unsignedByte", None, "\"-1\""),
        ("CASE n WHEN 3 THEN 1.5 ELSE 1 END", "long", None, "\"1.5\""),
        ("CASE n WHEN 3 THEN '1e400' ELSE '1' END", "double", None, "\"1e400\""),
        ("CASE n WHEN 3 THEN '1e39' ELSE '1' END", "float", None, "\"1e39\""),
        ("CASE n WHEN 3 THEN 2 ELSE 1 END", "boolean", None, "\"2\""),
        ("CASE n WHEN 3 THEN '1 x' ELSE '1' END", "int", Some("*"), "\"1 x\""),
        ("CASE n WHEN 3 THEN REPEAT('y', 5000) ELSE '1' END", "int", None, "yyy\"... (5000 bytes)"),
        ("CASE n WHEN 3 THEN '' ELSE '1' END", "int", None, "\"\""),
        (
            "CASE n WHEN 3 THEN '1 2 3' ELSE '1 2' END",
            "int",
            Some("2x*"),
            "an array of 3 elements does not fit into int of arraysize 2x*",
        ),
        (
            "CASE n WHEN 3 THEN '1' ELSE '1 2' END",
            "double",
            Some("2"),
            "an array of 1 element does not fit into double of arraysize 2; an arraysize that ends with *",
        ),
        ("CASE n WHEN 3 THEN '1 2 3' ELSE '1 2' END", "floatComplex", Some("*"), "an array of 3"),
        ("CASE n WHEN 3 THEN '1 2 3' ELSE '1 2' END", "floatComplex", None, "an array of 3"),
        ("CASE n WHEN 3 THEN '011' ELSE '01' END", "bit", Some("2*"), "an array of 3"),
    ] {
        assert_names_the_cell(expression, datatype, arraysize, words).await;
    }
}

#[tokio::test]
async fn columns_are_declared_by_position_and_get_the_declared_names() {
    let query = format!("SELECT 1 AS a, CAST(2.5 AS {}) AS b", Server::DOUBLE);
    let columns = json!([{"name": "b", "datatype": "long", "unit": "deg"}, {}]);
    let read = declared(&query, columns).await.unwrap();
    assert_eq!(read.schema().field(0).name(), "b");
    assert_eq!(read.schema().field(1).name(), "b");
    assert_eq!(read.column(0).as_primitive::<Int64Type>().value(0), 1);
    assert_eq!(read.column(1).as_primitive::<Float64Type>().value(0), 2.5);

    let error = declared("SELECT 1, 2, 3", json!([{}, {}])).await.unwrap_err();
    assert!(error.is_caller_fault());
    assert!(error.message().contains("gives 3 columns, but 2 are declared"), "{error}");
    let strings = json!([{"name": "s", "datatype": "char", "arraysize": "8x3"}]);
    let error = declared("SELECT 'a'", strings).await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::UnsupportedColumn, Some("s")));
}

#[tokio::test]
async fn names_of_columns_are_those_of_the_query() {
    let names = ["x", "x", "X", "a.b", "α β", "it's", "select", "a\tb", "%s{}"];
    let quoted = names.iter().map(|name| format!("1 AS {}", Server::quoted(name)));
    let read = rows(&format!("SELECT {}", quoted.collect::<Vec<_>>().join(", "))).await;
    let schema = read.schema();
    assert!(schema.fields().iter().map(|field| field.name()).eq(&names), "{schema:?}");
    for quote in ["\"", "`", "\\", "a\"b``c\\"] {
        let read = rows(&format!("SELECT 1 AS {}", Server::quoted(quote))).await;
        assert_eq!(read.schema().field(0).name(), quote);
    }
}
