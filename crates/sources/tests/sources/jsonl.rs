//! JSON Lines.

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use taploom_format::EncoderRegistry;

use super::*;

fn read(text: &str) -> Result<RecordBatch> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    std::fs::write(&path, text).unwrap();
    rows(&Request::new(path.to_str().unwrap()))
}

fn shown(rows: &RecordBatch, name: &str) -> String {
    let column = rows.column_by_name(name).unwrap();
    let options = FormatOptions::new().with_null("-");
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    (0..rows.num_rows()).map(|row| formatter.value(row).to_string()).collect::<Vec<_>>().join("|")
}

#[test]
fn objects_are_rows_and_members_are_columns() {
    let rows = read(concat!(
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

#[test]
fn a_line_that_does_not_fit_is_named() {
    let many = "{\"id\": 1}\n".repeat(1232);
    for (text, words) in [
        (format!("{many}{{\"id\": \"x\"}}\n"), "row 1233: "),
        (format!("{many}{{\"id\": 1, \"more\": 2}}\n"), "row 1233: "),
        (format!("{many}{{\"id\": 1\n"), "row 1233: "),
        (format!("{many}{{\"id\": 1}} {{\"id\": 2}}\n"), "row 1233: "),
        ("{\"id\": 1}\n[2]\n".to_owned(), "row 2: "),
        ("{\"id\": 1}\n{\"id\": }\n".to_owned(), "row 2: "),
        ("{\"metadata\":[\n{}]}".to_owned(), "not a JSON object in one line"),
    ] {
        let error = format!("{:#}", read(&text).unwrap_err());
        assert!(error.contains(words) && error.contains("t.jsonl"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn what_we_write_is_read_back() {
    let sql = "SELECT * FROM stars";
    let demo = rows(&query("demo", sql)).unwrap();
    let mut source = block_on(open(&query("demo", sql))).unwrap();
    let registry = EncoderRegistry::new([taploom_format_json::JSONL_PLUGIN]).unwrap();
    let spec = registry.request("jsonl").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stars.jsonl");
    let sink = Box::new(std::fs::File::create(&path).unwrap());
    block_on(taploom_pipeline::run(&mut source, &spec, sink, &mut |_| ())).unwrap();
    let read = rows(&Request::new(path.to_str().unwrap())).unwrap();
    for field in demo.schema().fields() {
        // Timestamps come back as text.
        let back = shown(&read, field.name()).replace(".000000", "");
        let original = shown(&demo, field.name());
        let as_number =
            |text: &str| text.parse::<f64>().map_or(text.to_owned(), |n| (n as f32).to_string());
        let same =
            back.split('|').zip(original.split('|')).all(|(a, b)| as_number(a) == as_number(b));
        assert!(same, "{}: {back} {original}", field.name());
    }
}
