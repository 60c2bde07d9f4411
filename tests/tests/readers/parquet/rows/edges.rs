//! The values of every type that are most easily lost.

use arrow_array::builder::{
    Int64Builder, LargeListBuilder, LargeListViewBuilder, ListBuilder, MapBuilder, StringBuilder,
};
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, NullBuffer, i256};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use half::f16;

use super::array;

/// Rows `first..first + rows` of a table with the values that are most easily lost.
pub(crate) fn edges(first: usize, rows: usize) -> RecordBatch {
    /// The values one after another, with a null after the last, repeated.
    fn cycle<T: Copy>(
        values: &[T],
        first: usize,
        rows: usize,
    ) -> impl Iterator<Item = Option<T>> + '_ {
        (first..first + rows).map(|row| values.get(row % (values.len() + 1)).copied())
    }
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut add = |name: String, array: ArrayRef| columns.push((name, array));

    macro_rules! numbers {
        ($($numbers:ident: $number:ident,)*) => {$(
            let values = [$number::MIN, 0, 1, $number::MAX];
            let numbers: $numbers = cycle(&values, first, rows).collect();
            add(stringify!($number).to_owned(), array(numbers));
        )*};
    }
    numbers! {
        Int8Array: i8,
        Int16Array: i16,
        Int32Array: i32,
        Int64Array: i64,
        UInt8Array: u8,
        UInt16Array: u16,
        UInt32Array: u32,
        UInt64Array: u64,
    }
    macro_rules! floats {
        ($($floats:ident: $float:ident,)*) => {$(
            let values = [
                $float::NAN,
                $float::INFINITY,
                $float::NEG_INFINITY,
                $float::from_bits(0),
                -$float::from_bits(0),
                // The number next to zero.
                $float::from_bits(1),
                $float::MIN,
                $float::MAX,
            ];
            let floats: $floats = cycle(&values, first, rows).collect();
            add(stringify!($float).to_owned(), array(floats));
        )*};
    }
    floats! {
        Float16Array: f16,
        Float32Array: f32,
        Float64Array: f64,
    }
    let long = "Größe, ".repeat(300);
    let texts = ["", " ", "\0", "\u{10ffff}", "é", "e\u{301}", &long];
    add("text".to_owned(), array(cycle(&texts, first, rows).collect::<StringArray>()));
    let bytes: [&[u8]; 4] = [b"", b"\0", b"\xff\xfe", long.as_bytes()];
    add("bytes".to_owned(), array(cycle(&bytes, first, rows).collect::<BinaryArray>()));

    // The first second of the year 1, one before 1970, and the last one of the year 9999.
    let seconds = [-62_135_596_800_i64, -1, 0, 253_402_300_799];
    let days = seconds.map(|seconds| seconds.div_euclid(86_400));
    let mut add_as = |values: &[i64], to: &DataType| {
        let numbers: Int64Array = cycle(values, first, rows).collect();
        let numbers = match to {
            DataType::Date32 | DataType::Time32(_) => cast(&numbers, &DataType::Int32).unwrap(),
            _ => array(numbers),
        };
        add(to.to_string(), cast(&numbers, to).unwrap());
    };
    add_as(&days, &DataType::Date32);
    add_as(&days.map(|day| day * 86_400_000), &DataType::Date64);
    let units = [
        (TimeUnit::Second, 1),
        (TimeUnit::Millisecond, 1_000),
        (TimeUnit::Microsecond, 1_000_000),
        (TimeUnit::Nanosecond, 1_000_000_000),
    ];
    for (unit, per_second) in units {
        let parts = if unit == TimeUnit::Nanosecond {
            [-9_223_372_036_854_775_000, -1, 0, 9_223_372_036_854_775_000]
        } else {
            seconds.map(|second| second * per_second + per_second - 1)
        };
        for zone in [None, Some("UTC"), Some("Europe/Berlin")] {
            add_as(&parts, &DataType::Timestamp(unit, zone.map(Into::into)));
        }
        let durations = [-1_000_000_000_000_000, -1, 0, 1_000_000_000_000_000];
        add_as(&durations, &DataType::Duration(unit));
        let times = [0, 86_400 * per_second - 1];
        let time = match unit {
            TimeUnit::Second | TimeUnit::Millisecond => DataType::Time32(unit),
            TimeUnit::Microsecond | TimeUnit::Nanosecond => DataType::Time64(unit),
        };
        add_as(&times, &time);
    }

    let months = cycle(&[0, 1, 13, i32::MAX], first, rows);
    let months = months.collect::<IntervalYearMonthArray>();
    add("interval of months".to_owned(), array(months));
    let days = [(0, 0), (1, 2), (31, 86_399_999), (i32::MAX, i32::MAX)];
    let days = days.map(|(days, milliseconds)| IntervalDayTime::new(days, milliseconds));
    let days = cycle(&days, first, rows).collect::<IntervalDayTimeArray>();
    add("interval of days".to_owned(), array(days));

    // The largest number of digits, for every width that Parquet stores.
    for to in [
        DataType::Decimal32(9, 0),
        DataType::Decimal64(18, 18),
        DataType::Decimal128(9, 2),
        DataType::Decimal128(18, 0),
        DataType::Decimal128(19, 19),
        DataType::Decimal128(38, 38),
        DataType::Decimal256(9, 2),
        DataType::Decimal256(18, 2),
        DataType::Decimal256(38, 2),
        DataType::Decimal256(76, 38),
    ] {
        let (DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale)) = to
        else {
            unreachable!()
        };
        let most = i256::from_i128(10).wrapping_pow(u32::from(digits)) - i256::ONE;
        let values = [most, -most, i256::ONE, i256::ZERO];
        let decimals: Decimal256Array = cycle(&values, first, rows).collect();
        let decimals = decimals.with_precision_and_scale(76, scale).unwrap();
        add(to.to_string(), cast(&decimals, &to).unwrap());
    }

    // Types of which `every_type` has no list.
    let mut views = LargeListViewBuilder::new(Int64Builder::new());
    let mut large = LargeListBuilder::new(LargeListBuilder::new(StringBuilder::new()));
    let mut maps = ListBuilder::new(MapBuilder::new(
        None,
        StringBuilder::new(),
        ListBuilder::new(Int64Builder::new()),
    ));
    for row in first..first + rows {
        (0..row % 4).for_each(|value| views.values().append_value(value as i64));
        views.append(row % 5 != 0);
        for list in 0..row % 3 {
            (0..list).for_each(|value| large.values().values().append_value(value.to_string()));
            large.values().append(row % 4 != 0);
        }
        large.append(row % 5 != 0);
        for map in 0..row % 3 {
            for key in 0..map {
                maps.values().keys().append_value(key.to_string());
                (0..key)
                    .for_each(|value| maps.values().values().values().append_value(value as i64));
                maps.values().values().append(row % 7 != 0);
            }
            maps.values().append(row % 4 != 0).unwrap();
        }
        maps.append(row % 5 != 0);
    }
    add("large list view".to_owned(), array(views.finish()));
    add("large lists".to_owned(), array(large.finish()));
    add("lists of maps".to_owned(), array(maps.finish()));
    // A field that is never null, in a struct that may be null, in a struct that is never null.
    let required: ArrayRef = array((first as i64..(first + rows) as i64).collect::<Int64Array>());
    let fields = Fields::from(vec![Field::new("required", DataType::Int64, false)]);
    let nulls = (first..first + rows).map(|row| row % 3 != 0).collect::<NullBuffer>();
    let inner: ArrayRef = array(StructArray::new(fields, vec![required], Some(nulls)));
    let fields = Fields::from(vec![Field::new("inner", inner.data_type().clone(), true)]);
    add("structs".to_owned(), array(StructArray::new(fields, vec![inner], None)));
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}
