//! Tables with one value per cell.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, NullArray,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array, new_null_array,
};
use taploom_format::ColumnMetadata;

use crate::tables::Table;

/// Every scalar type with a normal value, its smallest, its largest, and null.
pub(crate) fn scalars(name: &'static str, rows: usize) -> Table {
    fn column<A: From<Vec<Option<T>>> + arrow_array::Array + 'static, T: Copy>(
        normal: T,
        least: T,
        most: T,
        rows: usize,
    ) -> ArrayRef {
        Arc::new(A::from([Some(normal), Some(least), Some(most), None][..rows].to_vec()))
    }
    Table::same(
        name,
        vec![
            ("boolean", column::<BooleanArray, _>(true, false, true, rows)),
            ("byte", column::<UInt8Array, _>(7, u8::MIN, u8::MAX, rows)),
            ("short", column::<Int16Array, _>(-7, i16::MIN, i16::MAX, rows)),
            ("int", column::<Int32Array, _>(70_000, i32::MIN, i32::MAX, rows)),
            ("long", column::<Int64Array, _>(5_294_967_296, i64::MIN, i64::MAX, rows)),
            ("float", column::<Float32Array, _>(-123.12, f32::MIN, f32::MAX, rows)),
            ("double", column::<Float64Array, _>(1.131_73e98, f64::MIN, f64::MAX, rows)),
            ("text", column::<StringArray, _>("abc", "a", "Sirius", rows)),
        ],
    )
}

pub(crate) fn no_values() -> Table {
    let scalars = scalars("", 1).expected;
    let columns = scalars.schema_ref().fields().iter();
    let columns = columns.map(|field| {
        let nulls = new_null_array(field.data_type(), 3);
        (field.name().clone(), Arc::clone(&nulls), nulls)
    });
    Table::new("all null", &columns.collect::<Vec<_>>())
}

pub(crate) fn floats() -> Table {
    let doubles = vec![
        Some(f64::NAN),
        Some(f64::INFINITY),
        Some(f64::NEG_INFINITY),
        Some(-0.0),
        Some(0.0),
        Some(f64::MIN_POSITIVE),
        Some(5e-324),
        Some(0.1 + 0.2),
        Some(1e16),
        Some(1e22),
        None,
    ];
    let singles = doubles.iter().map(|value| value.map(|value| value as f32)).collect::<Vec<_>>();
    Table::same(
        "NaN, infinities and the smallest",
        vec![
            ("row", Arc::new(Int32Array::from_iter_values(0..doubles.len() as i32))),
            ("double", Arc::new(Float64Array::from(doubles))),
            ("float", Arc::new(Float32Array::from(singles))),
        ],
    )
}

pub(crate) fn text() -> Table {
    let texts = vec![
        Some("plain"),
        Some(""),
        None,
        Some(" leading and trailing "),
        Some("a,b;c\td"),
        Some("line\nbreak\r\nand\rreturn"),
        Some("\"quoted\" \"\"twice\"\""),
        Some("\""),
        Some("'single'"),
        Some("<a href=\"x\">&amp;</a> ]]> <!-- -->"),
        Some("αβγ Ångström žluťoučký"),
        Some("星 😀 𝔸 👩\u{200d}🚀"),
        Some("null"),
        Some("NaN"),
        Some("\\N"),
        Some("true"),
        Some("007"),
        Some("#comment"),
        Some("=1+1"),
    ];
    let rows = texts.len() as i32;
    let long: Vec<Option<String>> =
        (0..rows).map(|row| (row % 3 != 0).then(|| "xyz€😀".repeat(row as usize * 100))).collect();
    Table::same(
        "text of every kind",
        vec![
            ("row", Arc::new(Int32Array::from_iter_values(0..rows))),
            ("text", Arc::new(StringArray::from(texts))),
            ("long", Arc::new(StringArray::from(long))),
            ("last", Arc::new(Int32Array::from_iter_values(0..rows))),
        ],
    )
}

pub(crate) fn names() -> Table {
    let names = [
        "ra", "ra", "ra_2", "a b", "a,b", "\"q\"", "<a & b>", "α😀", "x'y", "select", "a.b", "Ra",
        "]]>",
    ];
    let one = Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef;
    Table::same("names", names.iter().map(|name| (*name, Arc::clone(&one))).collect())
}

