//! Writes one column as text. The strategy is chosen once, at the start.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use taploom_format::{Arraysize, CellLosses, CellShape, Datatype, Result, VoType};
use taploom_text::{
    Cells, ColumnText, Elements, Escaping, Spelling, WORDS, append_json_strings, append_quoted,
    elements_of,
};

/// APE 6: booleans as Python writes them.
const SCALARS: Spelling = Spelling { yes: "True", no: "False", ..WORDS };

/// Texts that are written without quotes. A line that begins with # is a comment, and readers drop spaces at the ends
/// of a value.
fn plain_texts() -> Escaping<impl Fn(u8) -> bool, impl Fn(&[u8]) -> bool> {
    Escaping {
        quotes: "",
        is_special: |byte| (byte == b',') | (byte == b'"') | (byte == b'\r') | (byte == b'\n'),
        is_plain: |text: &[u8]| {
            let edges = [text.first(), text.last()];
            edges.iter().all(|edge| edge.is_some_and(|byte| !b" \t#".contains(byte)))
        },
    }
}

/// The strategy for the cells of one column.
pub(crate) struct ColumnWriter {
    kind: Kind,
    /// The dimensions of an array, the last varying fastest. Empty for an array of one
    /// dimension with variable length.
    dimensions: Vec<usize>,
}

enum Kind {
    Value(Elements<'static>),
    Text,
    List(Elements<'static>),
    Strings,
}

impl ColumnWriter {
    /// Chooses the writer of a column.
    pub(crate) fn new(vo_type: &VoType) -> Result<Self> {
        let datatype = vo_type.datatype;
        let cell = vo_type.cell();
        let kind = match &cell {
            CellShape::Text { .. } => Kind::Text,
            CellShape::Texts { .. } => Kind::Strings,
            CellShape::Scalar => Kind::Value(Elements::new(&datatype.element(), &SCALARS, "", "")?),
            // JSON, with NaN and Infinity as Python reads and writes them.
            CellShape::Array { .. } => {
                Kind::List(Elements::new(&datatype.element(), &WORDS, ",", "null")?)
            }
        };
        Ok(Self { kind, dimensions: dimensions(&cell) })
    }

    /// The datatype in the header, and the subtype of an array.
    pub(crate) fn types(&self, vo_type: &VoType) -> (&'static str, Option<String>) {
        let name = type_name(vo_type.datatype);
        if !vo_type.is_list() {
            return (name, None);
        }
        let dimensions: Vec<String> = self.dimensions.iter().map(ToString::to_string).collect();
        let shape = if dimensions.is_empty() { "null".to_owned() } else { dimensions.join(",") };
        ("string", Some(format!("{name}[{shape}]")))
    }
}

impl ColumnText for ColumnWriter {
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses> {
        match &self.kind {
            Kind::Value(values) => values.append_cells(array, rows, to),
            Kind::Text => {
                let values = array.as_string::<i32>();
                to.extend_strings(values, rows, "", &plain_texts(), |value, text| {
                    append_value(value.as_bytes(), text);
                });
            }
            Kind::List(elements) => {
                let values = array.as_list::<i32>().values();
                self.arrays(array, rows, to, |range, json| {
                    json.push(b'[');
                    elements.append_range(values, range, json);
                    json.push(b']');
                });
            }
            Kind::Strings => {
                let strings = array.as_list::<i32>().values().as_string::<i32>();
                self.arrays(array, rows, to, |range, json| {
                    append_json_strings(strings, range, json);
                });
            }
        }
        Ok(CellLosses::default())
    }
}

impl ColumnWriter {
    /// Writes every list as nested JSON arrays; `append` writes the innermost.
    fn arrays(
        &self,
        array: &ArrayRef,
        rows: Range<usize>,
        to: &mut Cells,
        append: impl Fn(Range<usize>, &mut Vec<u8>),
    ) {
        let lists = array.as_list::<i32>();
        let outer = self.dimensions.split_last().map_or(&[][..], |(_, outer)| outer);
        let mut json = Vec::new();
        to.extend(array, rows, "", |row, text| {
            json.clear();
            append_nested(outer, elements_of(lists, row), &append, &mut json);
            append_value(&json, text);
        });
    }
}

fn append_nested(
    outer: &[usize],
    range: Range<usize>,
    append: &impl Fn(Range<usize>, &mut Vec<u8>),
    to: &mut Vec<u8>,
) {
    let Some((count, inner)) = outer.split_first() else { return append(range, to) };
    let step = range.len() / count;
    for index in 0..*count {
        to.push(if index == 0 { b'[' } else { b',' });
        let first = range.start + index * step;
        append_nested(inner, first..first + step, append, to);
    }
    to.push(b']');
}

/// Appends a value, in quotes if a reader would otherwise misread it. Quotes in the value are
/// doubled.
pub(crate) fn append_value(value: &[u8], to: &mut Vec<u8>) {
    let Escaping { is_special, is_plain, .. } = plain_texts();
    if is_plain(value) && !value.iter().copied().any(is_special) {
        to.extend_from_slice(value);
        return;
    }
    append_quoted(value, to);
}

/// The dimensions of an array, the last of which varies fastest. In APE 6, only the last one may be
/// variable, but in VOTable the variable dimension is the one that varies slowest. Arrays with a variable
/// dimension are therefore written flat, and have no dimensions here.
fn dimensions(cell: &CellShape) -> Vec<usize> {
    let dimensions = cell.dimensions().and_then(Arraysize::fixed_dimensions).unwrap_or_default();
    dimensions.into_iter().rev().map(|extent| extent as usize).collect()
}

fn type_name(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Boolean | Datatype::Bit => "bool",
        Datatype::UnsignedByte => "uint8",
        Datatype::Short => "int16",
        Datatype::Int => "int32",
        Datatype::Long => "int64",
        Datatype::Char | Datatype::UnicodeChar => "string",
        // Pairs of numbers: JSON has no complex numbers.
        Datatype::Float | Datatype::FloatComplex => "float32",
        Datatype::Double | Datatype::DoubleComplex => "float64",
    }
}
