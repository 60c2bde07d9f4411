//! Several files, folders and patterns as one table.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use arrow_schema::{Field, Schema};

use super::*;

/// Files in a temporary folder.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn read(&self, names: &[&str]) -> Result<RecordBatch> {
        let paths: Vec<String> = names.iter().map(|name| self.path(name)).collect();
        rows(&Request::new(&paths[0]).with_more_locations(&paths[1..]))
    }

    fn ids(&self, names: &[&str]) -> Vec<i64> {
        let read = self.read(names).unwrap();
        read.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
    }

    fn refused(&self, names: &[&str], words: &[&str]) {
        let error = match self.read(names) {
            Ok(rows) => panic!("{} rows of {names:?}", rows.num_rows()),
            Err(error) => error,
        };
        assert!(error.is_caller_fault(), "{error}");
        let error = format!("{error:#}");
        for word in words {
            assert!(error.contains(word), "no {word:?} in: {error}");
        }
    }
}

fn votable(fields: &str, cells: &str) -> String {
    format!(
        "<VOTABLE><RESOURCE><TABLE>{fields}<DATA><TABLEDATA><TR>{cells}</TR></TABLEDATA></DATA></TABLE>\
         </RESOURCE></VOTABLE>"
    )
}

#[test]
fn files_folders_and_patterns_are_one_table() {
    let files = Files::new(&[
        ("all/b.csv", "id\n3\n4\n"),
        ("all/a.csv", "id\n1\n2\n"),
        ("all/c.csv", "id\n"),
        ("all/.hidden", "x"),
        ("all/.hidden.csv", "id\n8\n"),
        ("all/.within/d.csv", "id\n7\n"),
        ("all/_SUCCESS", ""),
        ("all/within/d.csv", "id\n5\n"),
        ("a[1].csv", "id\n9\n"),
        ("empty/within/x", ""),
    ]);
    assert_eq!(files.ids(&["all"]), [1, 2, 3, 4]);
    assert_eq!(files.ids(&["all/*.csv"]), [1, 2, 3, 4]);
    assert_eq!(files.ids(&["all/**/*.csv"]), [1, 2, 3, 4, 5]);
    // In the order of the command line.
    assert_eq!(files.ids(&["all/b.csv", "all/a.csv"]), [3, 4, 1, 2]);
    assert_eq!(files.ids(&["all/within", "all/[ab].csv"]), [5, 1, 2, 3, 4]);
    // An existing file takes precedence over a pattern.
    assert_eq!(files.ids(&["a[1].csv"]), [9]);
    files.refused(&["all/*.vot"], &["all/*.vot: no file matches this pattern"]);
    files.refused(&["empty"], &["empty: the folder has no files", "empty/**/*.parquet"]);
    files.refused(&["all/a.csv", "all/nowhere.csv"], &["nowhere.csv: no such file"]);
    let demo = ["demo".to_owned()];
    let path = files.path("all/a.csv");
    let error = refusal(&Request::new(&path).with_more_locations(&demo)).to_string();
    assert!(error.contains("demo can't be joined"), "{error}");
    let error = refusal(&Request::new("-").with_more_locations(&demo)).to_string();
    assert!(error.contains("can't be joined"), "{error}");
}

/// A file that a pattern finds by several names is read once.
#[test]
fn links_do_not_multiply_rows() {
    let files = Files::new(&[("all/run/a.csv", "id\n1\n"), ("all/run/b.csv", "id\n2\n")]);
    let link = |target: &str, name: &str| symlink(target, files.path(name)).unwrap();
    link("run", "all/latest");
    link("../run", "all/run/loop");
    link("nowhere.csv", "all/run/dangling.csv");
    link("b.csv", "all/run/c.csv");
    for pattern in ["all/**/*.csv", "all/*/*.csv", "all/run/*.csv", "all/latest/*.csv"] {
        assert_eq!(files.ids(&[pattern]), [1, 2], "{pattern}");
    }
}

#[test]
fn a_name_that_is_not_utf8_is_refused_only_if_the_pattern_matches_it() {
    let files = Files::new(&[("a.csv", "id\n1\n")]);
    let name = OsStr::from_bytes(b"notes\xff.txt");
    std::fs::write(Path::new(&files.path("")).join(name), "id\n2\n").unwrap();
    assert_eq!(files.ids(&["*.csv"]), [1]);
    assert_eq!(files.ids(&["**/*.csv"]), [1]);
    files.refused(&["*.txt"], &["notes\u{fffd}.txt: its name is not UTF-8; rename the file"]);
    files.refused(&["[a.csv"], &["[a.csv: not a pattern of file names", "** for any folders"]);
    assert_eq!(files.ids(&["{a,b}.csv"]), [1]);
}

