//! VOTable files as sources of the program.

use crate::common::{Folder, taploom};

#[test]
fn rows_overflow_and_what_is_left_out() {
    let folder = Folder::new();
    let table = |name: &str| {
        format!(
            "<TABLE name='{name}'><FIELD name='{name}' datatype='int'/><DATA><TABLEDATA>\
             <TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE>"
        )
    };
    let text = format!(
        "<VOTABLE><RESOURCE hue='1'>{}{}<INFO name='QUERY_STATUS' value='OVERFLOW'/></RESOURCE></VOTABLE>",
        table("a"),
        table("b")
    );
    let source = folder.write("two.vot", &text);
    taploom(&["encode", &source, "-f", "csv", "-o", &folder.path("x.csv")])
        .fails_with(2, &["the document has 2 TABLEs: \"a\", \"b\"; choose one"]);
    let page = folder.write("page.xml", "<html/>");
    taploom(&["encode", &page, "-f", "csv"])
        .fails_with(2, &["page.xml", "the root element is html", "VOTABLE"]);
    for threads in ["1", "2"] {
        let summary = folder.path("summary.json");
        let run = taploom(&[
            "encode",
            &source,
            "--table",
            "b",
            "-f",
            "csv",
            "--summary",
            &summary,
            "--threads",
            threads,
        ]);
        let lines: Vec<&str> = run.stderr.lines().collect();
        assert_eq!((run.status, lines.len()), (Some(0), 2), "{lines:?}");
        assert!(lines[0].contains("two.vot: left out: attribute hue of RESOURCE"), "{lines:?}");
        assert!(lines[1].contains("rows of the source were left out"), "{lines:?}");
        assert_eq!(run.stdout, b"b\r\n1\r\n");
        let summary = std::fs::read_to_string(summary).unwrap_or_default();
        assert!(summary.contains("\"status\":\"overflow\""), "{summary}");
    }
}
