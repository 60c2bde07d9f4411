//! VOTable files as sources.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use futures::executor::block_on;
use taploom_model::{Ending, Error, ErrorKind};
use taploom_pipeline::{Ahead, MaxRec, RowSource, Step, Transformed};
use taploom_sources::{ColumnList, Request, open};

const TABLE: &str = r#"<TABLE name="t"><FIELD name="n" datatype="int" unit="m"/><DATA><TABLEDATA>
    <TR><TD>1</TD></TR><TR><TD>2</TD></TR><TR><TD>3</TD></TR></TABLEDATA></DATA></TABLE>"#;

/// A file of this name and content.
struct File {
    _folder: tempfile::TempDir,
    path: String,
}

impl File {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, content).unwrap();
        Self { _folder: folder, path }
    }
}

/// The cells of a source, and how it ended.
fn read(source: &mut dyn RowSource) -> (Vec<i32>, Ending) {
    let mut numbers = Vec::new();
    loop {
        match block_on(source.next()).unwrap() {
            Step::Rows(batch) => {
                assert!(batch.num_rows() <= 2);
                numbers.extend(batch.column(0).as_primitive::<Int32Type>().values());
            }
            Step::End(ending) => return (numbers, ending),
        }
    }
}

fn request(path: &str) -> Request<'_> {
    Request::new(path).with_batch_rows(2)
}

fn refusal(request: &Request<'_>) -> Error {
    block_on(open(request)).err().unwrap()
}

#[test]
fn a_votable_is_known_by_its_content() {
    let text = format!("<VOTABLE version='1.4'><RESOURCE>{TABLE}</RESOURCE></VOTABLE>");
    for (name, before) in [
        ("a.vot", ""),
        ("a.xml", "<?xml version='1.0'?>\n"),
        ("a", "\u{feff}<!-- stars -->"),
        ("a.parquet", " \n\t"),
    ] {
        let file = File::new(name, format!("{before}{text}"));
        let mut source = block_on(open(&request(&file.path))).unwrap();
        assert_eq!(source.schema().columns()[0].metadata().unit.as_deref(), Some("m"), "{name}");
        assert_eq!(read(&mut source), (vec![1, 2, 3], Ending::default()), "{name}");
    }
}

#[test]
fn overflow_and_notes_pass_through_transforms() {
    let file = File::new(
        "a.vot",
        format!(
            "<VOTABLE><RESOURCE hue='1'>{TABLE}<INFO name='QUERY_STATUS' value='OVERFLOW'/>\
             <INFO name='late' value='1'/></RESOURCE><RESOURCE ID='dl'/></VOTABLE>"
        ),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let source = block_on(open(&request(&file.path))).unwrap();
    let limit = MaxRec::new(source.schema(), 10);
    let mut source = Ahead::start(Transformed::new(source, limit), runtime.handle());
    let (numbers, ending) = read(&mut source);
    assert_eq!(numbers, [1, 2, 3]);
    assert!(ending.overflowed);
    let left_out = |what: &str| format!("{}: left out: {what}", file.path);
    assert_eq!(
        ending.notes,
        [
            left_out("attribute hue of RESOURCE (at byte 9)"),
            left_out("INFO \"late\" (\"1\"), after the rows"),
            left_out("RESOURCE \"dl\", after the rows"),
        ]
    );
}

#[test]
fn a_table_is_chosen_by_number_id_or_name() {
    let other = TABLE.replace("\"t\"", "\"u\" ID=\"i\"").replace("<TD>1<", "<TD>7<");
    let file =
        File::new("a.vot", format!("<VOTABLE><RESOURCE>{TABLE}{other}</RESOURCE></VOTABLE>"));
    for (table, first) in [("1", 1), ("2", 7), ("t", 1), ("u", 7), ("i", 7)] {
        let request = request(&file.path).with_table(table);
        let (numbers, _) = read(&mut block_on(open(&request)).unwrap());
        assert_eq!(numbers[0], first, "{table}");
    }
    let error = refusal(&request(&file.path).with_table("v"));
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("has no TABLE \"v\"; it has 2 TABLEs: \"t\", \"i\""),
        "{error}"
    );
    let error = refusal(&Request::new("demo").with_table("t"));
    assert!(error.to_string().contains("no tables to choose from"), "{error}");
}

#[test]
fn declared_columns_replace_the_fields() {
    let file = File::new("a.vot", format!("<VOTABLE><RESOURCE>{TABLE}</RESOURCE></VOTABLE>"));
    let columns: ColumnList =
        serde_json::from_str(r#"{"columns": [{"name": "m", "datatype": "long"}]}"#).unwrap();
    let request = request(&file.path).with_columns(columns);
    let source = block_on(open(&request)).unwrap();
    assert_eq!(source.schema().columns()[0].name(), "m");
    assert_eq!(source.schema().columns()[0].metadata().unit, None);
}

#[test]
fn files_that_are_not_votables_are_named() {
    for (name, content, words) in [
        ("a.vot", &b"words"[..], "not a VOTable, whatever its name says"),
        (
            "a.txt",
            b"words",
            "a JSON Lines file, a Parquet file or a VOTable, and its name does not end in",
        ),
        (
            "a.xml",
            b"<html/>",
            "a.xml: the root element is html, and a VOTable begins with VOTABLE; it may be the page of a server that \
             could not send the file",
        ),
        ("a.xml", b"\xff\xfe<\0V\0", "the document is in UTF-16; only UTF-8 is read"),
        ("a.xml", b"<VOTABLE>", "the document is cut short"),
    ] {
        let file = File::new(name, content);
        let error = refusal(&request(&file.path)).to_string();
        assert!(error.contains(words) && error.contains(&file.path), "{error}");
    }
}