/// The row in an error counts from the beginning of the file that the error names.
#[test]
fn an_error_in_a_row_names_the_file() {
    let numbers = |rows: usize| format!("id\n{}", "1\n".repeat(rows));
    let files = Files::new(&[
        ("a.csv", &numbers(1500)),
        ("b.csv", &format!("{}x\n", numbers(1200))),
        ("a.jsonl", "{\"id\": 1}\n"),
        ("b.jsonl", &format!("{}{{\"id\": \"x\"}}\n", "{\"id\": 1}\n".repeat(1200))),
        ("a.vot", &votable("<FIELD name=\"id\" datatype=\"long\"/>", "<TD>1</TD>")),
        ("b.vot", &votable("<FIELD name=\"id\" datatype=\"long\"/>", "<TD>x</TD>")),
    ]);
    for (kind, row) in [("csv", 1201), ("jsonl", 1201), ("vot", 1)] {
        let (first, second) = (format!("a.{kind}"), format!("b.{kind}"));
        let error = format!("{:#}", files.read(&[&first, &second]).unwrap_err());
        assert!(error.contains(&second) && error.contains(&format!("row {row}")), "{error}");
    }
}

/// The first thousand rows of one file may suggest a narrower type than all files need.
#[test]
fn types_that_are_guessed_hold_for_all_files() {
    let files = Files::new(&[
        ("a.csv", "id,x,y,z\n1,2,,true\n"),
        ("b.csv", "id,x,y,z\n2,2.5,7,false\n"),
        ("c.csv", "id,x,y,z\n3,,,maybe\n"),
    ]);
    let read = files.read(&["a.csv", "b.csv", "c.csv"]).unwrap();
    assert_eq!(read.column(1).as_primitive::<Float64Type>().values()[..2], [2.0, 2.5]);
    assert_eq!(read.column(2).as_primitive::<Int64Type>().value(1), 7);
    assert_eq!(read.column(3).as_string::<i32>().value(2), "maybe");
}

/// The files are read as if they were one: a member that is missing or null in one file has its type from the others.
#[test]
fn types_of_json_lines_hold_for_all_files() {
    let files = Files::new(&[
        (
            "a.jsonl",
            "{\"id\": 1, \"n\": null, \"x\": 2, \"b\": true, \"v\": [], \"o\": {\"p\": null}}\n",
        ),
        (
            "b.jsonl",
            "{\"n\": 7, \"id\": 2, \"x\": 2.5, \"b\": \"maybe\", \"v\": [1], \"o\": {\"p\": 1.5}}\n",
        ),
        ("c.jsonl", "{\"id\": 3, \"late\": [\"t\"], \"x\": \"NaN\"}\n"),
        ("exact.jsonl", "{\"id\": 4, \"x\": 9007199254740993}\n"),
    ]);
    let names = ["a.jsonl", "b.jsonl", "c.jsonl"];
    let read = files.read(&names).unwrap();
    for (name, expected) in [
        ("id", "1|2|3"),
        ("n", "-|7|-"),
        ("x", "2.0|2.5|NaN"),
        ("b", "true|maybe|-"),
        ("v", "[]|[1]|-"),
        ("o", "{p: -}|{p: 1.5}|-"),
        ("late", "-|-|[t]"),
    ] {
        assert_eq!(shown(&read, name), expected, "{name}");
    }
    let fields = read.schema();
    let names_read: Vec<_> = fields.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names_read, ["id", "n", "x", "b", "v", "o", "late"], "as they first appear");
    let read = files.read(&["b.jsonl", "exact.jsonl"]).unwrap();
    assert_eq!(shown(&read, "x"), "2.5|9007199254740993");
    // Columns are declared for all files together.
    let column = |name: &str, datatype: &str| {
        let json = serde_json::json!({"name": name, "datatype": datatype, "arraysize": "*"});
        serde_json::from_value::<ColumnMetadata>(json).unwrap()
    };
    let list = ColumnList::new(vec![column("number", "char"), column("words", "char")]);
    let files = Files::new(&[("a.jsonl", "{\"i\": 1}\n"), ("b.jsonl", "{\"w\": \"x\"}\n")]);
    let paths = [files.path("a.jsonl"), files.path("b.jsonl")];
    let request = Request::new(&paths[0]).with_more_locations(&paths[1..]);
    let read = rows(&request.clone().with_columns(list)).unwrap();
    assert_eq!(shown(&read, "number") + "|" + &shown(&read, "words"), "1|-|-|x");
    let error = refusal(&request.with_columns(ColumnList::new(vec![column("n", "char")])));
    assert!(error.to_string().contains("metadata for 1 of 2 columns"), "{error}");
}

