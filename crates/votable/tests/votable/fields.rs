//! FIELDs of another TABLE, and FIELDs with datatypes by other names.

use taploom_votable::{ReadOptions, TableChoice, VotableReader};

use crate::common::{cells, document, table_data, without_places};

/// A TABLE with `ref` has the FIELDs of the TABLE with that ID, which may itself refer to another one.
#[test]
fn a_table_may_have_the_fields_of_another_one() {
    let rows = |n: u8| table_data(&format!("<TR><TD>{n}</TD></TR>"));
    let text = format!(
        "<VOTABLE><RESOURCE><TABLE ID='a' wrong='1'><FIELD ID='n' name='n' datatype='int' unit='s' odd='1'/>\
         <GROUP name='g'/><DATA>{}</DATA></TABLE><TABLE ID='b' ref='a'/>\
         <TABLE ref=' a '><DATA>{}</DATA></TABLE><TABLE ref='b'><DATA>{}</DATA></TABLE>\
         <TABLE ID='w'><FIELD name='w' datatype='banana'/></TABLE><TABLE ref='w'/><TABLE ref='later'/>\
         <TABLE ID='later'><FIELD name='x' datatype='int'/></TABLE></RESOURCE></VOTABLE>",
        rows(1),
        rows(2),
        rows(3)
    );
    let choose = |index: u64| {
        let options = ReadOptions::default().with_table(TableChoice::Index(index));
        let mut reader = VotableReader::with_options(text.as_bytes(), options)?;
        assert_eq!(reader.schema().columns()[0].metadata().unit.as_deref(), Some("s"));
        Ok::<_, taploom_model::Error>((cells(&mut reader)?, reader.passed_over()))
    };
    for (index, expected) in [(3, "2"), (4, "3")] {
        let (cells, notes) = choose(index).unwrap();
        assert_eq!(cells, [[expected]]);
        let notes: Vec<&str> = notes.iter().filter_map(|note| note.split(" (").next()).collect();
        let of_fields = ["attribute odd of FIELD", "GROUP of the TABLE with the FIELDs"];
        assert_eq!(notes, if index == 3 { &of_fields[..] } else { &[] });
    }
    let message = |index| without_places(&choose(index).unwrap_err().to_string());
    assert_eq!(message(6), "column \"w\": \"banana\" is not a datatype of VOTable");
    assert_eq!(
        message(7),
        "the TABLE at byte N takes its FIELDs from another one (ref=\"later\"), and no TABLE before it has that ID"
    );
}

/// FIELDs that a later TABLE might use take at most a quarter of the memory limit, and are then dropped.
#[test]
fn the_fields_of_many_tables_take_bounded_memory() {
    let table = |n: u32| format!("<TABLE ID='t{n}'><FIELD name='n' datatype='int'/></TABLE>");
    let tables: String = (0..1000).map(table).collect();
    for (last, message) in [
        ("<TABLE><FIELD name='m' datatype='int'/></TABLE>", None),
        (
            "<TABLE ref='t900'/>",
            Some(
                "the TABLE at byte N takes its FIELDs from another one (ref=\"t900\"), and the FIELDs of earlier \
                 TABLEs exceed the memory for them; raise memory_limit",
            ),
        ),
    ] {
        let text = format!("<VOTABLE><RESOURCE>{tables}{last}</RESOURCE></VOTABLE>");
        let options =
            ReadOptions::default().with_table(TableChoice::Index(1001)).with_memory_limit(64 << 10);
        let error = VotableReader::with_options(text.as_bytes(), options).err();
        assert_eq!(error.map(|error| without_places(&error.to_string())).as_deref(), message);
    }
}

/// Datatypes that VOTable does not have and that old services write.
#[test]
fn datatypes_by_other_names() {
    for (name, meant) in [
        ("string", "char of arraysize *"),
        ("unicodeString", "unicodeChar of arraysize *"),
        ("int16", "short"),
        ("int32", "int"),
        ("int64", "long"),
        ("float32", "float"),
        ("float64", "double"),
    ] {
        let text = document(&format!("<FIELD name='x' datatype='{name}'/>"), &table_data(""));
        let reader = VotableReader::new(text.as_bytes()).unwrap();
        let column = &reader.schema().columns()[0];
        assert_eq!(column.vo_type().unwrap().to_string(), meant);
        let [note] = &reader.passed_over()[..] else { panic!("{:?}", reader.passed_over()) };
        let datatype = meant.split(' ').next().unwrap();
        let expected = format!("datatype {name:?} of FIELD, read as {datatype} (");
        assert!(note.starts_with(&expected), "{note}");
    }
}
