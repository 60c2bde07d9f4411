//! `taploom inspect`: the contents of files, damage, advice, and the plot.

mod plots;

use std::fs;

use crate::common::{Folder, taploom};

fn inspected(arguments: &[&str]) -> String {
    let run = taploom(&[&["inspect"], arguments].concat());
    run.succeeds();
    String::from_utf8(run.stdout).unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let json = inspected(&[&["--json"], arguments].concat());
    serde_json::from_str(&json).unwrap()
}

/// Writes the demo catalogue to a file.
fn stars(folder: &Folder, name: &str, options: &[&str]) -> String {
    let path = folder.path(name);
    let mut arguments = vec!["encode", "demo", "-o", &path];
    options.iter().for_each(|option| arguments.extend(["--option", option]));
    // FITS can't store Greek letters, and prints a warning.
    let run = taploom(&arguments);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    path
}

#[test]
fn a_parquet_file_is_described_with_its_votable() {
    let folder = Folder::new();
    let file = stars(&folder, "stars.parquet", &["row_group_rows=100", "bloom_filters=name"]);
    let text = inspected(&[&file]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for words in [
        "rows          401",
        "row groups    5: rows 1 to 100, median 100",
        "are a VOTable",
        "yes, by the first page",
        "deg",
        "left out: UCD",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(inspected(&[&file, "--width", "0"]).contains("pos.eq.ra;meta.main"));
    let found = json(&[&file]);
    let file = &found[0];
    assert_eq!((&file["kind"], &file["rows"]), (&"parquet".into(), &401.into()));
    assert_eq!(file["parquet"]["row_groups"]["rows"]["sum"], 401);
    let columns = file["columns"].as_array().unwrap();
    let name = columns.iter().find(|column| column["name"] == "name").unwrap();
    assert_eq!((&name["ucd"], &name["chunks"]["bloom_filters"]), (&"meta.id".into(), &5.into()));
    assert!(name["chunks"]["nulls"].as_u64().unwrap() > 0);
}

#[test]
fn every_kind_of_file_says_what_it_has() {
    let folder = Folder::new();
    let files = ["stars.vot", "stars.fits", "stars.arrow", "stars.csv"]
        .map(|name| stars(&folder, name, &[]));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let found = json(&[&files[..], &["--verify"]].concat());
    let kinds: Vec<&str> =
        found.as_array().unwrap().iter().map(|file| file["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["votable", "fits", "arrow", "csv"]);
    for file in found.as_array().unwrap() {
        assert_eq!(
            (&file["rows"], &file["problems"]),
            (&401.into(), &serde_json::json!([])),
            "{file}"
        );
        assert_eq!(file["columns"].as_array().unwrap().len(), 13, "{file}");
    }
    assert_eq!(found[1]["hdus"][1]["kind"], "BINTABLE");
    assert_eq!(
        (&found[1]["columns"][5]["name"], &found[1]["columns"][5]["unit"]),
        (&"ra".into(), &"deg".into())
    );
    assert_eq!(found[2]["arrow"]["rows"]["sum"], 401);
    let packed = stars(&folder, "stars.parquet.gz", &[]);
    let text = inspected(&[&packed, "--verify"]);
    assert!(text.contains("stars.parquet.gz: Parquet inside gzip, "), "{text}");
    assert!(text.contains("401 of 401 rows"), "{text}");
    let text = inspected(&files);
    assert!(
        text.contains("stars.csv: CSV, ")
            && text.contains("not known without reading them all (--verify)"),
        "{text}"
    );
}

#[test]
fn damage_is_told_with_what_can_be_read_and_the_status_is_1() {
    let folder = Folder::new();
    let whole = stars(&folder, "whole.parquet", &["row_group_rows=100"]);
    let bytes = fs::read(&whole).unwrap();
    let damaged = folder.path("damaged.parquet");
    let broken = |bytes: &[u8], arguments: &[&str], words: &[&str]| {
        fs::write(&damaged, bytes).unwrap();
        let run = taploom(&[&["inspect", &damaged], arguments].concat());
        run.line_says(1, &["damaged.parquet is damaged: "]);
        let text = String::from_utf8(run.stdout).unwrap();
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(joined.contains(word), "{word:?} is not in:\n{text}");
        }
    };
    let cut = &bytes[..bytes.len() / 2];
    broken(
        cut,
        &[],
        &[
            "DAMAGED the file does not end with PAR1",
            "of them with correct checksums",
            "readable 0 rows",
        ],
    );
    let mut footer = bytes.clone();
    let start = footer.len()
        - 8
        - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    footer[start + 300..start + 310].fill(0xff);
    broken(&footer, &[], &["DAMAGED the footer is damaged: ", "readable 0 rows"]);
    let mut page = bytes.clone();
    // A byte within the values of the first page.
    page[60] ^= 1;
    broken(
        &page,
        &["--verify"],
        &[
            "row group 1: page 1, at byte 4, does not have the checksum",
            "readable 301 of 401 rows",
            "hip",
        ],
    );
    fs::write(&damaged, &page).unwrap();
    // Without --verify, only the footer is read, and it is undamaged.
    taploom(&["inspect", &damaged]).succeeds();

    for (name, cut_at) in [("stars.vot", 9000), ("stars.arrow", 9000), ("stars.fits", 20_000)] {
        let path = stars(&folder, name, &[]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..cut_at]).unwrap();
        taploom(&["inspect", &path, "--verify"]).line_says(1, &[name, "is damaged"]);
    }
}

#[test]
fn the_format_of_a_file_can_be_given() {
    let folder = Folder::new();
    let file = folder.write("stars.dat", "id;name\n1;Vega\n2;Altair\n");
    taploom(&["inspect", &file]).fails_with(2, &["stars.dat", "--input-format"]);
    let read = &json(&["--input-format", "csv;delimiter=;", "--verify", &file])[0];
    assert_eq!((&read["kind"], &read["rows"]), (&"csv".into(), &2.into()), "{read}");
    assert_eq!(read["columns"][1]["name"], "name");
    let wrong = ["inspect", &file, "--input-format"];
    taploom(&[&wrong[..], &["csv;separator=;"]].concat())
        .fails_with(2, &["option separator is unknown", "delimiter"]);
    taploom(&[&wrong[..], &["words"]].concat()).fails_with(2, &["\"words\" is not known"]);
    // A file that is called otherwise than what it is.
    let parquet = stars(&folder, "stars.parquet", &[]);
    let renamed = folder.path("stars.csv");
    fs::rename(parquet, &renamed).unwrap();
    assert_eq!(
        json(&["--input-format", "parquet", &renamed])[0]["parquet"]["row_groups"]["count"],
        1
    );
    taploom(&["bench", &file, "--rounds", "1", "-f", "csv"]).fails_with(2, &["--input-format"]);
    let format = ["--input-format", "csv;delimiter=;"];
    let bench = [&["bench", &file, "--rounds", "1", "-f", "csv", "--quiet"], &format[..]].concat();
    let run = taploom(&bench);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
}

#[test]
fn bounds_that_json_has_no_numbers_for_are_words() {
    let folder = Folder::new();
    let csv = folder.write("x.csv", "x,y\n-inf,0.1\n1.5,inf\n");
    let columns =
        folder.write("c.json", r#"{"columns": [{"datatype": "double"}, {"datatype": "float"}]}"#);
    let parquet = folder.path("x.parquet");
    taploom(&["encode", &csv, "--columns", &columns, "-o", &parquet]).succeeds();
    let columns = &json(&[&parquet])[0]["columns"];
    let bounds = |column: usize| {
        let chunks = &columns[column]["chunks"];
        (chunks["min"].to_string(), chunks["max"].to_string())
    };
    assert_eq!(bounds(0), ("\"-Infinity\"".to_owned(), "1.5".to_owned()));
    assert_eq!(bounds(1), ("0.1".to_owned(), "\"Infinity\"".to_owned()));
}

#[test]
fn the_rows_before_the_damage_are_counted_exactly() {
    let folder = Folder::new();
    let row = |id: usize| format!("<TR><TD>{id}</TD><TD>star {id}</TD></TR>\n");
    let document = |rows: usize, end: &str| {
        let rows: String = (1..=rows).map(row).collect();
        format!(
            "<VOTABLE><RESOURCE><TABLE><FIELD name='id' datatype='int'/>\
             <FIELD name='name' datatype='char' arraysize='*'/><DATA><TABLEDATA>{rows}{end}"
        )
    };
    let lines = |rows: usize, line: &dyn Fn(usize) -> String, end: &str| {
        (1..=rows).map(line).collect::<String>() + end
    };
    let csv = |id: usize| format!("{id},star {id}\n");
    let json = |id: usize| format!("{{\"id\": {id}, \"name\": \"star {id}\"}}\n");
    for rows in [7, 1000, 1234, 3456] {
        for (name, text) in [
            ("cut.vot", document(rows, "<TR><TD>5</TD><TD>st")),
            ("cut.csv", format!("id,name\n{}", lines(rows, &csv, "5,\"st"))),
            ("short.tsv", format!("id\tname\n{}", lines(rows, &csv, "5\n").replace(',', "\t"))),
            ("cut.jsonl", lines(rows, &json, "{\"id\": 5, \"na")),
        ] {
            let path = folder.write(name, &text);
            let run = taploom(&["inspect", "--verify", "--json", &path]);
            run.line_says(1, &[name, "is damaged"]);
            let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
            assert_eq!(json[0]["readable"]["rows"], rows, "{name}: {json}");
        }
    }
    // Binary rows, and bytes that can't be decompressed.
    let query = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 5000) \
                 SELECT id FROM n";
    let vot = folder.path("n.vot");
    taploom(&["encode", "demo", "-q", query, "-f", "votable/b2", "-o", &vot]).succeeds();
    let text = fs::read_to_string(&vot).unwrap();
    let start = text.find("<STREAM").unwrap();
    let start = start + text[start..].find('>').unwrap() + 1;
    // A row has nine bytes, which are twelve characters.
    let body = &text[start..];
    let mut characters = body.char_indices().filter(|(_, c)| !c.is_whitespace());
    let (end, _) = characters.nth(12 * 3210 + 5).unwrap();
    fs::write(&vot, &text[..start + end]).unwrap();
    let run = taploom(&["inspect", "--verify", "--json", &vot]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json[0]["readable"]["rows"], 3210, "{json}");
}

/// What cannot be read is called by the same names wherever it is found.
#[test]
fn an_error_of_reading_names_the_chunk_that_inspect_finds() {
    let folder = Folder::new();
    let whole = stars(&folder, "whole.parquet", &["row_group_rows=100"]);
    let bytes = fs::read(&whole).unwrap();
    let damaged = folder.path("damaged.parquet");
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let data = bytes.len() - 8 - footer;
    let mut named = 0;
    for at in (data / 30..data).step_by(data / 15) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        fs::write(&damaged, bytes).unwrap();
        let out = folder.path("out.csv");
        let read = taploom(&["encode", &damaged, "-o", &out]);
        if !read.stderr.contains("can't read more rows") {
            continue;
        }
        named += 1;
        let json = taploom(&["inspect", "--verify", "--json", &damaged]).stdout;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let readable = &json[0]["readable"];
        let column = format!("column {}: ", readable["damaged_columns"][0]);
        let group = format!("in row group {} of 5 ", readable["damaged_row_groups"][0]);
        let hint = format!("taploom inspect --verify {damaged} tells what can be read");
        read.fails_with(1, &[&column, &group, &hint]);
    }
    assert!(named > 8, "{named}");
}

#[test]
fn the_commands_of_advice_can_be_pasted_and_help() {
    let folder = Folder::new();
    let options = ["row_group_rows=20", "compression=none", "statistics=none", "checksums=off"];
    let file = stars(&folder, "it's bad.parquet", &options);
    let text = inspected(&[&file]);
    for words in [
        "Advice\n",
        "no statistics in all 13 columns",
        "pages without checksums",
        "row groups, half of them",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (_, command) = text.split_once("All of it:\n").unwrap();
    assert!(command.lines().count() > 1 && command.ends_with(".new.parquet'\n"), "{command}");
    let status = std::process::Command::new("sh")
        .args(["-c", &command.replace("taploom encode", "\"$0\" encode")])
        .arg(env!("CARGO_BIN_EXE_taploom"))
        .status()
        .unwrap();
    assert!(status.success(), "{command}");
    let found = json(&[&folder.path("it's bad.new.parquet")]);
    assert_eq!(found[0]["advice"], serde_json::json!([]), "{command}");
    let total = stars(&folder, "total.parquet", &["float_order=total"]);
    assert_eq!(json(&[&total])[0]["advice"][0]["about"], "float_order");
}

#[test]
fn a_folder_and_a_pattern_stand_for_their_files() {
    let folder = Folder::new();
    fs::create_dir(folder.path("parts")).unwrap();
    let [one, two] = ["parts/1.csv", "parts/2.csv"].map(|name| stars(&folder, name, &[]));
    folder.write("parts/_SUCCESS", "");
    let three = stars(&folder, "three.parquet", &[]);
    let files = |arguments: &[&str]| -> Vec<String> {
        let found = json(arguments);
        let files = found.as_array().unwrap().iter();
        files.map(|file| file["file"].as_str().unwrap().to_owned()).collect()
    };
    let (parts, pattern) = (folder.path("parts"), folder.path("*/[2-9].csv"));
    assert_eq!(files(&[&parts, &three]), [&*one, &two, &three]);
    assert_eq!(files(&[&three, &pattern]), [&*three, &two]);
    let text = inspected(&[&parts]);
    assert!(text.contains("1.csv: CSV, ") && text.contains("\n\n"), "{text}");
    // The picture shows one file, also if it is the only one of a folder.
    let svg = folder.path("x.svg");
    taploom(&["inspect", &parts, "--plot", &svg]).fails_with(2, &["--plot shows one file, and 2"]);
    inspected(&[&folder.path("*.parquet"), "--plot", &svg]);
}

#[test]
fn a_column_without_a_name_is_visible() {
    let folder = Folder::new();
    let file = folder.write("x.jsonl", "{\"\": 1, \"b\": 2}\n");
    let parquet = folder.path("x.parquet");
    taploom(&["encode", &file, "-o", &parquet, "--option", "checksums=off"]).succeeds();
    for file in [&file, &parquet] {
        let text = inspected(&[file]);
        assert!(text.lines().any(|line| line.starts_with("\"\"  ")), "{text}");
    }
    let svg = folder.path("x.svg");
    inspected(&[&parquet, "--plot", &svg]);
    assert!(fs::read_to_string(svg).unwrap().contains(">&quot;&quot;</text>"));
}

#[test]
fn wrong_requests_name_what_is_wrong() {
    let folder = Folder::new();
    let csv = stars(&folder, "stars.csv", &[]);
    let empty = folder.path("nothing");
    fs::create_dir(&empty).unwrap();
    let before = folder.names();
    let svg = folder.path("x.svg");
    for (arguments, words) in [
        (&["inspect"][..], &["<FILE>", "taploom inspect --help"][..]),
        (&["inspect", "/no/where"], &["/no/where"]),
        (&["inspect", "/dev/null"], &["/dev/null", "neither a file nor a folder"]),
        (&["inspect", &empty], &["nothing", "the folder has no files", "/**/*.parquet"]),
        (&["inspect", &format!("{empty}/*.csv")], &["no file matches this pattern"]),
        (&["inspect", "demo"], &["demo"]),
        (&["inspect", "-"], &["can't read standard input"]),
        (&["inspect", &csv, &csv, "--plot", &svg], &["--plot", "one file"]),
        (&["inspect", &csv, "--plot", &csv], &["--plot", "is read"]),
    ] {
        taploom(arguments).fails_with(2, words);
    }
    // The inspection is printed nevertheless.
    let run = taploom(&["inspect", &csv, "--plot", &svg]);
    run.line_says(2, &["stars.csv", "only Parquet files"]);
    assert_eq!(folder.names(), before);
}
