//! Blocks of rows hold what a writer of single cells writes, for random columns, nulls and
//! numbers of rows, with the instructions of every processor.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, Float64Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt8Array,
};

use fearless_simd::{Level, Simd};
use proptest::prelude::*;
use serde_json::{Value, json};
use taploom_format::ResultSchema;

use super::column::{BinaryColumn, Rules};
use super::row_block::{Cut, RowBlock};
use crate::nulls::{with_nulls_as_given, with_nulls_chosen};
use crate::options::ArrayCount;

/// The sets of instructions that this processor has.
pub(super) fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    let others = [
        best.as_avx2().map(Simd::level),
        best.as_sse4_2().map(Simd::level),
        best.as_sse2().map(Simd::level),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let others: [Option<Level>; 0] = [];
    std::iter::once(best).chain(others.into_iter().flatten()).collect()
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Boolean,
    Bit,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    /// Six characters at most, padded.
    Padded,
    Text,
    /// Two floats.
    Floats,
    Doubles,
}

const KINDS: [Kind; 12] = [
    Kind::Boolean,
    Kind::Bit,
    Kind::Byte,
    Kind::Short,
    Kind::Int,
    Kind::Long,
    Kind::Float,
    Kind::Double,
    Kind::Padded,
    Kind::Text,
    Kind::Floats,
    Kind::Doubles,
];

/// Eighths of the cells that are null.
type Nulls = u64;

/// A column, with the bytes of each cell.
struct Made {
    metadata: Value,
    array: ArrayRef,
    is_null: Vec<bool>,
    cells: Vec<Vec<u8>>,
}

/// The finaliser of SplitMix64.
fn random(seed: u64) -> u64 {
    let bits = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

fn made<T, A: arrow_array::Array + 'static>(
    metadata: Value,
    cells: &[Option<T>],
    array: impl FnOnce() -> A,
    bytes: impl Fn(&T) -> Vec<u8>,
    null: &[u8],
) -> Made {
    Made {
        metadata,
        array: Arc::new(array()),
        is_null: cells.iter().map(Option::is_none).collect(),
        cells: cells.iter().map(|cell| cell.as_ref().map_or(null.to_vec(), &bytes)).collect(),
    }
}

