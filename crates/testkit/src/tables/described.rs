//! A table with all kinds of metadata.

use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, StringArray};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::tables::{Table, TestColumn};

/// Every member of the metadata of columns and of the table, each at least once.
pub(crate) fn described() -> Table {
    let number = |values: [f64; 2]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let fluxes = ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(1.0), Some(2.0)]),
        Some(vec![Some(3.0), Some(4.0)]),
    ]);
    let names: ArrayRef = Arc::new(StringArray::from(vec!["Sirius", "Vega"]));
    let cells = [
        ("ra", number([101.287, 279.235])),
        ("dec", number([-16.716, 38.784])),
        ("obs_time", number([4_567.25, 4_568.5])),
        ("name", names),
        ("flux", Arc::new(fluxes) as ArrayRef),
    ];
    let columns = cells.into_iter().zip(columns()).map(|((name, cells), metadata)| {
        let column = TestColumn::same(name, cells);
        let mut metadata: taploom_format::ColumnMetadata = parsed(metadata);
        metadata.name = column.metadata.name.clone();
        TestColumn { metadata, ..column }
    });
    let mut described = Table::of("all metadata", columns.collect());
    described.schema = described.schema.with_table(parsed(table()));
    described
}

#[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
fn parsed<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("metadata of the model")
}

fn columns() -> Vec<Value> {
    vec![
        json!({
            "datatype": "double", "unit": "deg", "ucd": "pos.eq.ra;meta.main",
            "utype": "ex:source.position.ra", "ID": "col_ra", "ref": "icrs",
            "description": "Right ascension <b> & \"more\"\nin a second line",
            "width": 10, "precision": "F6",
            "values": {
                "ID": "domain_ra", "type": "actual",
                "min": {"value": "0", "inclusive": true}, "max": {"value": "360", "inclusive": false}
            },
            "links": [{"href": "https://example.org/ra?a=1&b=2", "title": "All about ra",
                "content-role": "doc", "content-type": "text/html"}]
        }),
        json!({
            "datatype": "double", "unit": "deg", "ucd": "pos.eq.dec;meta.main", "ID": "col_dec",
            "ref": "icrs", "description": "Déclinaison", "precision": "E4"
        }),
        json!({
            "datatype": "double", "unit": "d", "ucd": "time.epoch", "ID": "col_time",
            "ref": "clock", "description": "Time of the observation"
        }),
        json!({
            "datatype": "unicodeChar", "arraysize": "*", "ucd": "meta.id;meta.main", "ID": "col_name",
            "utype": "ex:source.name", "description": "Name",
            "values": {"type": "legal", "options": [{"name": "the brightest", "value": "Sirius"}]}
        }),
        json!({
            "datatype": "float", "arraysize": "2", "unit": "Jy", "ucd": "phot.flux", "ID": "col_flux",
            "xtype": "interval", "description": "Flux"
        }),
    ]
}

fn table() -> Value {
    json!({
        "name": "stars & <planets>",
        "description": "Bright stars, \"observed\" twice",
        "ID": "the_table",
        "ref": "bands",
        "ucd": "meta.table",
        "utype": "ex:catalogue",
        "infos": [{"name": "rows", "value": "two", "ID": "info_rows", "text": "a separate text"}],
        "params": [{
            "field": {"name": "epoch", "datatype": "double", "unit": "yr", "ucd": "time.epoch",
                "ID": "the_epoch", "description": "Epoch of the positions"},
            "value": "2015.5"
        }],
        "groups": [{
            "name": "position", "ID": "bands", "ucd": "pos.eq", "utype": "ex:position",
            "description": "What belongs together",
            "field_refs": [{"ref": "col_ra", "ucd": "pos.eq.ra", "utype": "ex:ra"}, {"ref": "col_dec"}],
            "param_refs": [{"ref": "the_epoch"}],
            "params": [{"field": {"name": "inner", "datatype": "int"}, "value": "7"}],
            "groups": [{"name": "nested", "field_refs": [{"ref": "col_flux"}]}]
        }],
        "links": [{"href": "https://example.org/table", "title": "The table", "content-role": "doc"}],
        "resource": {
            "name": "the resource", "ID": "the_resource", "utype": "ex:resource",
            "description": "What stands around the table",
            "infos": [
                {"name": "citation", "value": "2020A&A...1....1X", "ucd": "meta.bib"},
                {"name": "length", "value": "3", "unit": "m"}
            ],
            "coosys": [{"ID": "icrs", "system": "ICRS", "epoch": "J2015.5"}],
            "timesys": [{"ID": "clock", "timeorigin": "2400000.5", "timescale": "TDB",
                "refposition": "BARYCENTER"}],
            "params": [{"field": {"name": "instrument", "datatype": "char", "arraysize": "*",
                "utype": "ex:instrument"}, "value": "camera <1>"}],
            "groups": [{"name": "of the resource", "ID": "group_2"}],
            "links": [{"href": "https://example.org/resource"}],
            "resources": [{
                "type": "meta", "utype": "adhoc:service", "name": "cutouts", "ID": "cutouts",
                "description": "Cut-outs of images",
                "params": [{"field": {"name": "accessURL", "datatype": "char", "arraysize": "*"},
                    "value": "https://example.org/cutout"}],
                "groups": [{"name": "inputParams", "params": [{"field": {"name": "ID",
                    "datatype": "char", "arraysize": "*", "ref": "col_name"}, "value": ""}]}]
            }]
        },
        "document": {
            "ID": "the_document",
            "description": "What stands around it all",
            "infos": [{"name": "service", "value": "a test"}],
            "coosys": [{"ID": "fk5", "system": "eq_FK5", "equinox": "J2000"}],
            "timesys": [{"ID": "clock_2", "timescale": "UTC", "refposition": "TOPOCENTER"}],
            "params": [{"field": {"name": "version", "datatype": "int"}, "value": "3"}],
            "groups": [{"name": "of the document", "ID": "group_3"}],
            "resources": [{"type": "meta", "name": "beside", "ID": "beside"}]
        }
    })
}
