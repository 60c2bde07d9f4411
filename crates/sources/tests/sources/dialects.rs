//! CSV and TSV of other programs: separators, quotes, comments, words for null, names.

use super::*;

/// The names of the columns and the cells that a text is read as, or the error; `-` stands for null.
fn table(name: &str, text: &str, format: Option<&str>) -> String {
    let rows = match rows_as(format, name, text) {
        Ok(rows) => rows,
        Err(error) => return format!("error: {error:#}"),
    };
    let options = FormatOptions::new().with_null("-");
    let names = rows.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let mut lines = vec![names.join("|")];
    for row in 0..rows.num_rows() {
        let cells = rows.columns().iter().map(|column| {
            ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(row).to_string()
        });
        lines.push(cells.collect::<Vec<_>>().join("|"));
    }
    lines.join("\n")
}

#[test]
fn dialects_are_given_as_options() {
    let mut wrong = Vec::new();
    for (text, format, expected) in [
        ("a;b\n1;2,5\n", "csv;delimiter=;", "a|b\n1|2,5"),
        ("a|b\n1|\"x|y\"\n", "csv;delimiter=|", "a|b\n1|x|y"),
        ("a\tb\n1\t2\n", "csv;delimiter=tab", "a|b\n1|2"),
        ("# made by hand\na,b\n#1,1\n\n1,2\n# \"end\n", "csv;comment=#", "a|b\n1|2"),
        ("a,b\n1,2\n# \"end", "csv;comment=#", "a|b\n1|2"),
        ("# x\ra,b\r1,2\r# y\r\r3,4\r", "csv;comment=#", "a|b\n1|2\n3|4"),
        (
            "# x\r 1 , 2\r# y\r 3 , 4",
            "csv;comment=#;header=absent;spaces=trim",
            "col1|col2\n1|2\n3|4",
        ),
        ("a\r\n# x\r\n1\r\n\r\n2", "csv;comment=#", "a\n1\n-\n2"),
        ("#,#\n# x\na,\"b\"\n1,\"\"\n", "csv;comment=#", "a|b\n1|"),
        ("a,b\n1,NA\nNA,\"NA\"\n", "csv;null=NA", "a|b\n1|-\n-|NA"),
        ("1,x\n2,y\n", "csv;header=absent", "col1|col2\n1|x\n2|y"),
        ("1,x\n2,y\n", "csv;names=id,name", "id|name\n1|x\n2|y"),
        ("i,n\n2,y\n", "csv;names=id,name;header=present", "id|name\n2|y"),
        ("a,b\n'1,0',2\n", "csv;quote='", "a|b\n1,0|2"),
        ("a,b\n\"x,2\n", "csv;quote=none", "a|b\n\"x|2"),
        ("a;b\n#x;y\nNULL;3\n", "csv;delimiter=;;comment=#;null=NULL", "a|b\n-|3"),
        (" a | b \n 1 |\tx y\t\n2|   \n", "csv;delimiter=|;spaces=trim", "a|b\n1|x y\n2|-"),
        ("a,b\n NA ,\" x \"\n", "csv;spaces=trim;null=NA", "a|b\n-| x "),
        ("a, \"b\"\n 1 , \"x, y\" \n", "csv;spaces=trim", "a|b\n1|x, y"),
        (" a  b\n1    2\n", "csv;delimiter= ;spaces=trim", "a|b\n1|2"),
        ("a,b\n 1, x\n", "csv;spaces=keep", "a|b\n1| x"),
        // In a table of one column, a line of blanks is a null, whatever ends the lines.
        ("a\r1\r \n2\r\n", "csv;spaces=trim", "a\n1\n-\n2"),
        ("a\n1\r\t\n2", "csv;spaces=trim", "a\n1\n-\n2"),
        ("a\n1\r \n2", "tsv;spaces=trim", "a\n1\n-\n2"),
        ("a\n1\n  ", "csv;spaces=trim", "a\n1\n-"),
        ("a\n\" x\r \n\t\" \n", "csv;spaces=trim", "a\n x\r \n\t"),
        ("a,b,c\n1\n2,x\n3,,z\n", "csv;short=null", "a|b|c\n1|-|-\n2|x|-\n3|-|z"),
    ] {
        let read = table("t.txt", text, Some(format));
        if read != expected {
            wrong.push(format!("{text:?} as {format} is {read:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn wrong_options_are_named() {
    for (format, words) in [
        ("cvs", "input format \"cvs\" is not known; it is"),
        ("csv;delimitr=;", "input format csv: option delimitr is unknown; known: delimiter, quote"),
        ("csv;delimiter=ab", "input option delimiter=ab: it has to be one ASCII character"),
        ("csv;delimiter=é", "one ASCII character"),
        ("csv;comment=,", "have to be different characters"),
        ("csv;header=no", "header=no: it is present or absent"),
        ("csv;spaces=no", "spaces=no: it is trim or keep"),
        ("csv;short=no", "short=no: it is null or error"),
        ("csv;names=a", "the first record has 2 values, and names=... gives 1 name"),
        ("csv;delimiter", "is not of the form OPTION=VALUE"),
        ("parquet;delimiter=;", "input format parquet: option delimiter is unknown; known: none"),
    ] {
        let error = rows_as(Some(format), "t.txt", "a,b\n1,2\n").unwrap_err();
        assert!(error.is_caller_fault(), "{error}");
        assert!(error.to_string().contains(words), "no {words:?} in: {error}");
    }
    let error = refusal(&Request::new("demo").with_input_format("csv")).to_string();
    assert!(error.contains("demo is not a file and takes no input format"), "{error}");
}

/// Missing values of a record may be null, but no record may have more values than the table has columns.
#[test]
fn records_with_other_numbers_of_values_are_errors() {
    for (text, format) in
        [("a,b\n1\n", "csv"), ("a,b\n1\n", "csv;short=error"), ("a,b\n1,2,3\n", "csv;short=null")]
    {
        let error = rows_as(Some(format), "t.txt", text).unwrap_err().to_string();
        assert!(
            error.starts_with("row 1: ") && error.contains("values in the record: "),
            "{error}"
        );
    }
}

/// If neither the first bytes nor the name of a file tell its format.
#[test]
fn separated_text_is_known_by_the_separators_in_it() {
    assert_eq!(table("t.txt", "a,b\n1,2\n", None), "a|b\n1|2");
    assert_eq!(table("t", "a,x\tb\n1\t2\n", None), "a,x|b\n1|2");
    for text in ["a;b\n1;2\n", "one\n1\n", "[{\"a\": 1, \"b\": 2}]", "\x00,1"] {
        let error = rows_of("t.txt", text).unwrap_err().to_string();
        assert!(
            error.contains("name its format with --input-format, such as 'csv;delimiter=;'"),
            "{error}"
        );
    }
}

/// A separator ends a value of TSV, even within quotes.
#[test]
fn quotes_in_tsv_never_swallow_a_separator() {
    let two_open = "mark\tqty\n\"a\t1\nb\t2\n\"c\t3\nd\t4\n";
    let error = rows_of("t.tsv", two_open).unwrap_err();
    assert!(error.to_string().starts_with("row 1: "), "{error}");
    assert!(error.to_string().contains("'tsv;quote=none'"), "{error}");
    assert_eq!(
        table("t.tsv", two_open, Some("tsv;quote=none")),
        "mark|qty\n\"a|1\nb|2\n\"c|3\nd|4"
    );
    // Not quoted as a whole: IANA's registration knows no quotes, so these are text.
    let texts =
        ["\"hi\" there", "\"A\"-frame", "5\" disk", "\"x\"y\"", "\"a\" or \"b\"", "x\"", "\"\"x"];
    let read = texts.map(|text| table("t.tsv", &format!("part\tqty\n{text}\t1\n"), None));
    assert_eq!(read, texts.map(|text| format!("part|qty\n{text}|1")));
    // Quoted values, as Taploom and others write them.
    let ours = "a\tb\n\"\"\"x\"\"\"\t\"\"\n\"y z\"\t\n\"\"\"x\"\"y\"\"\"\tz\n";
    assert_eq!(table("t.tsv", ours, None), "a|b\n\"x\"|\ny z|-\n\"x\"y\"|z");
    let enclosed = "a\tb\n\"x\ty\"\t1\n";
    assert!(rows_of("t.tsv", enclosed).is_err());
    assert_eq!(table("t.tsv", enclosed, Some("tsv;quote=\"")), "a|b\nx\ty|1");
}

/// DuckDB, polars, pyarrow and sqlite3 write a null of a table with one column as an empty line.
#[test]
fn an_empty_line_is_a_null_in_a_table_of_one_column() {
    for (text, expected) in [
        ("a\n1\n\n3\n", "a\n1\n-\n3"),
        ("a\r\n1\r\n\r\n3\r\n", "a\n1\n-\n3"),
        ("a\n\n\n3", "a\n-\n-\n3"),
        ("a\n1\n\n", "a\n1\n-"),
        ("\n\na\n1\n", "a\n1"),
        ("a,b\n1,2\n\n3,4\n", "a|b\n1|2\n3|4"),
    ] {
        assert_eq!(table("t.csv", text, None), expected, "{text:?}");
    }
    let error = rows_of("t.csv", "a\n1\n\n3,4\n").unwrap_err().to_string();
    assert!(error.starts_with("row 3: "), "{error}");
}

#[test]
fn spaces_alone_are_a_null_among_numbers() {
    assert_eq!(table("t.csv", "n,s\n1,a\n  , \n2,b\n", None), "n|s\n1|a\n-| \n2|b");
    assert_eq!(table("t.csv", "b\ntrue\n \n", None), "b\ntrue\n-");
}

#[test]
fn the_word_for_null_is_a_name_as_well() {
    assert_eq!(table("t.csv", "n,NA\n1,NA\n", Some("csv;null=NA")), "n|NA\n1|-");
}

#[test]
fn a_quote_after_the_closing_one_is_text_at_the_end_of_a_file_too() {
    for end in ["", "\n"] {
        let text = format!("a,b\n1,\"x\"y\"z{end}");
        assert_eq!(table("t.csv", &text, None), "a|b\n1|xy\"z", "{text:?}");
    }
    for open in ["a,b\n1,\"x", "a,b\n1,\"x\"\""] {
        let error = rows_of("t.csv", open).unwrap_err().to_string();
        assert!(error.contains("within quotes"), "{error}");
    }
}