fn column(kind: Kind, nulls: Nulls, seed: u64, rows: usize, flags: bool) -> Made {
    // BINARY has no null for bits.
    let nulls = if matches!(kind, Kind::Bit) && !flags { 0 } else { nulls };
    let cells: Vec<Option<u64>> = (0..rows as u64)
        .map(|row| random(seed.wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
        .map(|bits| (bits % 8 >= nulls).then_some(bits))
        .collect();
    // BINARY chooses an end of the range for null, which must not occur as a value.
    macro_rules! numbers {
        ($name:expr, $array:ident, $null:expr, $value:expr) => {{
            let cells: Vec<_> = cells.iter().map(|bits| bits.map($value)).collect();
            let null = $null.to_be_bytes();
            let array = || $array::from(cells.clone());
            made(json!({"datatype": $name}), &cells, array, |n| n.to_be_bytes().to_vec(), &null)
        }};
    }
    macro_rules! integers {
        ($name:expr, $array:ident, $native:ty, $end:expr) => {
            numbers!($name, $array, if flags { 0 } else { $end }, |bits| {
                let value = (bits >> 8) as $native;
                if value == $end { 1 } else { value }
            })
        };
    }
    let bools: Vec<Option<bool>> =
        cells.iter().map(|bits| bits.map(|bits| bits >> 9 & 1 == 1)).collect();
    let texts: Vec<Option<String>> = cells
        .iter()
        .map(|bits| bits.map(|bits| "abcdef"[..(bits >> 9) as usize % 7].to_owned()))
        .collect();
    match kind {
        Kind::Boolean => {
            let byte = |value: &bool| vec![if *value { b'T' } else { b'F' }];
            let array = || BooleanArray::from(bools.clone());
            made(json!({"datatype": "boolean"}), &bools, array, byte, &[0])
        }
        Kind::Bit => {
            let byte = |value: &bool| vec![if *value { 0x80 } else { 0 }];
            // A null bit may have any value.
            let values = bools.iter().map(|value| Some(value.unwrap_or(false)));
            let nulls = bools.iter().map(Option::is_some);
            let values = values.map(Option::unwrap_or_default).collect::<Vec<_>>();
            let array = || BooleanArray::new(values.into(), Some(nulls.collect::<Vec<_>>().into()));
            made(json!({"datatype": "bit"}), &bools, array, byte, &[0])
        }
        Kind::Byte => integers!("unsignedByte", UInt8Array, u8, u8::MAX),
        Kind::Short => integers!("short", Int16Array, i16, i16::MIN),
        Kind::Int => integers!("int", Int32Array, i32, i32::MIN),
        Kind::Long => integers!("long", Int64Array, i64, i64::MIN),
        Kind::Float => {
            numbers!("float", Float32Array, f32::NAN, |bits| (bits >> 8) as f32 / 3.0)
        }
        Kind::Double => numbers!("double", Float64Array, f64::NAN, |bits| bits as f64 / 3.0),
        Kind::Padded | Kind::Text => {
            let is_padded = matches!(kind, Kind::Padded);
            let bytes = |text: &String| match is_padded {
                true => [text.as_bytes(), &[0; 6][text.len()..]].concat(),
                false => [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat(),
            };
            let metadata =
                json!({"datatype": "char", "arraysize": if is_padded { "6" } else { "*" }});
            let null = &[0; 6][..if is_padded { 6 } else { 4 }];
            made(metadata, &texts, || StringArray::from(texts.clone()), bytes, null)
        }
        Kind::Floats => {
            let part = |bits: &u64, index: u64| (bits >> (8 * index)) as f32;
            let bytes =
                |bits: &u64| [part(bits, 0).to_be_bytes(), part(bits, 1).to_be_bytes()].concat();
            let array = || {
                let mut lists = ListBuilder::new(Float32Builder::new());
                for bits in &cells {
                    lists.values().append_slice(&match bits {
                        Some(bits) => [part(bits, 0), part(bits, 1)],
                        None => [0.5; 2],
                    });
                    lists.append(bits.is_some());
                }
                lists.finish()
            };
            let null = [f32::NAN.to_be_bytes(), f32::NAN.to_be_bytes()].concat();
            made(json!({"datatype": "float", "arraysize": "2"}), &cells, array, bytes, &null)
        }
        Kind::Doubles => {
            let list = |bits: &u64| vec![(*bits >> 16) as f64; (*bits >> 9) as usize % 4];
            let bytes = |bits: &u64| {
                let list = list(bits);
                let values = list.iter().flat_map(|value| value.to_be_bytes());
                (list.len() as u32).to_be_bytes().into_iter().chain(values).collect()
            };
            let array = || {
                let mut lists = ListBuilder::new(Float64Builder::new());
                for bits in &cells {
                    lists.values().append_slice(&bits.as_ref().map(list).unwrap_or_default());
                    lists.append(bits.is_some());
                }
                lists.finish()
            };
            let metadata = json!({"datatype": "double", "arraysize": "*"});
            made(metadata, &cells, array, bytes, &[0; 4])
        }
    }
}

/// The rows from one on, cell by cell.
fn plain(columns: &[Made], first: usize, flags: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let rows = columns[0].cells.len();
    for row in first..rows {
        if flags {
            bytes.extend(columns.chunks(8).map(|eight| {
                let bits = eight.iter().enumerate();
                bits.fold(0, |byte, (bit, column)| {
                    byte | u8::from(column.is_null[row]) << (7 - bit)
                })
            }));
        }
        columns.iter().for_each(|column| bytes.extend(&column.cells[row]));
    }
    bytes
}

/// The same rows, as blocks.
fn in_blocks(columns: &[Made], first: usize, flags: bool, level: Level) -> Vec<u8> {
    let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
    let arrays =
        names.iter().zip(columns).map(|(name, column)| (name, Arc::clone(&column.array), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
    let metadata =
        columns.iter().map(|column| serde_json::from_value(column.metadata.clone()).unwrap());
    let schema = ResultSchema::new(batch.schema(), metadata.collect()).unwrap();
    let (schema, nulls) = match flags {
        true => with_nulls_as_given(&schema),
        false => with_nulls_chosen(&schema).unwrap(),
    };
    let batch = batch.slice(first, batch.num_rows() - first);
    let rules = Rules { flags, count: ArrayCount::Outer };
    let (columns, least_width) = BinaryColumn::lay_out(schema.columns(), &nulls, rules).unwrap();
    let (mut cut, mut block) = (Cut::new(least_width), RowBlock::default());
    let (mut bytes, mut row) = (Vec::new(), 0);
    while row < batch.num_rows() {
        cut.next(&columns, batch.columns(), row, &mut block);
        block.fill(&columns, batch.columns(), row, rules, level, &mut Vec::new()).unwrap();
        bytes.extend_from_slice(block.bytes());
        row += block.rows();
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn blocks_hold_what_a_writer_of_single_cells_writes(
        kinds in proptest::collection::vec((proptest::sample::select(&KINDS[..]), 0..=8_u64), 1..40),
        rows in 1..300_usize,
        first in 0..70_usize,
        flags: bool,
        seed: u64,
    ) {
        let columns: Vec<Made> = kinds.iter().zip(1..).map(|((kind, nulls), index)| {
            column(*kind, *nulls, random(seed ^ index), first + rows, flags)
        }).collect();
        let expected = plain(&columns, first, flags);
        for level in levels() {
            let found = in_blocks(&columns, first, flags, level);
            prop_assert!(found == expected, "{level:?}: {found:02x?} is not {expected:02x?}");
        }
    }
}
