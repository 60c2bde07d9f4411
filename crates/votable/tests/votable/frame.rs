//! Compares the document around the rows with a golden file, and tests what is refused.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use serde_json::{Value, json};
use taploom_model::{ColumnMetadata, Completion, Error, ResultSchema, TableMetadata};
use taploom_votable::{Frame, Version};

/// Every element and attribute of the model. It was checked with the schema of VOTable 1.5.
const EXPECTED: &str = include_str!("../golden/document.xml");

#[test]
fn all_metadata_are_written_in_the_order_of_the_standard() {
    let frame = frame(columns(), table(), Version::V1_5).unwrap();
    let overflow = frame.header().to_owned() + &frame.footer(&Completion::Overflow).unwrap();
    assert_eq!(overflow, EXPECTED);
}

#[test]
fn the_status_of_a_failure_stands_between_the_table_and_other_resources() {
    let frame = frame(columns(), table(), Version::V1_5).unwrap();
    let message = "no <more> rows".to_owned();
    let footer = frame.footer(&Completion::Failed { message }).unwrap();
    let status = "<INFO name=\"QUERY_STATUS\" value=\"ERROR\">no &lt;more&gt; rows</INFO>\n";
    assert!(footer.starts_with(&format!("</TABLE>\n{status}<RESOURCE")), "{footer}");
    let complete = frame.footer(&Completion::Complete).unwrap();
    assert_eq!(footer.replace(status, ""), complete);
    assert!(!complete.contains("QUERY_STATUS"));
}

#[test]
fn a_version_that_has_no_such_element_is_refused() {
    let error = refused(columns(), table(), Version::V1_4);
    assert_eq!(error, "VOTable 1.4 has no refposition of a COOSYS; write version 1.5");
    let timesys = json!({"ID": "t", "timescale": "UTC", "refposition": "TOPOCENTER"});
    let table = json!({"document": {"timesys": [timesys]}});
    let error = refused(json!({}), table.clone(), Version::V1_3);
    assert_eq!(error, "VOTable 1.3 has no TIMESYS; write version 1.4");
    assert!(frame(json!({}), table, Version::V1_4).is_ok());
}

#[test]
fn ids_are_names_unique_and_led_to() {
    for (column, table, expected) in [
        (
            json!({"ID": "a"}),
            json!({"groups": [{"ID": "a"}]}),
            r#"the ID "a" of GROUP "a" is used twice in the document"#,
        ),
        (
            json!({}),
            json!({"ID": "a", "resource": {"resources": [{"name": "s", "ID": "a"}]}}),
            r#"the ID "a" of RESOURCE "s" is used twice in the document"#,
        ),
        (
            json!({"ref": "sys"}),
            json!({}),
            r#"the ref "sys" of FIELD "x" is broken: no element of the document has that ID"#,
        ),
        (
            json!({}),
            json!({"document": {"resources": [{"groups": [{"ref": "sys"}]}]}}),
            r#"the ref "sys" of a GROUP is broken: no element of the document has that ID"#,
        ),
        (
            json!({}),
            json!({"ID": "t", "groups": [{"field_refs": [{"ref": "t"}]}]}),
            r#"the ref "t" of a FIELDref leads to a TABLE, and has to lead to a FIELD"#,
        ),
        (
            json!({"ID": "f"}),
            json!({"groups": [{"param_refs": [{"ref": "f"}]}]}),
            r#"the ref "f" of a PARAMref leads to a FIELD, and has to lead to a PARAM"#,
        ),
    ] {
        assert_eq!(refused(column, table, Version::default()), expected);
    }
    let later = json!({"groups": [{"ID": "g", "field_refs": [{"ref": "f"}]}]});
    assert!(frame(json!({"ID": "f", "ref": "g"}), later, Version::default()).is_ok());
}

#[test]
fn what_has_no_place_is_refused() {
    for (table, expected) in [
        (json!({"document": {"name": "d"}}), "a VOTABLE has no name; give it to the RESOURCE"),
        (
            json!({"document": {"links": [{"href": "http://example.org"}]}}),
            "a VOTABLE has no LINK; give it to the RESOURCE",
        ),
        (
            json!({"resource": {"type": "meta"}}),
            "the RESOURCE with the rows is of type results, not meta",
        ),
        (
            json!({"resource": {"infos": [{"name": "QUERY_STATUS", "value": "OK"}]}}),
            "the INFO QUERY_STATUS is written for every result; leave it out of the metadata",
        ),
        (
            json!({"resource": {"resources": [{"links": [{}]}]}}),
            "a RESOURCE with a LINK needs a TABLE or RESOURCE inside it, and this one has neither; \
             give the LINK to a PARAM",
        ),
        (
            json!({"params": [{"field": {"datatype": "int"}, "value": "1"}]}),
            "the PARAM with the value \"1\" has no name",
        ),
        (
            json!({"params": [{"field": {"name": "p"}, "value": "1"}]}),
            "PARAM \"p\" has no datatype; text is char with arraysize \"*\"",
        ),
    ] {
        assert_eq!(refused(json!({}), table, Version::default()), expected);
    }
}

