//! Tests the metadata around the rows, the choice of a TABLE, skipped elements, and refusals.

use taploom_model::ErrorKind;
use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use crate::common::{binary, cells, document, read, table_data, without_places};

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
