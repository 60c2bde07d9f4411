//! Writes one column as text. The strategy is chosen once, at the start.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use taploom_format::{CellLosses, CellShape, Datatype, Result, VoType};
use taploom_text::{
    BITS, Cells, ColumnText, Elements, TABLEDATA, WORDS, append_json_strings, elements_of,
};

use crate::dialect::{Dialect, plain_csv, plain_tsv};

/// The strategy for the cells of one column.
pub(crate) struct ColumnWriter {
    kind: Kind,
    dialect: Dialect,
}

enum Kind {
    Value(Elements<'static>),
    Text,
    List(Elements<'static>),
    Strings,
}

impl ColumnWriter {
    /// Chooses the writer of a column.
    pub(crate) fn new(vo_type: &VoType, dialect: Dialect) -> Result<Self> {
        let datatype = vo_type.datatype;
        let element = datatype.element();
        let kind = match vo_type.cell() {
            CellShape::Text { .. } => Kind::Text,
            CellShape::Texts { .. } => Kind::Strings,
            CellShape::Scalar => {
                let spelling = if datatype == Datatype::Bit { &BITS } else { &WORDS };
                Kind::Value(Elements::new(&element, spelling, "", "")?)
            }
            CellShape::Array { .. } => {
                let spelling = if datatype == Datatype::Bit { &BITS } else { &TABLEDATA };
                Kind::List(Elements::new(&element, spelling, " ", null_element(&element))?)
            }
        };
        Ok(Self { kind, dialect })
    }
}

/// The text of a null element. Floats use NaN and booleans a question mark, as in TABLEDATA
/// (VOTable 1.4, section 6). TABLEDATA has no text for a null integer, only null values, so
/// integers use `null`.
fn null_element(element: &DataType) -> &'static str {
    match element {
        DataType::Float32 | DataType::Float64 => "NaN",
        DataType::Boolean => "?",
        _ => "null",
    }
}

impl ColumnText for ColumnWriter {
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses> {
        let dialect = self.dialect;
        let mut losses = CellLosses::default();
        match &self.kind {
            Kind::Value(values) => values.append_cells(array, rows, to),
            Kind::Text => {
                let values = array.as_string::<i32>();
                let append = |value: &str, text: &mut Vec<u8>| {
                    losses.altered += u64::from(dialect.append_text(value.as_bytes(), text));
                };
                match dialect {
                    Dialect::Csv => to.extend_strings(values, rows, "", &plain_csv(), append),
                    Dialect::Tsv => to.extend_strings(values, rows, "", &plain_tsv(), append),
                }
            }
            Kind::List(elements) => {
                let lists = array.as_list::<i32>();
                to.extend(array, rows, "", |row, text| match elements_of(lists, row) {
                    // Quotes distinguish the empty array from null.
                    none if none.is_empty() => text.extend_from_slice(b"\"\""),
                    range => elements.append_range(lists.values(), range, text),
                });
            }
            Kind::Strings => {
                let lists = array.as_list::<i32>();
                let strings = lists.values().as_string::<i32>();
                let mut json = Vec::new();
                to.extend(array, rows, "", |row, text| {
                    json.clear();
                    append_json_strings(strings, elements_of(lists, row), &mut json);
                    dialect.append_text(&json, text);
                });
            }
        }
        Ok(losses)
    }
}
