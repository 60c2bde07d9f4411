//! Tables that databases do not usually return.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int16Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use taploom_format::{ColumnMetadata, Datatype, ResultSchema};

use crate::tables::{Table, TestColumn};

/// Nulls with values in the buffers, which must not be written.
pub(crate) fn garbage() -> Table {
    let valid = vec![true, false, true, false, false];
    let nulls = || Some(NullBuffer::from(valid.clone()));
    let with_nulls = |array: ArrayRef| -> ArrayRef {
        // The expected cells have no values in the buffers.
        let picks: Vec<(usize, usize)> =
            (0..5).map(|row| if valid[row] { (0, row) } else { (1, 0) }).collect();
        let null = arrow_array::new_null_array(array.data_type(), 1);
        interleaved(&[array.as_ref(), null.as_ref()], &picks)
    };
    let texts = StringArray::from(vec!["a", "beneath", "", "\0beneath", "last beneath"]);
    let (offsets, values, _) = texts.clone().into_parts();
    let texts_beneath = StringArray::new(offsets, values, nulls());
    let lists = ListArray::new(
        Arc::new(Field::new_list_field(DataType::Int32, true)),
        OffsetBuffer::from_lengths([2, 3, 0, 1, 2]),
        Arc::new(Int32Array::from(vec![1, 2, -9, -9, -9, -8, -7, -7])),
        nulls(),
    );
    let expected_lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), Some(2)]),
        None,
        Some(vec![]),
        None,
        None,
    ]);
    let longs = vec![1_i64, -99, 3, i64::MIN, 7];
    let doubles = vec![0.5, -99.5, f64::NAN, f64::INFINITY, 2.5];
    let flags = vec![true, true, false, true, true];
    let columns = vec![
        TestColumn::converted(
            "long",
            Arc::new(Int64Array::new(longs.clone().into(), nulls())),
            with_nulls(Arc::new(Int64Array::from(longs))),
        ),
        TestColumn::converted(
            "double",
            Arc::new(Float64Array::new(doubles.clone().into(), nulls())),
            with_nulls(Arc::new(Float64Array::from(doubles))),
        ),
        TestColumn::converted(
            "boolean",
            Arc::new(BooleanArray::new(flags.clone().into(), nulls())),
            with_nulls(Arc::new(BooleanArray::from(flags))),
        ),
        TestColumn::converted("text", Arc::new(texts_beneath), with_nulls(Arc::new(texts))),
        TestColumn::converted("list", Arc::new(lists), Arc::new(expected_lists))
            .of(Datatype::Int, Some("*")),
    ];
    Table::of("values beneath nulls", columns)
}

#[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
fn interleaved(arrays: &[&dyn Array], picks: &[(usize, usize)]) -> ArrayRef {
    arrow_select::interleave::interleave(arrays, picks).expect("arrays of one type")
}

/// Columns of every scalar type, and lists, whose fields are not nullable.
#[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
pub(crate) fn not_nullable() -> Table {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), Some(2)]),
        Some(vec![]),
        Some(vec![Some(-3)]),
        Some(vec![Some(4), Some(5), Some(6)]),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("flag", Arc::new(BooleanArray::from(vec![true, false, false, true]))),
        ("short", Arc::new(Int16Array::from(vec![-7, 0, 1, 32_767]))),
        ("int", Arc::new(Int32Array::from(vec![70_000, 0, -1, 7]))),
        ("long", Arc::new(Int64Array::from(vec![5_294_967_296, 0, -1, i64::MAX]))),
        ("double", Arc::new(Float64Array::from(vec![1.5, 0.0, -2.25, 1e300]))),
        ("text", Arc::new(StringArray::from(vec!["a", "bc", "x,\"y\"", "é😀"]))),
        ("list", Arc::new(lists)),
    ];
    let given = Schema::new(
        columns
            .iter()
            .map(|(name, cells)| Field::new(*name, cells.data_type().clone(), false))
            .collect::<Vec<_>>(),
    );
    let expected = Table::same("fields that are not nullable", columns);
    let given = RecordBatch::try_new(Arc::new(given), expected.given.columns().to_vec())
        .expect("cells without nulls");
    let mut metadata = vec![ColumnMetadata::default(); 7];
    metadata[6].arraysize = "*".parse().ok();
    metadata[6].datatype = Some(Datatype::Int);
    let schema = ResultSchema::new(given.schema(), metadata).expect("metadata that fit");
    Table { schema, given, ..expected }
}

/// Three hundred columns whose cells show their positions. The names are not in sorted order, and
/// some occur twice.
pub(crate) fn ordered() -> Table {
    let columns = (0..300).map(|index: i32| {
        let name = match index % 10 {
            9 => "again".to_owned(),
            _ => format!("c{}", (index * 7919) % 10_007),
        };
        let cells = Int32Array::from_iter_values((0..3).map(|row| index * 10 + row));
        TestColumn::same(name, Arc::new(cells))
    });
    Table::of("300 columns in order", columns.collect())
}

/// Texts longer than the arraysize of their FIELD.
pub(crate) fn too_long_texts() -> Table {
    let column = |name: &str, texts: [&str; 5], datatype, arraysize| {
        let texts = Arc::new(StringArray::from(texts.to_vec()));
        TestColumn::same(name, texts).of(datatype, Some(arraysize))
    };
    Table::of(
        "texts longer than their FIELD",
        vec![
            column("fine", ["a", "b", "c", "d", "e"], Datatype::Char, "4"),
            column("fixed", ["abcdefgh", "abcd", "abcde", "x", "123456"], Datatype::Char, "4"),
            column("bounded", ["abcd", "abcde", "a", "b", "c"], Datatype::Char, "4*"),
            // The fourth unit of UTF-16 is in the middle of a character.
            column(
                "wide",
                ["abc😀d", "ab😀", "éééé", "ééééé", "abc😀"],
                Datatype::UnicodeChar,
                "4*",
            ),
        ],
    )
}

/// Characters that some formats have to replace.
pub(crate) fn odd_characters() -> Table {
    let column = |name: &str, texts: [&str; 6], datatype| {
        let texts = Arc::new(StringArray::from(texts.to_vec()));
        TestColumn::same(name, texts).of(datatype, Some("*"))
    };
    let ascii = ["plain", "a b", "x", "y", "z", "1"];
    Table::of(
        "characters that are hard to hold",
        vec![
            column("plain", ascii, Datatype::UnicodeChar),
            column("char", ["é", "plain", "星星", "a😀b", "ascii", "Ångström"], Datatype::Char),
            column(
                "unicode",
                ["é", "a\u{1}b\u{2}c", "星", "a\u{fffe}b", "a\0b", "tab\there"],
                Datatype::UnicodeChar,
            ),
        ],
    )
}
