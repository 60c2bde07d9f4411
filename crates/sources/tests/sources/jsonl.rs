//! JSON Lines files.

use super::*;

#[test]
fn objects_are_rows_and_members_are_columns() {
    let rows = rows_of("t.jsonl", concat!(
        "\u{feff}{\"id\": 1, \"x\": 2, \"s\": \"a\", \"v\": [1, 2.5], \"n\": null, \"e\": [], \"f\": true}\n",
        "\r\n",
        "{\"id\": 9007199254740993, \"x\": 2.5, \"v\": [], \"w\": [\"p\", null], \"m\": \"t\"}\r\n",
        "{\"x\": \"NaN\", \"s\": \"é\\n\", \"m\": 7}",
    ))
    .unwrap();
    for (name, expected) in [
        ("id", "1|9007199254740993|-"),
        ("x", "2.0|2.5|NaN"),
        ("s", "a|-|é\n"),
        ("v", "[1.0, 2.5]|[]|-"),
        ("n", "-|-|-"),
        ("e", "[]|-|-"),
        ("f", "true|-|-"),
        ("w", "-|[p, -]|-"),
        ("m", "-|t|7"),
    ] {
        assert_eq!(shown(&rows, name), expected, "{name}");
    }
    assert_eq!(rows.schema().field(0).name(), "id", "in the order in which they appear");
}

/// As in CSV files.
#[test]
fn integers_keep_their_digits_beside_doubles() {
    let rows = rows_of("t.jsonl", concat!(
        "{\"a\": 9007199254740993, \"b\": 9223372036854775808, \"c\": 1, \"d\": 9007199254740993, \"v\": [1.5]}\n",
        "{\"a\": 1.5, \"b\": 1, \"c\": 2.5, \"d\": 1, \"v\": [9007199254740993]}\n",
    ))
    .unwrap();
    for (name, expected, data_type) in [
        ("a", "9007199254740993|1.5", DataType::Utf8),
        ("b", "9223372036854775808|1", DataType::Utf8),
        ("c", "1.0|2.5", DataType::Float64),
        ("d", "9007199254740993|1", DataType::Int64),
    ] {
        assert_eq!(shown(&rows, name), expected, "{name}");
        assert_eq!(rows.column_by_name(name).unwrap().data_type(), &data_type, "{name}");
    }
    assert_eq!(shown(&rows, "v"), "[1.5]|[9007199254740993]");
}

#[test]
fn a_line_that_does_not_fit_is_named() {
    let many = "{\"id\": 1}\n".repeat(1232);
    for (text, words) in [
        (format!("{many}{{\"id\": \"x\"}}\n"), "row 1233: "),
        (format!("{many}{{\"id\": 1, \"more\": 2}}\n"), "row 1233: "),
        (format!("{many}{{\"id\": 1\n"), "row 1233: "),
        (format!("{many}{{\"id\": 1}} {{\"id\": 2}}\n"), "row 1233: "),
        ("{\"id\": 1}\n[2]\n".to_owned(), "row 2: "),
        ("{\"id\": 1, \"x\": 1, \"id\": 2}\n".to_owned(), "the object has two members \"id\""),
        ("{\"id\": 1}\n{\"id\": }\n".to_owned(), "row 2: "),
        ("{\"metadata\":[\n{}]}".to_owned(), "not a JSON object in one line"),
    ] {
        let error = format!("{:#}", rows_of("t.jsonl", &text).unwrap_err());
        assert!(error.contains(words) && error.contains("t.jsonl"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_we_write_is_read_back() {
    let sql = "SELECT * FROM stars";
    let demo = rows(&query("demo", sql)).unwrap();
    let (_folder, path) = encoded(&query("demo", sql), taploom_format_json::JSONL_PLUGIN);
    let read = rows(&Request::new(&path)).unwrap();
    for field in demo.schema().fields() {
        // Timestamps are read as text.
        let back = shown(&read, field.name()).replace(".000000", "");
        let original = shown(&demo, field.name());
        let as_number =
            |text: &str| text.parse::<f64>().map_or(text.to_owned(), |n| (n as f32).to_string());
        let same =
            back.split('|').zip(original.split('|')).all(|(a, b)| as_number(a) == as_number(b));
        assert!(same, "{}: {back} {original}", field.name());
    }
}