#[test]
fn types_that_contradict_each_other_in_json_lines_are_named() {
    let files = Files::new(&[
        ("a.jsonl", "{\"v\": null}\n{\"v\": [1]}\n"),
        ("b.jsonl", "{\"v\": null}\n{\"v\": {\"p\": 1}}\n"),
        ("c.jsonl", "{\"v\": [2, [3]]}\n"),
    ]);
    for (names, row, words) in [
        (
            &["a.jsonl", "b.jsonl"][..],
            2,
            "b.jsonl: column \"v\" has an object where it had a list before; \
             jq -c '(.[\"v\"] | values) |= tojson' FILE",
        ),
        (&["c.jsonl"], 1, "c.jsonl: column \"v\" has a list where it had a number before"),
    ] {
        let error = files.read(names).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.row(), Some(row), "{error}");
    }
}

/// Null is the Arrow type of a column, or of the items of lists, if a file has no value in it.
#[test]
fn columns_of_type_null_can_be_joined_with_any_type() {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
    let columns = |n: DataType, item: DataType| {
        Schema::new(vec![field("id", DataType::Int64), field("n", n), field("v", list(item))])
    };
    let nulls = columns(DataType::Null, DataType::Null);
    let typed = columns(DataType::Float32, DataType::Int32);
    let other = columns(DataType::Utf8, DataType::Null);
    let json = |text: &str, schema: &Schema| {
        let mut reader = arrow_json::ReaderBuilder::new(Arc::new(schema.clone()))
            .build(text.as_bytes())
            .unwrap();
        reader.next().unwrap().unwrap()
    };
    let without = json("{\"id\": 1, \"v\": []}\n{\"id\": 2}\n", &nulls);
    let with = json("{\"id\": 3, \"n\": 1.5, \"v\": [4]}\n", &typed);
    let text = json("{\"id\": 4, \"n\": \"t\", \"v\": []}\n", &other);
    let files = Files::new(&[]);
    for (name, batch) in [("null", &without), ("typed", &with), ("text", &text)] {
        let create =
            |kind: &str| std::fs::File::create(files.path(&format!("{name}.{kind}"))).unwrap();
        let mut arrow =
            arrow_ipc::writer::FileWriter::try_new(create("arrow"), &batch.schema()).unwrap();
        arrow.write(batch).unwrap();
        arrow.finish().unwrap();
        let parquet = create("parquet");
        let mut parquet =
            parquet::arrow::ArrowWriter::try_new(parquet, batch.schema(), None).unwrap();
        parquet.write(batch).unwrap();
        parquet.close().unwrap();
    }
    for kind in ["arrow", "parquet"] {
        let [null, typed, text] = ["null", "typed", "text"].map(|name| format!("{name}.{kind}"));
        let first = files.read(&[&null, &typed, &null]).unwrap();
        assert_eq!(shown(&first, "id"), "1|2|3|1|2", "{kind}");
        assert_eq!(shown(&first, "n"), "-|-|1.5|-|-", "{kind}");
        assert_eq!(shown(&first, "v"), "[]|-|[4]|[]|-", "{kind}");
        assert_eq!(first.schema().field(1).data_type(), &DataType::Float32);
        let second = files.read(&[&typed, &null]).unwrap();
        assert_eq!(shown(&second, "n"), "1.5|-|-", "{kind}");
        let paths = [files.path(&null), files.path(&typed)];
        let request = Request::new(&paths[0]).with_more_locations(&paths[1..]);
        let source = block_on(open(&request)).unwrap();
        let types =
            source.schema().columns().iter().map(|column| column.vo_type().unwrap().to_string());
        assert_eq!(types.collect::<Vec<_>>(), ["long", "float", "int of arraysize *"]);
        for (condition, ids) in [("n > 1", "3"), ("n + 1 > 2", "3"), ("n IS NULL", "1|2")] {
            let parsed = condition.parse::<taploom_sources::Condition>().unwrap();
            let chosen = rows(&request.clone().with_condition(parsed)).unwrap();
            assert_eq!(shown(&chosen, "id"), ids, "{kind} {condition}");
        }
        let sample = taploom_sources::FirstIds::new("n", "id", 1);
        let sampled = rows(&request.with_sample(sample)).unwrap();
        assert_eq!(shown(&sampled, "id"), "1|3", "{kind}");
        files.refused(
            &[&null, &typed, &text],
            &[
                &format!("text.{kind}: column \"n\" is of Arrow type Utf8, and Float32 in"),
                &format!("typed.{kind}; files"),
                "--columns",
            ],
        );
    }
}

