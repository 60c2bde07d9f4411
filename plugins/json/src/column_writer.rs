//! Writes one column as JSON. The strategy is chosen once, at the start.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ListArray};
use taploom_format::{Arraysize, CellLosses, CellShape, Result, VoType};
use taploom_text::{
    Cells, ColumnText, Elements, Escaping, Spelling, WORDS, append_json_string,
    append_json_strings, elements_of,
};

use crate::options::{JsonOptions, Nonfinite};

/// Strings for NaN and the infinities, for which JSON has no numbers; RFC 8259, section 6.
const QUOTED: Spelling = Spelling {
    nan: "\"NaN\"",
    infinity: "\"Infinity\"",
    negative_infinity: "\"-Infinity\"",
    ..WORDS
};

/// NaN and the infinities as null.
const NULLED: Spelling =
    Spelling { nan: "null", infinity: "null", negative_infinity: "null", ..WORDS };

/// Strings that are the same in JSON, between quotes; RFC 8259, section 7.
fn plain_strings() -> Escaping<impl Fn(u8) -> bool, impl Fn(&[u8]) -> bool> {
    Escaping {
        quotes: "\"",
        is_special: |byte| (byte < 0x20) | (byte == b'"') | (byte == b'\\'),
        is_plain: |_: &[u8]| true,
    }
}

/// The strategy for the cells of one column.
pub(crate) struct ColumnWriter {
    kind: Kind,
    nonfinite: Nonfinite,
}

enum Kind {
    Value(Elements<'static>),
    Text,
    List { elements: Elements<'static>, strides: Vec<usize> },
    Strings { strides: Vec<usize> },
}

impl ColumnWriter {
    /// Chooses the writer of a column.
    pub(crate) fn new(vo_type: &VoType, options: &JsonOptions) -> Result<Self> {
        let spelling = match options.nonfinite {
            Nonfinite::String => &QUOTED,
            Nonfinite::Null => &NULLED,
        };
        let elements = || Elements::new(&vo_type.datatype.element(), spelling, ",", "null");
        let kind = match vo_type.cell() {
            CellShape::Scalar => Kind::Value(elements()?),
            CellShape::Text { .. } => Kind::Text,
            CellShape::Array { dimensions } => {
                Kind::List { elements: elements()?, strides: strides(&dimensions) }
            }
            CellShape::Texts { dimensions, .. } => Kind::Strings { strides: strides(&dimensions) },
        };
        Ok(Self { kind, nonfinite: options.nonfinite })
    }
}

/// The number of elements in each of the nested arrays, innermost first. The first dimension varies
/// fastest (VOTable 1.4, 2.2), so it is the innermost array.
fn strides(dimensions: &Arraysize) -> Vec<usize> {
    let products = dimensions.inner().iter().scan(1_usize, |product, extent| {
        *product = product.saturating_mul(*extent as usize);
        Some(*product)
    });
    products.collect()
}

impl ColumnText for ColumnWriter {
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses> {
        let altered = match self.nonfinite {
            Nonfinite::Null => nonfinite_cells(array, rows.clone()),
            Nonfinite::String => 0,
        };
        match &self.kind {
            Kind::Value(values) => values.append_cells(array, rows, to),
            Kind::Text => {
                let values = array.as_string::<i32>();
                to.extend_strings(values, rows, "null", &plain_strings(), append_json_string);
            }
            Kind::List { elements, strides } => {
                let lists = array.as_list::<i32>();
                let values = lists.values();
                to.extend(array, rows, "null", |row, text| {
                    append_nested(strides, elements_of(lists, row), text, &|range, text| {
                        text.push(b'[');
                        elements.append_range(values, range, text);
                        text.push(b']');
                    });
                });
            }
            Kind::Strings { strides } => {
                let lists = array.as_list::<i32>();
                let strings = lists.values().as_string::<i32>();
                to.extend(array, rows, "null", |row, text| {
                    append_nested(strides, elements_of(lists, row), text, &|range, text| {
                        append_json_strings(strings, range, text);
                    });
                });
            }
        }
        Ok(CellLosses { altered, ..CellLosses::default() })
    }
}

/// Writes nested arrays; `append` writes the innermost.
fn append_nested(
    strides: &[usize],
    range: Range<usize>,
    text: &mut Vec<u8>,
    append: &impl Fn(Range<usize>, &mut Vec<u8>),
) {
    let Some((stride, inner)) = strides.split_last() else { return append(range, text) };
    text.push(b'[');
    let first = range.start;
    for from in range.step_by(*stride) {
        if from > first {
            text.push(b',');
        }
        append_nested(inner, from..from + stride, text, append);
    }
    text.push(b']');
}

/// The number of cells with NaN or an infinity.
fn nonfinite_cells(array: &ArrayRef, rows: Range<usize>) -> u64 {
    let lists = array.as_list_opt::<i32>();
    let is_finite = finite(lists.map_or(array, ListArray::values));
    let is_altered = |row: &usize| match lists {
        Some(lists) => !elements_of(lists, *row).all(&is_finite),
        None => !is_finite(*row),
    };
    rows.filter(is_altered).count() as u64
}

/// Whether a value is finite or null. Integers and booleans are always finite.
fn finite(array: &ArrayRef) -> Box<dyn Fn(usize) -> bool + '_> {
    if let Some(floats) = array.as_primitive_opt::<Float32Type>() {
        return Box::new(|index| floats.is_null(index) || floats.value(index).is_finite());
    }
    if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
        return Box::new(|index| floats.is_null(index) || floats.value(index).is_finite());
    }
    Box::new(|_| true)
}
