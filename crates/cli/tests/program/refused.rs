//! What the program refuses: exit status, error line, and that no output remains.

use std::path::Path;

use crate::common::{Folder, taploom};

/// A command line, the exit status, and words of the line.
fn refused(arguments: &[&str], status: i32, words: &[&str]) {
    let folder = Folder::new();
    let out = folder.path("out.dat");
    let mut arguments = arguments.to_vec();
    if arguments[0] == "encode" {
        arguments.extend(["-o", &out]);
    }
    let run = taploom(&arguments);
    run.fails_with(status, words);
    assert_eq!(folder.names(), [""; 0], "{arguments:?} leaves a file");
}

#[test]
fn wrong_formats_and_options() {
    refused(
        &["encode", "demo", "-f", "vottable"],
        2,
        &["vottable", "known:", "voparquet", "text/csv", "votable/b2"],
    );
    refused(&["encode", "demo", "-f", "text/html"], 2, &["text/html", "known:"]);
    refused(&["encode", "demo", "-f", "text/csv;head=no"], 2, &["csv", "head", "known: header"]);
    refused(&["encode", "demo", "-f", "csv", "--option", "header=no"], 2, &["present, absent"]);
    refused(&["encode", "demo", "-f", "csv", "--option", "header"], 2, &["KEY=VALUE"]);
    refused(
        &["encode", "demo", "-f", "voparquet", "--option", "compression=rar"],
        2,
        &["compression", "rar", "zstd"],
    );
    refused(
        &["encode", "demo", "-f", "voparquet", "--option", "row_group_rows=0"],
        2,
        &["row_group_rows"],
    );
    refused(&["encode", "demo", "-f", "csv", "--memory-budget", "much"], 2, &["much", "64MiB"]);
    refused(&["encode", "demo", "-f", "csv", "--batch-rows", "0"], 2, &["batch-rows"]);
    refused(&["encode", "demo", "-f", "csv", "--threads", "0"], 2, &["threads"]);
    refused(&["encode", "demo", "-f", "csv", "--scratch-dir", "/no/where"], 2, &["/no/where"]);
    refused(&["encode", "-f", "csv"], 2, &["<SOURCE>"]);
    refused(&["encode", "demo", "-f", "csv", "--fast"], 2, &["--fast"]);
    refused(&["code"], 2, &["code"]);
}

#[test]
fn a_wrong_command_line_says_what_was_meant_and_which_help_to_read() {
    for (arguments, words) in [
        (&["encode", "demo", "--formt", "csv"][..], &["--formt", "did you mean --format?"][..]),
        (&["encode", "demo", "--outptu=x"], &["did you mean --output?"]),
        (&["encode", "demo", "--memory-budget", "much"], &["much", "--memory-budget"]),
        (&["encode"], &["<SOURCE>"]),
        (&["bench", "--round", "3"], &["did you mean --rounds?"]),
        (&["formats", "--jsn"], &["did you mean --json?"]),
    ] {
        let help = format!("ee taploom {} --help", arguments[0]);
        taploom(arguments).fails_with(2, &[words, &[&*help]].concat());
    }
    taploom(&["encod", "demo"]).fails_with(2, &["did you mean encode? See taploom --help"]);
    taploom(&["--formats"]).fails_with(2, &["see taploom --help"]);
}

#[test]
fn without_a_command_the_program_prints_its_help() {
    let run = taploom(&[]);
    run.succeeds();
    let help = String::from_utf8(run.stdout).unwrap();
    for words in
        ["Usage: taploom <COMMAND>", "\n  encode ", "\n  formats ", "\n  bench ", "\nExamples:\n"]
    {
        assert!(help.contains(words), "{words:?} is not in: {help}");
    }
    assert_eq!(help.as_bytes(), taploom(&["--help"]).stdout);
}

