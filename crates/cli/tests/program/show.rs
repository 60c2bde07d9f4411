//! `taploom show`: rows and columns as text and as JSON.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{Folder, taploom};

fn shown(arguments: &[&str]) -> String {
    let run = taploom(&[&["show"], arguments].concat());
    run.succeeds();
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn rows_and_columns_are_tables() {
    let sql =
        "SELECT name, ra, vmag FROM stars WHERE vmag < -0.5 OR name IS NULL ORDER BY vmag LIMIT 4";
    let text = shown(&["demo", "-q", sql, "-n", "3"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..7],
        [
            "name             ra   vmag",
            "                deg    mag",
            "───────  ──────────  ─────",
            "Sirius   101.28854   -1.44",
            "Canopus   95.987878  -0.62",
            "null     122.38315    1.75",
            "first 3 rows; more follow, 3 columns",
        ],
        "{text}"
    );
    assert!(lines[8].starts_with("column  type"), "{text}");
    assert!(lines[10].starts_with("name    unicodeChar[*]"), "{text}");
}

#[test]
fn columns_and_rows_are_chosen() {
    let text = shown(&["demo", "--select", "name, vmag AS v", "--where", "vmag < -0.5"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "name         v",
            "           mag",
            "───────  ─────",
            "Canopus  -0.62",
            "Sirius   -1.44",
            "2 rows, 2 columns",
        ],
        "{text}"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal_and_left_out_columns_are_named() {
    let folder = Folder::new();
    let json = folder.many_columns(60, "column_", "double");
    let source = format!("synth:{json}?rows=30&nulls=0.5");
    let text = shown(&[&source]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("of 60 columns left out: column_"), "{text}");
    assert!(words.contains("--width 0 (| less -S), or --json"), "{text}");
    assert!(words.contains("first 10 of 30 rows, 60 columns"), "{text}");
    let all = shown(&[&source, "--width", "0"]);
    assert!(
        all.lines().next().unwrap().contains("column_59") && !all.contains("left out"),
        "{all}"
    );
}

#[test]
fn json_has_all_columns_in_full() {
    let folder = Folder::new();
    let file = folder.path("stars.parquet");
    taploom(&["encode", "demo", "-o", &file]).succeeds();
    let json: serde_json::Value =
        serde_json::from_str(&shown(&[&file, "-n", "2", "--json"])).unwrap();
    assert_eq!(
        (&json["rows"], &json["rows_shown"], &json["more"]),
        (&401.into(), &2.into(), &true.into())
    );
    let columns = json["columns"].as_array().unwrap();
    let ra = columns.iter().position(|column| column["name"] == "ra").unwrap();
    assert_eq!(columns[ra]["unit"], "deg");
    assert_eq!(columns[ra]["nulls"], 0);
    assert_eq!(columns[ra]["arrow_type"], "Float64");
    let rows = json["data"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0].as_array().unwrap().len()), (2, columns.len()));
}

#[test]
fn what_a_file_holds_does_not_reach_the_terminal_as_a_command() {
    let folder = Folder::new();
    let file = folder.write("evil.csv", "a\u{1b}[2J,b\nx\u{1b}]0;title\u{7},\u{202e}txt\n,\"\"\n");
    let text = shown(&[&file]);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    assert!(!text.contains('\u{202e}'), "{text:?}");
    assert!(text.contains("null         \"\"\n"), "{text}");
}

#[test]
fn a_column_without_a_name_and_a_null_within_a_struct_are_visible() {
    let folder = Folder::new();
    let rows = "{\"\": 1, \"s\": {\"x\": null, \"t\": \"\"}}\n{\"\": 2, \"s\": {\"x\": 3, \"t\": \"a\"}}\n";
    let file = folder.write("x.jsonl", rows);
    let text = shown(&[&file]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].trim_end(), "\"\"  s", "{text}");
    assert!(lines.contains(&" 1  {t: \"\", x: null}"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("\"\"      ")), "{text}");
    // Also among the columns that an error lists.
    taploom(&["show", &file, "--select", "nothing"])
        .fails_with(2, &["no column is called \"nothing\"; the columns are \"\", s"]);
}

#[test]
fn empty_tables_and_ends_are_told() {
    let folder = Folder::new();
    let empty = folder.write("empty.csv", "a,b\n");
    assert!(shown(&[&empty]).starts_with("no rows, 2 columns\n\ncolumn  type"));
    let one = folder.write("one.csv", "a\n1\n");
    assert!(shown(&[&one]).contains("\n1 row, 1 column\n"));
    assert!(shown(&[&one, "-n", "0"]).starts_with("first 0 rows; more follow, 1 column\n"));
    let bare = folder.write("bare.jsonl", "{}\n{}\n");
    assert_eq!(shown(&[&bare]), "no columns\n");
}

#[test]
fn no_more_is_read_than_is_shown() {
    let folder = Folder::new();
    // A document without end, and one that is damaged after its first rows.
    let mut csv = String::from("a,b\n");
    (0..5000).for_each(|row| csv.push_str(&format!("{row},x\n")));
    csv.push_str("1,2,3\n");
    let damaged = folder.write("damaged.csv", &csv);
    taploom(&["encode", &damaged, "-f", "csv"]).line_says(1, &["damaged.csv"]);
    assert!(shown(&[&damaged]).contains("first 10 rows; more follow"));

    let vot = folder.path("stars.vot");
    taploom(&["encode", "demo", "-o", &vot]).succeeds();
    let file = fs::File::options().write(true).open(&vot).unwrap();
    // A terabyte of zeros follows.
    file.set_len(1 << 40).unwrap();
    let started = Instant::now();
    assert!(shown(&[&vot]).contains("10 "));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn wrong_requests_name_what_is_wrong() {
    for (arguments, words) in [
        (&["show"][..], &["<SOURCE>", "see taploom show --help"][..]),
        (&["show", "demo", "-n", "10001"], &["10001", "10000"]),
        (&["show", "demo", "-n", "many"], &["many"]),
        (&["show", "demo", "-n", "-3"], &["-3", "--rows"]),
        (&["show", "demo", "--width", "-1"], &["--width", "a whole number from 0"]),
        (&["show", "nowhere.vot"], &["nowhere.vot", "no such file", "mysql://USER:PASSWORD@HOST"]),
        (&["show", "demo", "--jsn"], &["did you mean --json?", "taploom show --help"]),
        (&["show", "demo", "--query", "SELECT nme FROM stars"], &["nme"]),
        (&["sho", "demo"], &["did you mean show?"]),
        // A variable of a shell script may be empty.
        (&["show", ""], &["source \"\": no such file"]),
    ] {
        taploom(arguments).fails_with(2, words);
    }
}