#[test]
fn the_first_difference_is_named() {
    let field = |name: &str, rest: &str| format!("<FIELD name=\"{name}\" {rest}/>");
    let id = field("id", "datatype=\"long\"");
    let text = |size: &str| field("s", &format!("datatype=\"char\" arraysize=\"{size}\""));
    let degrees = field("ra", "datatype=\"double\" unit=\"deg\"");
    let hours = field("ra", "datatype=\"double\" unit=\"h\"");
    let files = Files::new(&[
        ("id.vot", &votable(&id, "<TD>1</TD>")),
        ("id.csv", "id\n1\n"),
        ("int.vot", &votable(&field("id", "datatype=\"int\""), "<TD>1</TD>")),
        ("name.vot", &votable(&field("ID", "datatype=\"long\""), "<TD>1</TD>")),
        ("deg.vot", &votable(&format!("{id}{degrees}"), "<TD>1</TD><TD>1</TD>")),
        ("h.vot", &votable(&format!("{id}{hours}"), "<TD>1</TD><TD>1</TD>")),
        ("three.vot", &votable(&text("3"), "<TD>abc</TD>")),
        ("five.vot", &votable(&text("5*"), "<TD>abcde</TD>")),
    ]);
    files.refused(&["id.vot", "id.csv"], &["id.csv is a CSV file, and", "id.vot is a VOTable"]);
    files.refused(
        &["id.vot", "id.vot", "int.vot"],
        &["int.vot: column \"id\" is of Arrow type Int32, and Int64 in", "id.vot"],
    );
    files.refused(&["id.vot", "name.vot"], &["name.vot: column 1 is called \"ID\", and \"id\" in"]);
    files.refused(&["id.vot", "deg.vot"], &["deg.vot: it has 2 columns (\"ra\"", "and 1 is in"]);
    files.refused(
        &["deg.vot", "h.vot"],
        &["h.vot: column \"ra\" has the unit \"h\", and \"deg\" in"],
    );
    // The arraysize of the first file does not truncate a longer text.
    let paths = [files.path("three.vot"), files.path("five.vot")];
    let source = block_on(open(&Request::new(&paths[0]).with_more_locations(&paths[1..]))).unwrap();
    assert_eq!(source.schema().columns()[0].vo_type().unwrap().to_string(), "char of arraysize *");
    assert_eq!(files.read(&["three.vot", "five.vot"]).unwrap().num_rows(), 2);
}

#[test]
fn metadata_come_from_the_first_file_and_progress_counts_all_files() {
    let described = |text: &str| {
        let field = format!("<FIELD name=\"id\" datatype=\"long\" ucd=\"{text}\"/>");
        votable(&field, "<TD>1</TD>")
    };
    let files = Files::new(&[("a.vot", &described("meta.id")), ("b.vot", &described("meta.code"))]);
    let paths = [files.path("a.vot"), files.path("b.vot")];
    let progress = Arc::new(taploom_sources::ReadProgress::default());
    let request = Request::new(&paths[0])
        .with_more_locations(&paths[1..])
        .with_most_rows(5)
        .with_progress(Arc::clone(&progress));
    let mut source = block_on(open(&request)).unwrap();
    assert_eq!(source.schema().columns()[0].metadata().ucd.as_deref(), Some("meta.id"));
    assert_eq!(progress.bytes(), None);
    while let Step::Rows(_) = block_on(source.next()).unwrap() {}
    let total = paths.iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
    assert_eq!(progress.bytes(), Some((total, total)));
}
