//! Tests the metadata around the rows, the choice of a TABLE, skipped elements, and refusals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod common;

use common::{binary, cells, document, read, table_data, without_places};
use taploom_model::ErrorKind;
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

const WHOLE: &str = r##"<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">
<?style none?>
<v:VOTABLE xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" xmlns:m="http://ivoa.net/mivot" version="1.4" ID="doc">
 <v:DESCRIPTION> A &amp; B </v:DESCRIPTION>
 <v:COOSYS ID="sys" system="ICRS" epoch="J2015.5"/>
 <v:RESOURCE type="meta" utype="adhoc:service" ID="dl">
  <v:PARAM name="accessURL" datatype="char" arraysize="*" value="http://x?a&amp;b"/>
  <v:GROUP name="inputParams"><v:PARAM name="ID" datatype="char" arraysize="*" value="" ref="n"/></v:GROUP>
 </v:RESOURCE>
 <v:RESOURCE type="results" name="r" colour="red">
  <v:INFO name="QUERY_STATUS" value="OK"/>
  <v:INFO name="provider" value="us"> the text </v:INFO>
  <v:TIMESYS ID="t" timeorigin="2455197.5" timescale="TCB" refposition="BARYCENTER"/>
  <m:VODML><m:TABLE/>words</m:VODML>
  <v:TABLE name="stars" ID="T1" nrows="2">
   <v:DESCRIPTION>All</v:DESCRIPTION>
   <v:FIELD name="n" ID="n" datatype="int" unit="deg" ucd="meta.id" utype="a:b.c" xtype="x" ref="sys"
     width="6" precision="F2">
    <v:DESCRIPTION>count</v:DESCRIPTION>
    <v:VALUES null="-1" type="actual"><v:MIN value="0" inclusive="no"/><v:MAX value="9"/>
     <v:OPTION name="one" value="1"><v:OPTION value="1a"/></v:OPTION></v:VALUES>
    <v:LINK href="http://doc" content-role="doc"/>
   </v:FIELD>
   <v:FIELD name="n" datatype="char" arraysize="*"/>
   <v:PARAM name="p" datatype="float" value="1.5" unit="mag"/>
   <v:GROUP ID="g" name="pos"><v:DESCRIPTION>both</v:DESCRIPTION><v:FIELDref ref="n" ucd="pos"/><v:PARAMref ref="q"/>
    <v:GROUP name="inner"/></v:GROUP>
   <v:LINK title="help" href="#"/>
   <v:DATA><v:TABLEDATA>
    <v:TR><v:TD>1</v:TD><v:TD>a<!-- no cell -->b</v:TD></v:TR>
    <v:TR><v:TD/><v:TD><![CDATA[<c>]]></v:TD></v:TR>
   </v:TABLEDATA><v:INFO name="in data" value="1"/></v:DATA>
   <v:INFO name="in table" value="2"/>
  </v:TABLE>
  <v:INFO name="QUERY_STATUS" value="OVERFLOW"/>
  <v:INFO name="late" value="3"/>
  <v:RESOURCE type="meta" name="inner"/>
 </v:RESOURCE>
 <v:RESOURCE type="meta" name="outer"/>
 <v:INFO name="last" value="4"/>
</v:VOTABLE>
<!-- the end -->
"##;

fn json(value: impl serde::Serialize) -> serde_json::Value {
    without_nulls(serde_json::to_value(value).unwrap())
}

/// Removes nulls, because missing members are not compared.
fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value::{Array, Null, Object};
    let is_something = |value: &serde_json::Value| match value {
        Null => false,
        Array(items) => !items.is_empty(),
        Object(fields) => !fields.is_empty(),
        _ => true,
    };
    match value {
        Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_nulls(value)));
            Object(fields.filter(|(_, value)| is_something(value)).collect())
        }
        Array(items) => Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[test]