/// Arrow types that are carried in another type.
pub(crate) fn converted() -> Table {
    let text = |texts: Vec<Option<&str>>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let words = vec![Some("a"), None, Some("ab😀")];
    let dictionary: DictionaryArray<Int32Type> = words.iter().copied().collect();
    let decimal = Decimal128Array::from(vec![Some(12345), None, Some(-1)]);
    let columns: Vec<(&str, ArrayRef, ArrayRef)> = vec![
        (
            "int8",
            Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)])),
            Arc::new(Int16Array::from(vec![Some(-128), None, Some(127)])),
        ),
        (
            "uint16",
            Arc::new(UInt16Array::from(vec![Some(0), None, Some(u16::MAX)])),
            Arc::new(Int32Array::from(vec![Some(0), None, Some(65_535)])),
        ),
        (
            "uint32",
            Arc::new(UInt32Array::from(vec![Some(0), None, Some(u32::MAX)])),
            Arc::new(Int64Array::from(vec![Some(0), None, Some(4_294_967_295)])),
        ),
        (
            "uint64",
            Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
            text(vec![Some("0"), None, Some("18446744073709551615")]),
        ),
        ("large", Arc::new(LargeStringArray::from(words.clone())), text(words.clone())),
        ("view", Arc::new(StringViewArray::from(words.clone())), text(words.clone())),
        (
            "empty dictionary",
            Arc::new([None::<&str>; 3].into_iter().collect::<DictionaryArray<Int32Type>>()),
            text(vec![None; 3]),
        ),
        ("dictionary", Arc::new(dictionary), text(words)),
        (
            "decimal",
            Arc::new(decimal.with_precision_and_scale(9, 2).unwrap_or_else(|_| unreachable!())),
            text(vec![Some("123.45"), None, Some("-0.01")]),
        ),
        ("null", Arc::new(NullArray::new(3)), text(vec![None, None, None])),
    ];
    let columns = columns.into_iter().map(|(name, given, read)| (name.to_owned(), given, read));
    Table::new("other Arrow types", &columns.collect::<Vec<_>>())
}

pub(crate) fn timestamps() -> Table {
    let text = |texts: [Option<&str>; 3]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let columns: Vec<(&str, ArrayRef, ArrayRef)> = vec![
        (
            "seconds",
            Arc::new(TimestampSecondArray::from(vec![Some(0), None, Some(-1)])),
            text([Some("1970-01-01T00:00:00"), None, Some("1969-12-31T23:59:59")]),
        ),
        (
            "milliseconds",
            Arc::new(TimestampMillisecondArray::from(vec![Some(1_748_019_635_025), None, Some(0)])),
            text([Some("2025-05-23T17:00:35.025"), None, Some("1970-01-01T00:00:00.000")]),
        ),
        (
            "microseconds",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)]).with_timezone("UTC"),
            ),
            text([Some("1970-01-01T00:00:00.000001"), None, Some("1969-12-31T23:59:59.999999")]),
        ),
        (
            "nanoseconds",
            Arc::new(TimestampNanosecondArray::from(vec![Some(i64::MAX), None, Some(0)])),
            text([
                Some("2262-04-11T23:47:16.854775807"),
                None,
                Some("1970-01-01T00:00:00.000000000"),
            ]),
        ),
        (
            "day",
            Arc::new(Date32Array::from(vec![Some(20_000), None, Some(-1)])),
            text([Some("2024-10-04"), None, Some("1969-12-31")]),
        ),
    ];
    let columns = columns.into_iter().map(|(name, given, read)| (name.to_owned(), given, read));
    Table::new("timestamps and dates", &columns.collect::<Vec<_>>())
}

/// The scalar types, repeated.
pub(crate) fn wide(columns: usize) -> Table {
    let scalars = scalars("", 4).given;
    let columns = (0..columns).map(|index| {
        let array = scalars.column(index % scalars.num_columns());
        (format!("c{index:04}"), Arc::clone(array), Arc::clone(array))
    });
    Table::new("1,000 columns", &columns.collect::<Vec<_>>())
}

pub(crate) fn metadata() -> Table {
    let scalars = scalars("units, UCDs and descriptions", 4);
    let metadata = scalars.given.schema_ref().fields().iter().enumerate().map(|(index, field)| {
        let number = !field.data_type().is_null() && index > 0 && field.name() != "text";
        ColumnMetadata {
            unit: number.then(|| "deg".to_owned()),
            ucd: Some(format!("meta.number;stat.{}", if index % 2 == 0 { "min" } else { "max" })),
            description: Some(format!("{} <&> \"ångström\" ]]>\n2nd line", field.name())),
            id: format!("col_{index}").parse().ok(),
            utype: Some(format!("ex:model.{}", field.name())),
            ..Default::default()
        }
    });
    let metadata = metadata.collect();
    scalars.with_metadata(metadata)
}

/// More rows than any encoder keeps in a block, so that blocks end within batches.
pub(crate) fn long(rows: usize) -> Table {
    let ids = Int64Array::from_iter_values(0..rows as i64);
    let reals: Float64Array =
        (0..rows).map(|row| (row % 7 != 0).then_some(row as f64 / 3.0)).collect();
    let flags: BooleanArray = (0..rows).map(|row| (row % 5 != 0).then_some(row % 2 == 0)).collect();
    let texts: StringArray = (0..rows)
        .map(|row| (row % 11 != 0).then(|| format!("{}é", "s".repeat(row % 40))))
        .collect();
    Table::same(
        "many rows",
        vec![
            ("id", Arc::new(ids)),
            ("real", Arc::new(reals)),
            ("flag", Arc::new(flags)),
            ("text", Arc::new(texts)),
            ("again", Arc::new(Int32Array::from_iter_values(0..rows as i32))),
        ],
    )
}
