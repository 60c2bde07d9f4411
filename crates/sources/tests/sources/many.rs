//! Several files, folders and patterns as one table.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;

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

/// Such a name is refused only if the pattern matches it.
#[test]
fn names_that_are_not_utf8_beside_a_pattern() {
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
fn metadata_are_those_of_the_first_and_progress_is_that_of_all() {
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