fn the_whole_of_a_document_is_carried() {
    let mut reader = VotableReader::new(WHOLE.as_bytes()).unwrap();
    let schema = reader.schema().clone();
    assert_eq!(
        json(schema.table()),
        serde_json::json!({
            "name": "stars", "ID": "T1", "description": "All",
            "params": [{"field": {"name": "p", "datatype": "float", "unit": "mag"}, "value": "1.5"}],
            "groups": [{
                "ID": "g", "name": "pos", "description": "both",
                "field_refs": [{"ref": "n", "ucd": "pos"}], "param_refs": [{"ref": "q"}],
                "groups": [{"name": "inner"}],
            }],
            "links": [{"title": "help", "href": "#"}],
            "resource": {
                "type": "results", "name": "r",
                "infos": [{"name": "provider", "value": "us", "text": "the text"}],
                "timesys": [{"ID": "t", "timeorigin": "2455197.5", "timescale": "TCB", "refposition": "BARYCENTER"}],
            },
            "document": {
                "ID": "doc", "description": "A & B",
                "coosys": [{"ID": "sys", "system": "ICRS", "epoch": "J2015.5"}],
                "resources": [{
                    "type": "meta", "utype": "adhoc:service", "ID": "dl",
                    "params": [{
                        "field": {"name": "accessURL", "datatype": "char", "arraysize": "*"},
                        "value": "http://x?a&b",
                    }],
                    "groups": [{"name": "inputParams", "params": [
                        {"field": {"name": "ID", "datatype": "char", "arraysize": "*", "ref": "n"}, "value": ""}]}],
                }],
            },
        })
    );
    assert_eq!(
        json(schema.columns()[0].metadata()),
        serde_json::json!({
            "datatype": "int", "unit": "deg", "ucd": "meta.id", "utype": "a:b.c", "xtype": "x",
            "description": "count", "null": "-1", "ID": "n", "ref": "sys", "width": 6, "precision": "F2",
            "values": {
                "type": "actual", "min": {"value": "0", "inclusive": false}, "max": {"value": "9"},
                "options": [{"name": "one", "value": "1", "options": [{"value": "1a"}]}],
            },
            "links": [{"href": "http://doc", "content-role": "doc"}],
        })
    );
    assert_eq!((schema.columns()[0].name(), schema.columns()[1].name()), ("n", "n"));
    assert_eq!(cells(&mut reader).unwrap(), [["1", "ab"], ["null", "<c>"]]);
    assert_eq!(
        json(reader.late().unwrap()),
        serde_json::json!({
            "infos": [{"name": "in data", "value": "1"}, {"name": "in table", "value": "2"}],
            "resource": {
                "infos": [{"name": "late", "value": "3"}],
                "resources": [{"type": "meta", "name": "inner"}],
            },
            "document": {
                "infos": [{"name": "last", "value": "4"}],
                "resources": [{"type": "meta", "name": "outer"}],
            },
        })
    );
    assert!(reader.overflowed());
    let place = |text: &str| WHOLE.find(text).unwrap();
    assert_eq!(
        reader.passed_over(),
        [
            format!(
                "attribute colour of RESOURCE (at byte {})",
                place("<v:RESOURCE type=\"results\"")
            ),
            format!("element m:VODML (at byte {})", place("<m:VODML")),
        ]
    );
}

