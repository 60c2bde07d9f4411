//! `--select` and `--where`: the resulting output, and errors.

use crate::common::{Folder, taploom};

/// The CSV with the selected rows and columns of a small table, which is read from several file formats.
fn written(source: &str, options: &[&str]) -> String {
    let arguments = [&["encode", source, "-f", "csv"], options].concat();
    let run = taploom(&arguments);
    run.succeeds();
    String::from_utf8(run.stdout).unwrap().replace("\r\n", "\n")
}

const STARS: &str =
    "id,name,B-V,vmag\n1,Vega,0.00,0.03\n2,Altair,0.22,0.76\n3,Deneb,,1.25\n4,,1.5,\n";

#[test]
fn columns_and_rows_are_chosen_from_every_kind_of_file() {
    let folder = Folder::new();
    let csv = folder.write("stars.csv", STARS);
    for extension in ["csv", "parquet", "arrow", "vot"] {
        let source = folder.path(&format!("stars.{extension}"));
        if extension != "csv" {
            taploom(&["encode", &csv, "-o", &source]).succeeds();
        }
        let cases: [(&[&str], &str); 7] = [
            (&["--select", "vmag AS v, id"], "v,id\n0.03,1\n0.76,2\n1.25,3\n,4\n"),
            (&["--select", r#""B-V" AS bv, ID"#, "--where", "vmag < 1"], "bv,id\n0.0,1\n0.22,2\n"),
            (&["--select", "id", "--where", "name LIKE 'A%' OR vmag > 1"], "id\n2\n3\n"),
            (&["--select", "id", "--where", r#""B-V" IS NULL"#], "id\n3\n"),
            (&["--select", "id", "--where", "NOT vmag BETWEEN 0.03 AND 0.76"], "id\n3\n"),
            (&["--select", "id, id AS again", "--where", "id IN (4, 1)"], "id,again\n1,1\n4,4\n"),
            // The limit counts rows that meet the condition.
            (&["--select", "id", "--where", "id > 1", "--maxrec", "5"], "id\n2\n3\n4\n"),
        ];
        for (options, expected) in cases {
            assert_eq!(written(&source, options), expected, "{extension} {options:?}");
        }
    }
}

#[test]
fn a_query_is_filtered_too_and_a_limit_counts_what_is_left() {
    let query = "SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3";
    let run = taploom(&[
        "encode", "demo", "-q", query, "-f", "csv", "--where", "a <> 1", "--maxrec", "1",
    ]);
    assert_eq!(run.status, Some(0));
    assert_eq!(String::from_utf8(run.stdout).unwrap().replace("\r\n", "\n"), "a\n2\n");
    assert!(run.stderr.contains("--maxrec"), "{}", run.stderr);
}

#[test]
fn units_and_descriptions_come_along() {
    let run = taploom(&["encode", "demo", "--select", "vmag AS magnitude", "--maxrec", "1"]);
    let document = String::from_utf8(run.stdout).unwrap();
    assert!(document.contains("name=\"magnitude\""), "{document}");
    assert!(document.contains("unit=\"mag\""), "{document}");
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_a_remedy() {
    let folder = Folder::new();
    let source = folder.write("stars.csv", STARS);
    for (option, text, words) in [
        (
            "--select",
            "nmae, id",
            &["select list, character 1", "\"nmae\"", "did you mean name?"][..],
        ),
        ("--select", "id, B-V", &["character 5", "in double quotes: \"B-V\""]),
        ("--select", "id,", &["select list", "expected"]),
        ("--select", " ", &["select list", "empty"]),
        ("--select", "id; DROP TABLE x", &["select list, character 3", ";"]),
        ("--select", "count(id)", &["\"count(id)\" is not a column"]),
        ("--where", "vmga < 1", &["condition, character 1", "\"vmga\"", "did you mean vmag?"]),
        ("--where", "vmag <", &["condition", "it ends where an expression is expected"]),
        (
            "--where",
            "vmag < 'bright'",
            &["character 1", "vmag (Float64)", "numbers without quotes"],
        ),
        ("--where", "vmag", &["vmag (Float64) is not a condition"]),
        ("--where", "sqrt(vmag) < 1", &["the function sqrt is not possible here", "LIKE"]),
        ("--where", "name || 'x' = 'y'", &["the operator ||"]),
        ("--where", "id IN (SELECT 1)", &["a subquery"]),
        ("--where", "CAST(id AS TEXT) = '1'", &["CAST"]),
        ("--where", "id LIKE '1%'", &["LIKE needs text; id (Int64) is not text"]),
        ("--where", "name LIKE 'a!' ESCAPE '!'", &["ends with its escape character"]),
        ("--where", "name = \"Vega\"", &["\"Vega\"", "text is written in single quotes"]),
        ("--where", "stars.id = 1", &["one table only: write id"]),
        ("--select", "stars.id", &["one table only: write id"]),
        ("--where", "name = id", &["name (Utf8)", "datatype double with --columns, or CAST"]),
        ("--where", "vmag = true", &["vmag (Float64)", "two numbers, texts, booleans, times"]),
        ("--where", "name[1] = 'V'", &["elements of lists", "of name, only the whole column"]),
        ("--where", "id * 9223372036854775807 > 0", &["row 2", "too large", "another condition"]),
    ] {
        let out = folder.path("out.csv");
        let run = taploom(&["encode", &source, option, text, "-o", &out]);
        run.fails_with(if text.contains("* 9") { 1 } else { 2 }, words);
        assert_eq!(folder.names(), ["stars.csv"], "{text} leaves a file");
    }
}

#[test]
fn what_another_condition_decides_is_not_calculated() {
    let folder = Folder::new();
    let integers = folder.write("i.csv", "id,n\n1,0\n2,3\n3,9223372036854775807\n4,\n");
    let database = folder.path("n.db");
    let parquet = folder.path("n.parquet");
    taploom(&["encode", &integers, "-o", &parquet]).succeeds();
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (id INTEGER, n INTEGER);
             INSERT INTO t VALUES (1, 0), (2, 3), (3, 9223372036854775807), (4, NULL);",
        )
        .unwrap();
    let sqlite = format!("sqlite:{database}");
    for (source, query) in [(&integers, None), (&parquet, None), (&sqlite, Some("SELECT * FROM t"))]
    {
        for (condition, expected) in [
            ("n < 1000 AND n * n > 5", "id\n2\n"),
            ("n * n > 5 AND n < 1000", "id\n2\n"),
            ("n >= 1000 OR n + n < 5", "id\n1\n3\n"),
            ("NOT (n >= 1000 OR n + n < 5)", "id\n2\n"),
            ("n < 1000 AND (n < 0 OR -n * n * 4 < -5)", "id\n2\n"),
            // The remainder of a division by zero is null.
            ("9 % n = 0", "id\n2\n"),
            ("n <> 0 AND 9 % n = 0", "id\n2\n"),
            ("9 % n IS NULL", "id\n1\n4\n"),
            ("id % 0 = 1", "id\n"),
            // A division by zero gives an infinite double, or NaN.
            ("1 / n > 5", "id\n1\n"),
            ("isnan(0 / n)", "id\n1\n"),
        ] {
            let query = query.map_or(vec![], |query| vec!["-q", query]);
            let options = [&["--select", "id", "--where", condition], &query[..]].concat();
            assert_eq!(written(source, &options), expected, "{source} {condition}");
        }
    }
    let source = folder.write("d.csv", "id,n\n1,0.0\n2,0.5\n");
    let nan = ["--select", "id", "--where", "isnan(1 % n)"];
    assert_eq!(written(&source, &nan), "id\n1\n");
}

#[test]
fn a_row_in_an_error_is_that_of_its_file_after_rows_were_skipped() {
    let folder = Folder::new();
    let mut text = "id,n\n".to_owned();
    for id in 1..=5000 {
        let n = if id == 3456 { i64::MAX } else { id };
        text.push_str(&format!("{id},{n}\n"));
    }
    let csv = folder.write("n.csv", &text);
    let parquet = folder.path("n.parquet");
    let arguments = ["-o", &parquet, "--option", "row_group_rows=500"];
    taploom(&[&["encode", &csv], &arguments[..]].concat()).succeeds();
    let out = folder.path("out.csv");
    for (source, condition) in [
        (&csv, "id > 2100 AND n * 4 > 5"),
        (&parquet, "id > 2100 AND n * 4 > 5"),
        (&parquet, "(id < 700 OR id > 2100 AND id < 2300 OR id > 3400) AND n * 4 > 5"),
    ] {
        taploom(&["encode", source, "--where", condition, "-o", &out])
            .fails_with(1, &["row 3456:", "too large"]);
    }
    // With several files, rows are counted within the file.
    let small = folder.write("a.csv", "id,n\n1,1\n2,2\n");
    let first = folder.path("a.parquet");
    taploom(&["encode", &small, "-o", &first]).succeeds();
    for (files, name) in [([&first, &parquet], "n.parquet"), ([&small, &csv], "n.csv")] {
        let where_ = ["--where", "id > 2100 AND n * 4 > 5", "-o", &out];
        taploom(&[&["encode", files[0], files[1]], &where_[..]].concat())
            .fails_with(1, &["row 3456: in ", name, "too large"]);
    }
}

#[test]
fn texts_of_any_length_and_depth_are_answered() {
    let folder = Folder::new();
    let source = folder.write("stars.csv", STARS);
    let run = |text: &str| taploom(&["encode", &source, "-f", "csv", "--where", text]);
    let numbers: Vec<String> = (-5000..5000).map(|number| number.to_string()).collect();
    let run_list = run(&format!("id IN ({})", numbers.join(", ")));
    assert_eq!(run_list.stdout.iter().filter(|byte| **byte == b'\n').count(), 5);
    run(&vec!["id = 1"; 400].join(" OR ")).succeeds();
    run(&vec!["id = 1"; 4000].join(" OR ")).fails_with(2, &["at most 1000"]);
    run(&format!("{}id = 1{}", "(".repeat(5000), ")".repeat(5000))).fails_with(2, &["nested"]);
    run(&format!("{} id = 1", "NOT ".repeat(900))).fails_with(2, &["NOT is not expected here"]);
    run(&format!("id = 1{}", " + 1".repeat(900))).fails_with(2, &["nested"]);
}
