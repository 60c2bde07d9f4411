//! Tables of arrays: every datatype in every shape of VOTable.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, ListBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{ArrayRef, BooleanArray, ListArray, PrimitiveArray, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use taploom_format::{CellShape, Datatype, Extent, VoType};

use crate::tables::{Table, TestColumn};

/// Every datatype, each as a scalar (text: as one string) and in every shape of VOTable 1.4, 2.2:
/// fixed, bounded, variable, in one dimension and in two.
pub const SHAPES: &[(Datatype, &[Option<&str>])] = {
    const NUMBERS: &[Option<&str>] =
        &[None, Some("3"), Some("4*"), Some("*"), Some("2x3"), Some("2x4*"), Some("2x*")];
    const TEXT: &[Option<&str>] =
        &[Some("*"), Some("12"), Some("12*"), Some("6x2"), Some("6x3*"), Some("6x*")];
    &[
        (Datatype::Boolean, NUMBERS),
        (Datatype::Bit, &[None, Some("9"), Some("17*"), Some("*"), Some("2x3"), Some("2x*")]),
        (Datatype::UnsignedByte, NUMBERS),
        (Datatype::Short, NUMBERS),
        (Datatype::Int, NUMBERS),
        (Datatype::Long, NUMBERS),
        (Datatype::Float, NUMBERS),
        (Datatype::Double, NUMBERS),
        (Datatype::FloatComplex, NUMBERS),
        (Datatype::DoubleComplex, NUMBERS),
        (Datatype::Char, TEXT),
        (Datatype::UnicodeChar, TEXT),
    ]
};

/// A table for each datatype, one for lengths, and one with only nulls.
pub(crate) fn lists() -> Vec<Table> {
    let tables =
        SHAPES.iter().map(|(datatype, _)| Table::of(name_of(*datatype), shaped(*datatype)));
    tables.chain([lengths(), no_lists()]).collect()
}

/// Columns of a datatype in all its shapes, with nulls, empty arrays, and values that are easily
/// lost.
pub(crate) fn shaped(datatype: Datatype) -> Vec<TestColumn> {
    let shapes =
        SHAPES.iter().find(|(known, _)| *known == datatype).map_or(&[][..], |known| known.1);
    let columns = shapes.iter().map(|shape| {
        let expected = cells(datatype, *shape, ROWS, false);
        let given = as_given(&expected, datatype, *shape);
        let name = format!("{datatype} {}", shape.unwrap_or("scalar"));
        TestColumn::converted(name, given, expected).of(datatype, *shape)
    });
    columns.collect()
}

/// By its Arrow type, a scalar complex number is a list of two floats; other lists are arrays.
#[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
pub(crate) fn as_given(cells: &ArrayRef, datatype: Datatype, shape: Option<&str>) -> ArrayRef {
    match (cells.data_type(), shape) {
        (DataType::List(item), None) if datatype.is_complex() => {
            let pairs = DataType::FixedSizeList(Arc::clone(item), 2);
            cast(cells, &pairs).expect("pairs")
        }
        _ => Arc::clone(cells),
    }
}

/// Rows of the tables of shapes.
pub(crate) const ROWS: usize = 12;

fn name_of(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Boolean => "booleans in every shape",
        Datatype::Bit => "bits in every shape",
        Datatype::UnsignedByte => "bytes in every shape",
        Datatype::Short => "shorts in every shape",
        Datatype::Int => "ints in every shape",
        Datatype::Long => "longs in every shape",
        Datatype::Char => "chars in every shape",
        Datatype::UnicodeChar => "unicodeChars in every shape",
        Datatype::Float => "floats in every shape",
        Datatype::Double => "doubles in every shape",
        Datatype::FloatComplex => "floatComplex in every shape",
        Datatype::DoubleComplex => "doubleComplex in every shape",
    }
}

/// Lengths near the sizes of bytes, words and blocks.
fn lengths() -> Table {
    let lengths: Vec<Option<usize>> =
        [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1000, 20_000].into_iter().map(Some).collect();
    let column = |name: &str, datatype: Datatype| {
        TestColumn::same(name, elements(datatype, 1, &lengths, 1, false)).of(datatype, Some("*"))
    };
    Table::of(
        "arrays of many lengths",
        vec![
            column("bits", Datatype::Bit),
            column("bytes", Datatype::UnsignedByte),
            column("doubles", Datatype::Double),
        ],
    )
}