#[test]
fn what_is_no_whole_votable_is_refused() {
    let field = r#"<FIELD name="x" datatype="int"/>"#;
    let data = |data: &str| document(field, data);
    for (text, kind, message) in [
        (String::new(), ErrorKind::Source, "the document is empty; a VOTable has an element VOTABLE"),
        ("words".into(), ErrorKind::Source, "the document does not begin with an element, so it is not a VOTable"),
        ("<html/>".into(), ErrorKind::InvalidRequest, "the root element is html, and a VOTable begins with VOTABLE; it may be the page of a server that could not send the file"),
        ("<VOTABLE version=\"2.0\"/>".into(), ErrorKind::Source, "VOTable version \"2.0\" is not supported; 1.0 to 1.5 are"),
        ("<VOTABLE/>".into(), ErrorKind::InvalidRequest, "the document has no TABLE"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><VOTABLE/>".into(), ErrorKind::Source, "the document is in ISO-8859-1; only UTF-8 is read: convert it first"),
        ("<\0V\0".into(), ErrorKind::Source, "the document is in UTF-16; only UTF-8 is read: convert it first"),
        (format!("{}<VOTABLE/>", data(&table_data(""))), ErrorKind::Source, "a second root element VOTABLE at byte N"),
        ("<VOTABLE><RESOURCE></VOTABLE>".into(), ErrorKind::Source, "not well-formed XML near byte N"),
        (data("<FITS><STREAM/></FITS>"), ErrorKind::InvalidRequest, "rows in FITS (at byte N) is not read; TABLEDATA is, and BINARY and BINARY2 in base64"),
        (data("<BINARY2><STREAM href='file:x' encoding='gzip'/></BINARY2>"), ErrorKind::InvalidRequest, "a STREAM elsewhere (href=\"file:x\") (at byte N) is not read; TABLEDATA is, and BINARY and BINARY2 in base64"),
        (data("<BINARY><STREAM encoding='gzip'>AAAA</STREAM></BINARY>"), ErrorKind::InvalidRequest, "a STREAM of encoding \"gzip\" (at byte N) is not read; TABLEDATA is, and BINARY and BINARY2 in base64"),
        (data("<BINARY><STREAM>AAAA</STREAM></BINARY>"), ErrorKind::InvalidRequest, "a STREAM without an encoding (at byte N) is not read; TABLEDATA is, and BINARY and BINARY2 in base64"),
        (data("<BINARY/>"), ErrorKind::Source, "BINARY at byte N has no STREAM"),
        (data(""), ErrorKind::Source, "DATA at byte N is empty; it has TABLEDATA, BINARY or BINARY2"),
        (data(&binary("BINARY", &[0, 0, 0, 1, 0])), ErrorKind::Source, "column \"x\", row 2: the STREAM ends within the row"),
        (data("<BINARY><STREAM encoding='base64'>AAAA*AAA</STREAM></BINARY>"), ErrorKind::Source, "column \"x\", row 1: the STREAM is not valid base64 before byte N"),
        (data("<BINARY><STREAM encoding='base64'>AAA=AAAA</STREAM></BINARY>"), ErrorKind::Source, "row 1: the STREAM is not valid base64 before byte N"),
        (data("<BINARY><STREAM encoding='base64'>AAAAAA</STREAM></BINARY>"), ErrorKind::Source, "column \"x\", row 1: the base64 of the STREAM ends within a group of four characters at byte N"),
        (data(&table_data("<TR><TD>&nbsp;</TD></TR>")), ErrorKind::Source, "column \"x\", row 1: an & at byte N does not begin a reference to a character or to one of the entities of XML"),
        (document("", &binary("BINARY", &[0])), ErrorKind::Source, "row 1: the TABLE has rows and no FIELD"),
        (document("<FIELD name='x' datatype='banana'/>", ""), ErrorKind::UnsupportedColumn, "column \"x\": \"banana\" is not a datatype of VOTable"),
        (document("<FIELD name='x'/>", ""), ErrorKind::UnsupportedColumn, "column \"x\": the FIELD has no datatype"),
        (document("<FIELD name='x' datatype='int' arraysize='*x2'/>", ""), ErrorKind::UnsupportedColumn, "column \"x\": arraysize \"*x2\" is not of the form 10, 10*, *, 3x4 or 3x*"),
        ("<VOTABLE><RESOURCE><TABLE ref='t'/></RESOURCE></VOTABLE>".into(), ErrorKind::Source, "the TABLE at byte N takes its FIELDs from another one (ref=\"t\"), and no TABLE before it has that ID"),
        ("<VOTABLE><RESOURCE><INFO name='QUERY_STATUS' value='ERROR'>no\n such table</INFO></RESOURCE></VOTABLE>".into(), ErrorKind::Source, "the document reports a failed query: no such table"),
        (data(&table_data("")).replace("</RESOURCE>", "<INFO name='QUERY_STATUS' value='ERROR'/></RESOURCE>"), ErrorKind::Source, "the document reports a failed query: without saying why"),
    ] {
        let error = read(&text).err().unwrap_or_else(|| panic!("{text} is read"));
        assert_eq!((error.kind(), without_places(&error.to_string()).as_str()), (kind, message), "{text}");
    }
}

#[test]
fn the_cause_of_wrong_base64_stands_once() {
    let data = "<BINARY><STREAM encoding='base64'>AAAA*AAA</STREAM></BINARY>";
    let error = read(&document(r#"<FIELD name="x" datatype="int"/>"#, data)).unwrap_err();
    let error = format!("{error:#}");
    assert_eq!(error.matches("nvalid symbol").count(), 1, "{error}");
}

#[test]
fn a_table_is_chosen() {
    let table = |name: &str, n: u8| {
        format!(
            "<TABLE {name}><FIELD name='n' datatype='int'/><DATA>{}</DATA></TABLE>",
            binary("BINARY", &[0, 0, 0, n])
        )
    };
    let text = format!(
        "<VOTABLE><RESOURCE>{}</RESOURCE><RESOURCE><RESOURCE name='inner'>{}{}</RESOURCE><INFO name='i' \
         value='j'/></RESOURCE></VOTABLE>",
        table("name='a'", 1),
        table("ID='b' name='c'", 2),
        table("", 3)
    );
    let choose = |table: TableChoice| {
        let options = ReadOptions::default().with_table(table);
        let mut reader = VotableReader::with_options(text.as_bytes(), options)?;
        Ok::<_, taploom_model::Error>((cells(&mut reader)?, reader.passed_over()))
    };
    let around = "RESOURCE around the RESOURCE of the TABLE, which now stands beside it (";
    for (choice, expected) in [
        (TableChoice::First, "1"),
        (TableChoice::Index(1), "1"),
        (TableChoice::Index(2), "2"),
        (TableChoice::Index(3), "3"),
        (TableChoice::Name("a".into()), "1"),
        (TableChoice::Name("b".into()), "2"),
        (TableChoice::Name("c".into()), "2"),
    ] {
        let (rows, passed_over) = choose(choice.clone()).unwrap();
        assert_eq!(rows, [[expected]], "{choice:?}");
        assert_eq!(passed_over.len(), usize::from(expected != "1"), "{passed_over:?}");
        assert!(passed_over.iter().all(|line| line.starts_with(around)), "{passed_over:?}");
    }
    for (choice, message) in [
        (
            TableChoice::Only,
            "the document has 3 TABLEs: \"a\", \"b\", without a name; \
             choose one by its number from 1, its ID or its name",
        ),
        (
            TableChoice::Index(4),
            "the document has no TABLE number 4; it has 3 TABLEs: \"a\", \"b\", without a name",
        ),
        (
            TableChoice::Name("n".into()),
            "the document has no TABLE \"n\"; it has 3 TABLEs: \"a\", \"b\", without a name",
        ),
    ] {
        let error = choose(choice).unwrap_err();
        assert_eq!(
            (error.kind(), without_places(&error.to_string()).as_str()),
            (ErrorKind::InvalidRequest, message)
        );
    }
}

#[test]
fn a_stream_may_be_broken_anywhere() {
    let fields = r#"<FIELD name="n" datatype="short"/>"#;
    for stream in [
        "AAEAAgAD",
        " A\n\tA E\r\nAAgA\nD ",
        "<![CDATA[AAEA]]><!-- A -->A<?A?>g&#65;D",
        "&#x41;AEAAg<![CDATA[\nAD]]>",
    ] {
        let data = format!("<BINARY><STREAM encoding=\" Base64 \">{stream}</STREAM></BINARY>");
        assert_eq!(read(&document(fields, &data)).unwrap(), [["1"], ["2"], ["3"]], "{stream}");
    }
}

#[test]
fn a_table_without_rows() {
    let field = r#"<FIELD name="n" datatype="short"/>"#;
    for text in [
        document(field, &table_data("")),
        document(field, "<TABLEDATA/>"),
        document(field, &binary("BINARY", b"")),
        document(field, "<BINARY2><STREAM encoding='base64'/></BINARY2>"),
        document(field, "").replace("<DATA></DATA>", ""),
        document("", "<TABLEDATA/>"),
        format!("\u{feff}{}", document(field, &table_data(""))),
        document(field, &table_data("")).replace("<?xml version=\"1.0\"?>", " "),
    ] {
        let mut reader = VotableReader::new(text.as_bytes()).unwrap();
        assert!(reader.next_batch(10).unwrap().is_none(), "{text}");
        assert!(reader.next_batch(10).unwrap().is_none());
        assert!(reader.late().is_some());
    }
}

#[test]
fn doubtful_metadata_are_read_and_named() {
    let fields = r#"<FIELD datatype="int" type="hidden" width="six"><VALUES null="n/a" invalid="no"/></FIELD>
        <FIELD ID="a b" datatype="int"/><FIELD ID="c" name="c" datatype="int"/><FIELD ID="c" name="d" datatype="int"/>
        <PARAM name="p" datatype="string" value="x"/><GROUP hue="1"/><GROUP hue="2"/>words"#;
    let text = document(fields, &table_data("")).replace("<TABLE>", "<TABLE nrows='7'>");
    let text = text.replace("version=\"1.4\"", "version=\"1.6\"");
    let mut reader = VotableReader::new(text.as_bytes()).unwrap();
    assert!(reader.next_batch(1).unwrap().is_none());
    let names: Vec<&str> =
        reader.schema().columns().iter().map(taploom_model::Column::name).collect();
    assert_eq!(names, ["col1", "a b", "c", "d"]);
    let lines = reader.passed_over();
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.split(" (").next()).collect();
    assert_eq!(
        lines,
        [
            "what is new in version 1.6",
            "width \"six\" of FIELD",
            "attribute type of FIELD",
            "attribute invalid of VALUES",
            "FIELD without a name, which is now col1",
            "VALUES null \"n/a\" of FIELD \"col1\"",
            "ID \"a b\" of FIELD",
            "ID \"c\", which an earlier FIELD has",
            "datatype \"string\" of PARAM, read as char",
            "attribute hue of GROUP",
            "text between elements",
            "nrows=7 of a TABLE with 0 rows",
        ]
    );
}

/// Only the attributes that break their grammar are skipped, each with a note.
#[test]
fn attributes_that_break_their_grammar_are_passed_over() {
    let fields = r#"<FIELD name="z" datatype="int" precision="banana" width="0" ref="1 2">
        <VALUES type="banana" null="-1"><MIN value="0"/></VALUES>
        <LINK content-role="my role" href="http://x/"/></FIELD>
        <GROUP><FIELDref ref="1 2"/><FIELDref/><FIELDref ref="z"/></GROUP>
        <PARAM name="p" datatype="int" arraysize="x" value="1"/>"#;
    let systems = r#"<COOSYS system="ICRS"/><COOSYS ID="c" epoch="now" equinox="J2000"/>
        <TIMESYS ID="t" timescale="not a scale" refposition="x y" timeorigin="then"/>
        <RESOURCE type="banana"/>"#;
    let text =
        document(fields, &table_data("")).replacen("<TABLE>", &format!("{systems}<TABLE>"), 1);
    let mut reader = VotableReader::new(text.as_bytes()).unwrap();
    assert!(reader.next_batch(1).unwrap().is_none());
    let lines = reader.passed_over();
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.split(" (").next()).collect();
    assert_eq!(
        lines,
        [
            "COOSYS without an ID",
            "epoch \"now\" of COOSYS",
            "timeorigin \"then\" of TIMESYS",
            "timescale \"not a scale\" of TIMESYS",
            "refposition \"x y\" of TIMESYS",
            "type \"banana\" of RESOURCE",
            "ref \"1 2\" of FIELD",
            "width \"0\" of FIELD",
            "precision \"banana\" of FIELD",
            "type \"banana\" of VALUES",
            "content-role \"my role\" of LINK",
            "ref \"1 2\" of FIELDref",
            "FIELDref without a ref",
            "arraysize of PARAM: arraysize \"x\" is not of the form 10, 10*, *, 3x4 or 3x*",
        ]
    );
    let z = reader.schema().columns()[0].metadata();
    assert_eq!((z.precision, z.width, z.null_value.as_deref()), (None, None, Some("-1")));
    let values = z.values.as_ref().unwrap();
    assert_eq!((values.values_type, values.min.as_ref().unwrap().value.as_str()), (None, "0"));
    assert_eq!(z.links[0].href.as_deref(), Some("http://x/"));
    let table = reader.schema().table();
    let references = &table.groups[0].field_refs;
    assert_eq!(references.iter().map(|r| r.reference.as_str()).collect::<Vec<_>>(), ["z"]);
    let [system] = &table.resource.timesys[..] else { panic!("{:?}", table.resource) };
    assert_eq!((system.timescale.as_str(), system.refposition.as_str()), ("UNKNOWN", "UNKNOWN"));
}

#[test]
fn an_error_ends_the_rows() {
    let field = r#"<FIELD name="n" datatype="short"/>"#;
    let text = document(field, &table_data("<TR><TD>1</TD></TR><TR><TD>x</TD></TR>"));
    let mut reader = VotableReader::new(text.as_bytes()).unwrap();
    assert!(reader.next_batch(1).unwrap().is_some());
    assert_eq!(reader.next_batch(1).unwrap_err().row(), Some(2));
    let again = reader.next_batch(1).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Misuse);
    assert_eq!(again.message(), "rows were asked of a document that could not be read");
    assert!(reader.late().is_none());
}
