//! Tables with columns of many types, which have runs of equal values, repeated values and nulls.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryArray,
    Float16Array, Float32Array, Float64Array, Int8Array, Int64Array, LargeBinaryArray, ListArray,
    RecordBatch, StringArray, StringViewArray, TimestampNanosecondArray, UInt64Array,
};
use half::f16;
use proptest::prelude::*;

/// Number of columns of a table without the first one, `row`.
pub(crate) const COLUMNS: usize = 18;

/// What a table is made of.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    seed: u64,
    rows: u64,
    /// The longest run of equal values.
    run: u64,
    distinct: u64,
    /// One value in this many is null.
    null: u64,
}

impl Shape {
    pub(crate) fn new(seed: u64, rows: u64, run: u64, distinct: u64, null: u64) -> Self {
        Self { seed, rows, run, distinct, null }
    }
}

impl Arbitrary for Shape {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with(_: ()) -> BoxedStrategy<Self> {
        let runs = prop_oneof![Just(1_u64), Just(3), Just(40), Just(200)];
        let nulls = prop_oneof![Just(2_u64), Just(10), Just(u64::MAX)];
        (any::<u64>(), 0_u64..300, runs, prop_oneof![Just(3_u64), Just(60), Just(500)], nulls)
            .prop_map(|(seed, rows, run, distinct, null)| Self { seed, rows, run, distinct, null })
            .boxed()
    }
}

fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The column `row` with the numbers of the rows, and one column of each type.
pub(crate) fn table(shape: &Shape) -> RecordBatch {
    let of = |salt: u64| -> Vec<Option<u64>> {
        let seed = mixed(shape.seed.wrapping_add(salt));
        let run = 1 + mixed(seed) % shape.run;
        let draw = |row: u64| {
            let drawn = mixed(seed.wrapping_add(row / run));
            (!drawn.is_multiple_of(shape.null)).then_some(drawn / 10 % shape.distinct)
        };
        (0..shape.rows).map(draw).collect()
    };
    let longs = |salt| of(salt).into_iter().map(|n| n.map(|n| n as i64 - 5));
    let texts = |salt: u64| -> Vec<Option<String>> {
        let text = |n: u64| "x".repeat((n % 5) as usize) + &n.to_string();
        of(salt).into_iter().map(|n| n.map(text)).collect()
    };
    let floats = |salt| {
        of(salt).into_iter().map(|n| {
            n.map(|n| match n {
                0 => 0.0,
                1 => -0.0,
                2 => f64::NAN,
                3 => -f64::NAN,
                other => other as f64 / 4.0 - 3.0,
            })
        })
    };
    let decimals = |salt, precision, scale| {
        let values = longs(salt).map(|n| n.map(|n| i128::from(n) * 1000));
        let values = Decimal128Array::from_iter(values).with_precision_and_scale(precision, scale);
        Arc::new(values.unwrap())
    };
    let uuids = of(9).into_iter().map(|n| n.map(|n| u128::from(mixed(n)).to_be_bytes()));
    let uuids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(uuids, 16).unwrap();
    let codes: DictionaryArray<Int32Type> = texts(10).iter().map(Option::as_deref).collect();
    let lists = of(11).into_iter().map(|n| n.map(|n| vec![Some(n as i32 % 7); n as usize % 3]));
    let never_null = of(12).into_iter().map(|n| n.unwrap_or(77) as i64);
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("row", Arc::new(Int64Array::from_iter_values(0..shape.rows as i64)), false),
        ("long", Arc::new(Int64Array::from_iter(longs(1))), true),
        ("never null", Arc::new(Int64Array::from_iter_values(never_null)), false),
        ("unsigned", Arc::new(UInt64Array::from_iter(of(2))), true),
        (
            "tiny",
            Arc::new(Int8Array::from_iter(of(3).into_iter().map(|n| n.map(|n| n as i8)))),
            true,
        ),
        ("text", Arc::new(StringArray::from(texts(4))), true),
        ("view", Arc::new(StringViewArray::from_iter(texts(5))), true),
        ("bytes", Arc::new(LargeBinaryArray::from_iter(texts(6))), true),
        ("decimal", decimals(7, 30, 5), true),
        ("small decimal", decimals(8, 9, 2), true),
        ("uuid", Arc::new(uuids), true),
        ("double", Arc::new(Float64Array::from_iter(floats(13))), true),
        ("float", Arc::new(Float32Array::from_iter(floats(14).map(|n| n.map(|n| n as f32)))), true),
        ("half", Arc::new(Float16Array::from_iter(floats(15).map(|n| n.map(f16::from_f64)))), true),
        (
            "flag",
            Arc::new(BooleanArray::from_iter(of(16).into_iter().map(|n| n.map(|n| n % 2 == 0)))),
            true,
        ),
        ("codes", Arc::new(codes), true),
        ("day", Arc::new(Date32Array::from_iter(longs(17).map(|n| n.map(|n| n as i32)))), true),
        ("time", Arc::new(TimestampNanosecondArray::from_iter(longs(18))), true),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)), true),
    ];
    assert_eq!(columns.len(), COLUMNS + 1);
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}