#[test]
fn help_of_encode_lists_every_format() {
    let json = taploom(&["formats", "--json"]).stdout;
    let formats: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
    let ids: Vec<&str> = formats.iter().map(|format| format["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"csv") && ids.contains(&"tsv"), "{ids:?}");
    for command in ["encode", "bench"] {
        let help = String::from_utf8(taploom(&[command, "--help"]).stdout).unwrap();
        let (_, list) = help.split_once("Formats (taploom formats lists their options):").unwrap();
        let listed: Vec<&str> = list
            .lines()
            .skip(1)
            // The examples follow after an empty line.
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(listed, ids, "{command}: {help}");
    }
    // Lines are wrapped to the width of the terminal.
    let help = String::from_utf8(taploom(&["encode", "--help"]).stdout).unwrap();
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for source in [
        "demo",
        "sqlite:FILE",
        "mysql://USER",
        "postgres://USER",
        "a CSV file",
        "a TSV file",
        "a VOTable",
    ] {
        assert!(words.contains(source), "{source} is not in: {words}");
    }
}

#[test]
fn wrong_sources() {
    let folder = Folder::new();
    let text = folder.write("text.txt", "id\n1\n");
    let cut = folder.write("cut.parquet", "PAR1 and no more");
    refused(&["encode", "nowhere.parquet", "-f", "csv"], 2, &["nowhere.parquet", "no such file"]);
    refused(&["encode", &text, "-f", "csv"], 2, &["text.txt", "Parquet", ".csv or .tsv"]);
    refused(&["encode", &cut, "-f", "csv"], 1, &["cut.parquet"]);
    refused(&["encode", "sqlite:/no/db", "-q", "SELECT 1", "-f", "csv"], 2, &["/no/db"]);
    let empty = folder.write("empty.db", "");
    let empty = format!("sqlite:{empty}");
    refused(&["encode", &empty, "-f", "csv"], 2, &["-q"]);
    refused(&["encode", "demo", "-q", "SELECT * FROM suns", "-f", "csv"], 2, &["suns", "stars"]);
    refused(&["encode", "demo", "-q", "SELECT nme FROM stars", "-f", "csv"], 2, &["nme"]);
    refused(&["encode", "demo", "-q", "DROP TABLE stars", "-f", "csv"], 2, &["SELECT"]);
    refused(&["encode", "synth:no.json", "-f", "csv"], 2, &["no.json"]);
    for url in [
        "mysql+asyncmy://tap:SECRET@db/dp1",
        "oracle://tap:SECRET@db/dp1",
        "MySQL://tap:SECRET@db/dp1",
        " mysql://tap:SECRET@db/dp1",
    ] {
        let scheme = &url[..url.find("tap").unwrap()];
        let run = taploom(&["encode", url, "-q", "SELECT 1", "-f", "csv"]);
        run.fails_with(2, &[&format!("source {scheme}…: ")]);
        assert!(!run.stderr.contains("SECRET"), "{}", run.stderr);
    }
    let columns =
        folder.write("columns.json", r#"{"columns": [{"name": "a", "datatype": "int"}]}"#);
    let synth = format!("synth:{columns}?row=1");
    refused(&["encode", &synth, "-f", "csv"], 2, &["row", "known: rows, seed, nulls"]);
    let one = "SELECT hip FROM stars";
    let wrong = folder.write("wrong.json", "{");
    refused(&["encode", "demo", "-q", one, "-f", "csv", "--columns", &wrong], 2, &["wrong.json"]);
    let two = "SELECT hip, ra FROM stars";
    refused(
        &["encode", "demo", "-q", two, "-f", "csv", "--columns", &columns],
        2,
        &["1 of 2 columns", "2"],
    );
    let envelope = folder.write("e.json", r#"{"header": "", "footer": "", "footerOverflow": ""}"#);
    refused(&["encode", "demo", "-f", "csv", "--envelope", &envelope], 2, &["csv", "envelope"]);
    refused(&["encode", "demo", "-f", "votable", "--envelope", &wrong], 2, &["wrong.json"]);
}

/// A list of columns in which every attribute with a grammar breaks it.
const BAD_METADATA: &str = include_str!("../data/bad-metadata.columns.json");

#[test]
fn metadata_that_break_a_grammar_are_refused_by_column_and_member() {
    let folder = Folder::new();
    for (json, words) in [
        (BAD_METADATA, &["\"z\"", "columns[0].precision", "banana", "4, F4 or E4"][..]),
        (
            r#"{"columns": [{}, {"name": "z", "values": {"type": "banana"}}]}"#,
            &["\"z\"", "columns[1].values.type", "banana", "legal or actual"],
        ),
        (
            r#"{"columns": [{"name": "s", "links": [{"content-role": "two words"}]}]}"#,
            &["\"s\"", "columns[0].links[0].content-role", "two words"],
        ),
        (
            r#"{"columns": [{"name": "s", "arraysize": "*x3"}]}"#,
            &["\"s\"", "columns[0].arraysize", "*x3", "3x*"],
        ),
        (
            r#"{"columns": [{"name": "s", "ref": "1st"}]}"#,
            &["\"s\"", "columns[0].ref", "1st", "XML name"],
        ),
        (r#"{"columns": [{"name": "s", "width": 0}]}"#, &["\"s\"", "columns[0].width", "nonzero"]),
        (
            r#"{"columns": [], "metadata": {"resource": {"type": "banana"}}}"#,
            &["metadata.resource.type", "banana", "results or meta"],
        ),
        (
            r#"{"columns": [], "metadata": {"resource": {"timesys": [
                {"ID": "t", "timescale": "not a scale", "refposition": "x"}]}}}"#,
            &["metadata.resource.timesys[0].timescale", "not a scale", "UTC"],
        ),
        (
            r#"{"columns": [], "metadata": {"resource": {"timesys": [{"ID": "t"}]}}}"#,
            &["metadata.resource.timesys[0]", "timescale"],
        ),
    ] {
        let columns = folder.write("bad.columns.json", json);
        let sql = "SELECT hip AS z, name AS s FROM stars";
        for format in ["votable", "csv"] {
            let arguments = ["encode", "demo", "-q", sql, "-f", format, "--columns", &columns];
            refused(&arguments, 2, &[words, &["bad.columns.json"]].concat());
        }
    }
}

#[test]
fn a_cell_that_does_not_fit_is_named_in_every_format() {
    let folder = Folder::new();
    let db = folder.path("test.db");
    rusqlite::Connection::open(&db)
        .unwrap()
        .execute_batch(
            "CREATE TABLE t (id INTEGER, n INTEGER);
             WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000)
             INSERT INTO t SELECT i, i FROM s;
             UPDATE t SET n = 'many' WHERE id = 4321;",
        )
        .unwrap();
    let source = format!("sqlite:{db}");
    for format in ["votable", "csv", "tsv", "voparquet"] {
        refused(
            &["encode", &source, "-q", "SELECT * FROM t ORDER BY id", "-f", format],
            1,
            &["column \"n\"", "row 4321", "many"],
        );
    }
    // The rows before the error have been written to standard output; the document reports the failure.
    let run = taploom(&["encode", &source, "-q", "SELECT * FROM t ORDER BY id", "-f", "votable"]);
    run.line_says(1, &["row 4321"]);
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.contains("value=\"ERROR\">") && text.trim_end().ends_with("</VOTABLE>"));
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::new();
    let file = folder.write("file", "");
    for (out, status, words) in [
        ("/no/such/folder/x.csv", 2, "/no/such/folder/x.csv"),
        (&*format!("{file}/x.csv"), 2, "x.csv"),
        (&*folder.path(""), 2, "can't write"),
        ("/dev/full", 1, "-o /dev/full: can't write the output: No space left"),
    ] {
        for format in ["votable", "csv", "voparquet"] {
            taploom(&["encode", "demo", "-f", format, "-o", out]).fails_with(status, &[words]);
        }
    }
    assert_eq!(folder.names(), ["file"]);
    let summary = ["encode", "demo", "-f", "csv", "-o", &folder.path("out.csv")];
    taploom(&[&summary[..], &["--summary", "/no/such/folder/s.json"]].concat())
        .fails_with(2, &["/no/such/folder/s.json"]);
    assert_eq!(folder.names(), ["file"]);
}

/// A full file system: a tmpfs of 64 KiB in a separate mount namespace.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_nothing() {
    let folder = Folder::new();
    let place = folder.path("");
    let columns = folder.write(
        "columns.json",
        r#"{"columns": [{"name": "a", "datatype": "double"}, {"name": "b", "datatype": "double"}]}"#,
    );
    for format in ["votable", "csv", "tsv", "voparquet"] {
        let script = format!(
            "mount -t tmpfs -o size=64k tmpfs {place}/disk && cd {place}/disk && \
             {} encode 'synth:{columns}?rows=100000' -f {format} -o out; \
             echo \"status $?\"; ls -A",
            env!("CARGO_BIN_EXE_taploom"),
        );
        std::fs::create_dir_all(Path::new(&place).join("disk")).unwrap();
        let run = std::process::Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c", &script])
            .output()
            .expect("unshare is needed: apt-get install util-linux");
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(String::from_utf8_lossy(&run.stdout), "status 1\n", "{format}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{format}: {stderr}");
    }
}