#[test]
fn metadata_that_break_a_grammar_can_not_be_made() {
    for (table, expected) in [
        (
            json!({"resource": {"coosys": [{"ID": "1st"}]}}),
            "the ID \"1st\" is not an XML name (letters, digits, '_', '-', '.'; the first is a letter or '_')",
        ),
        (json!({"resource": {"timesys": [{}]}}), "missing field `ID`"),
        (json!({"resource": {"type": "banana"}}), "is not results or meta"),
        (
            json!({"params": [{"field": {"name": "p", "datatype": "int", "arraysize": "x"}}]}),
            "arraysize \"x\" is not of the form 10, 10*, *, 3x4 or 3x*",
        ),
        (json!({"links": [{"content-role": "my role"}]}), "is not a name such as UTC"),
        (
            json!({"document": {"coosys": [{"ID": "a", "epoch": "now"}]}}),
            "is not of the form J2000",
        ),
    ] {
        let error = serde_json::from_value::<TableMetadata>(table).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn refused(column: Value, table: Value, version: Version) -> String {
    let error = frame(column, table, version).unwrap_err();
    assert!(error.is_caller_fault(), "{error:?}");
    error.to_string()
}

/// The frame of one column.
fn frame(column: Value, table: Value, version: Version) -> Result<Frame, Error> {
    let arrow = Schema::new(vec![Field::new("x", DataType::Int32, true)]);
    let column: ColumnMetadata = serde_json::from_value(column).unwrap();
    let table: TableMetadata = serde_json::from_value(table).unwrap();
    Frame::new(&ResultSchema::new(Arc::new(arrow), vec![column])?.with_table(table), version)
}

fn columns() -> Value {
    json!({
        "ID": "f", "name": "x", "datatype": "int", "width": 5, "precision": "F2", "xtype": "t",
        "unit": "km/s", "ucd": "meta.number", "utype": "a:b", "ref": "c", "null": "-1",
        "description": "1 < 2",
        "values": {
            "ID": "v", "type": "legal", "min": {"value": "0", "inclusive": false},
            "max": {"value": "9", "inclusive": true},
            "options": [{"name": "few", "value": "1", "options": [{"value": "2"}]}, {"value": "3"}],
        },
        "links": [{"ID": "l", "content-role": "doc", "content-type": "text/html", "title": "T",
            "value": "1", "href": "http://example.org/?a&b", "action": "http://example.org/"}],
    })
}

fn table() -> Value {
    let param = |id: &str| {
        json!({
            "field": {"name": "p", "ID": id, "datatype": "char", "arraysize": "*", "ucd": "meta.id",
                "description": "a \"p\""},
            "value": "a\"\n&b",
        })
    };
    let coosys = json!({"ID": "c", "system": "ICRS", "equinox": "J2000", "epoch": "J2015.5",
        "refposition": "BARYCENTER"});
    let timesys = json!({"ID": "t", "timeorigin": "MJD-origin", "timescale": "TT",
        "refposition": "GEOCENTER"});
    let group = json!({
        "ID": "g", "name": "g", "ref": "t", "ucd": "meta", "utype": "g:g", "description": "D",
        "field_refs": [{"ref": "f", "ucd": "meta.main", "utype": "g:f"}],
        "param_refs": [{"ref": "p1"}],
        "params": [param("p4")],
        "groups": [{"name": "empty"}],
    });
    let info = json!({"name": "i", "value": "1", "text": "<text>", "ID": "i", "ref": "f",
        "unit": "s", "ucd": "time", "utype": "i:i", "xtype": "x"});
    let service = json!({
        "name": "links", "ID": "service", "utype": "adhoc:service", "type": "meta",
        "description": "S",
        "params": [{"field": {"name": "accessURL", "datatype": "char", "arraysize": "*"},
            "value": "http://example.org"}],
        "groups": [{"name": "inputParams", "params": [{"field": {"name": "ID", "datatype": "int",
            "ref": "f", "values": {"ref": "v"}}, "value": ""}]}],
    });
    json!({
        "name": "stars", "description": "All", "ID": "stars", "ref": "stars", "ucd": "meta",
        "utype": "t:t",
        "infos": [{"name": "j", "value": ""}], "params": [param("p1")], "groups": [group],
        "links": [{"href": "http://example.org"}],
        "resource": {
            "name": "r", "ID": "r", "utype": "r:r", "type": "results", "description": "R",
            "infos": [info], "coosys": [coosys], "params": [param("p2")],
            "groups": [{"name": "h"}], "links": [{"title": "L"}], "resources": [service],
        },
        "document": {
            "ID": "d", "description": "Doc", "infos": [{"name": "k", "value": "2"}],
            "coosys": [{"ID": "c2"}], "timesys": [timesys], "params": [param("p3")],
            "groups": [{"name": "n"}],
            "resources": [{"type": "meta", "links": [{"title": "M"}],
                "resources": [{"name": "inner"}]}],
        },
    })
}