fn no_lists() -> Table {
    let columns = SHAPES.iter().flat_map(|(datatype, shapes)| {
        let lists = shapes.iter().filter(|shape| vo_type(*datatype, **shape).is_list());
        lists.map(move |shape| {
            let name = format!("{datatype} {}", shape.unwrap_or("scalar"));
            let cells = arrow_array::new_null_array(&carrier(*datatype, *shape), 3);
            let given = as_given(&cells, *datatype, *shape);
            TestColumn::converted(name, given, cells).of(*datatype, *shape)
        })
    });
    Table::of("arrays that are all null", columns.collect())
}

/// Arrays with null elements, of every datatype in the shapes of one dimension.
pub(crate) fn null_elements(datatype: Datatype) -> Table {
    let shapes: &[&str] = if datatype.is_text() { &["6x2", "6x*"] } else { &["3", "*"] };
    let columns = shapes.iter().map(|shape| {
        let cells = cells(datatype, Some(shape), ROWS, true);
        TestColumn::same(format!("{datatype} {shape}"), cells).of(datatype, Some(shape))
    });
    Table::of("elements that are null", columns.collect())
}

/// Cells of a datatype and an arraysize, cycled: a null, empty arrays if they are allowed, full
/// ones, and values that are easily lost. `null_elements` puts nulls among the elements.
///
/// # Panics
/// If the arraysize is invalid.
pub fn cells(
    datatype: Datatype,
    arraysize: Option<&str>,
    rows: usize,
    null_elements: bool,
) -> ArrayRef {
    let cell = vo_type(datatype, arraysize).cell();
    let room = match cell.text_length() {
        Some(Extent::Fixed(length) | Extent::Bounded(length)) => length as usize,
        Some(Extent::Free) => 40,
        None => 1,
    };
    let (CellShape::Array { dimensions } | CellShape::Texts { dimensions, .. }) = cell else {
        return scalars(datatype, room, rows);
    };
    let stride = dimensions.stride() as usize;
    let extents: Vec<Option<usize>> = match dimensions.last() {
        Extent::Fixed(n) => vec![Some(n as usize), None, Some(n as usize)],
        Extent::Bounded(n) => vec![Some(n as usize), None, Some(0), Some(1)],
        Extent::Free => vec![Some(3), None, Some(0), Some(1), Some(10)],
    };
    let extents: Vec<_> = extents.into_iter().cycle().take(rows).collect();
    elements(datatype, room, &extents, stride, null_elements)
}

fn carrier(datatype: Datatype, arraysize: Option<&str>) -> DataType {
    vo_type(datatype, arraysize).carrier()
}

#[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
fn vo_type(datatype: Datatype, arraysize: Option<&str>) -> VoType {
    let arraysize = arraysize.map(|text| text.parse().expect("an arraysize"));
    VoType { datatype, arraysize, xtype: None }
}

const BOOLEANS: &[bool] = &[true, false, false, true, true];
const BYTES: &[u8] = &[7, 0, 255, 128, 1];
const SHORTS: &[i16] = &[-7, i16::MIN, i16::MAX, 0, 1];
const INTS: &[i32] = &[70_000, i32::MIN, i32::MAX, -1, 0];
const LONGS: &[i64] = &[5_294_967_296, i64::MIN, i64::MAX, -1, (1 << 53) + 1];
const FLOATS: &[f32] = &[
    -123.12,
    f32::NAN,
    f32::INFINITY,
    0.1,
    f32::NEG_INFINITY,
    -0.0,
    f32::MIN_POSITIVE,
    1e-45,
    f32::MAX,
];
const DOUBLES: &[f64] =
    &[1.131_73e98, f64::NAN, f64::INFINITY, 0.1 + 0.2, f64::NEG_INFINITY, -0.0, 5e-324, f64::MAX];
const ASCII: &[&str] = &[
    "ab",
    "",
    "a,b",
    "<&>\"",
    "x y",
    "it's",
    "a|b;c",
    "007",
    " pad ",
    "NaN",
    "null",
    "two\nlines",
];
const ANY_TEXT: &[&str] = &["ab", "", "星", "é<&>", "😀", "a\"b", "x y", " ü ", "\\", "a, b"];

fn scalars(datatype: Datatype, room: usize, rows: usize) -> ArrayRef {
    /// The values one after the other and then a null, repeated.
    fn cycle<T: Copy>(values: &[T], rows: usize) -> impl Iterator<Item = Option<T>> {
        (0..rows).map(|row| values.get(row % (values.len() + 1)).copied())
    }
    fn numbers<T: ArrowPrimitiveType>(values: &[T::Native], rows: usize) -> ArrayRef {
        Arc::new(cycle(values, rows).collect::<PrimitiveArray<T>>())
    }
    match datatype {
        Datatype::Boolean | Datatype::Bit => {
            Arc::new(cycle(BOOLEANS, rows).collect::<BooleanArray>())
        }
        Datatype::UnsignedByte => numbers::<UInt8Type>(BYTES, rows),
        Datatype::Short => numbers::<Int16Type>(SHORTS, rows),
        Datatype::Int => numbers::<Int32Type>(INTS, rows),
        Datatype::Long => numbers::<Int64Type>(LONGS, rows),
        Datatype::Float | Datatype::FloatComplex => numbers::<Float32Type>(FLOATS, rows),
        Datatype::Double | Datatype::DoubleComplex => numbers::<Float64Type>(DOUBLES, rows),
        Datatype::Char | Datatype::UnicodeChar => {
            let texts = texts(datatype, room);
            Arc::new(cycle(&texts, rows).collect::<StringArray>())
        }
    }
}

/// Texts that fit in a cell or an element, in the units that an arraysize counts: bytes or UTF-16
/// units.
fn texts(datatype: Datatype, room: usize) -> Vec<&'static str> {
    let (texts, length): (_, fn(&str) -> usize) = match datatype {
        Datatype::Char => (ASCII, str::len),
        _ => (ANY_TEXT, |text| text.encode_utf16().count()),
    };
    texts.iter().copied().filter(|text| length(text) <= room).collect()
}

/// Lists whose lengths are these multiples of `stride`.
fn elements(
    datatype: Datatype,
    room: usize,
    extents: &[Option<usize>],
    stride: usize,
    null_elements: bool,
) -> ArrayRef {
    let lengths: Vec<Option<usize>> = extents.iter().map(|e| e.map(|e| e * stride)).collect();
    // Arrays of floats always have a null element, because VOTable can write NaN for it.
    let floats = null_elements || !datatype.is_complex();
    match datatype.element() {
        DataType::Boolean => {
            let mut lists = ListBuilder::new(BooleanBuilder::new());
            let mut values = cycled(BOOLEANS, null_elements);
            for length in lengths {
                let list = length.map(|length| values.by_ref().take(length).collect::<Vec<_>>());
                lists.append_option(list);
            }
            Arc::new(lists.finish())
        }
        DataType::UInt8 => number_lists::<UInt8Type>(&lengths, cycled(BYTES, null_elements)),
        DataType::Int16 => number_lists::<Int16Type>(&lengths, cycled(SHORTS, null_elements)),
        DataType::Int32 => number_lists::<Int32Type>(&lengths, cycled(INTS, null_elements)),
        DataType::Int64 => number_lists::<Int64Type>(&lengths, cycled(LONGS, null_elements)),
        DataType::Float32 => number_lists::<Float32Type>(&lengths, cycled(FLOATS, floats)),
        DataType::Float64 => number_lists::<Float64Type>(&lengths, cycled(DOUBLES, floats)),
        _ => {
            let texts = texts(datatype, room);
            let mut values = cycled(&texts, null_elements);
            let mut lists = ListBuilder::new(StringBuilder::new());
            for length in lengths {
                let list = length.map(|length| values.by_ref().take(length).collect::<Vec<_>>());
                lists.append_option(list);
            }
            Arc::new(lists.finish())
        }
    }
}

/// The values one after the other and, if wanted, a null, repeated without end.
fn cycled<T: Copy>(values: &[T], with_null: bool) -> impl Iterator<Item = Option<T>> {
    let end = with_null.then_some(None);
    let once: Vec<Option<T>> = values.iter().copied().map(Some).chain(end).collect();
    once.into_iter().cycle()
}

fn number_lists<T: ArrowPrimitiveType>(
    lengths: &[Option<usize>],
    mut values: impl Iterator<Item = Option<T::Native>>,
) -> ArrayRef {
    let lists = lengths
        .iter()
        .map(|length| length.map(|length| values.by_ref().take(length).collect::<Vec<_>>()));
    Arc::new(ListArray::from_iter_primitive::<T, _, _>(lists.collect::<Vec<_>>()))
}
