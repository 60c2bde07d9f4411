//! A table that resembles the tables of published sky surveys: rounded numbers, sorted by position, with flags that
//! are mostly null.
//!
//! | columns | values |
//! |---|---|
//! | `source_id` | ascending, with gaps of 1 to 199 |
//! | `ra`, `dec` | uniform on the sphere, sorted by cells of half a degree, rounded to 1e-9 degrees |
//! | `parallax`, `parallax_error` | doubles, in steps of 1e-4 |
//! | `g_mag`, `bp_mag`, `rp_mag` | floats of six digits: in steps of 1e-4 |
//! | `variable`, `quality` | a boolean, null in 97 % of the rows; a short integer, null in 95 % |

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int64Array, RecordBatch,
};

use super::{Batches, chunks, random};

const BATCH_ROWS: usize = 8192;
/// Width and height of a cell, in degrees.
const CELL: f64 = 0.5;
const FIRST_ID: i64 = 1_000_000_000_000_000;
const LONGEST_GAP: u64 = 199;
/// Steps per mas and per magnitude.
const STEPS: f64 = 1e4;
const STEPS_PER_DEGREE: f64 = 1e9;

/// The table with `rows` rows. The positions are sorted in memory, 24 bytes each.
pub(super) fn survey(rows: usize) -> Batches {
    let mut positions: Vec<Position> = (0..rows).map(Position::new).collect();
    positions.sort_by_key(|position| position.cell);
    let mut id = FIRST_ID;
    let rows = positions.into_iter().enumerate().map(move |(index, position)| {
        id += 1 + (draw(index, Draw::Gap) % LONGEST_GAP) as i64;
        Row { index, id, position }
    });
    chunks(rows, BATCH_ROWS, batch)
}

struct Row {
    index: usize,
    id: i64,
    position: Position,
}

struct Position {
    cell: u32,
    ra: f64,
    dec: f64,
}

impl Position {
    fn new(index: usize) -> Self {
        let ra = 360.0 * uniform(index, Draw::Ra);
        let dec = (2.0 * uniform(index, Draw::Dec) - 1.0).asin().to_degrees();
        let band = ((dec + 90.0) / CELL) as u32;
        Self { cell: band * 1000 + (ra / CELL) as u32, ra, dec }
    }
}

/// The purpose of a random number; each purpose has a separate sequence.
#[derive(Clone, Copy)]
enum Draw {
    Gap,
    Ra,
    Dec,
    Parallax,
    ParallaxNoise,
    ParallaxError,
    Magnitude,
    BlueMagnitude,
    RedMagnitude,
    Variable,
    Quality,
}

fn draw(index: usize, draw: Draw) -> u64 {
    random(index * 16 + draw as usize)
}

/// A number from 0 to less than 1.
fn uniform(index: usize, of: Draw) -> f64 {
    (draw(index, of) >> 11) as f64 / (1_u64 << 53) as f64
}

fn exponential(index: usize, of: Draw, mean: f64) -> f64 {
    -mean * (1.0 - uniform(index, of)).ln()
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// Magnitudes of a survey that ends at 21.
fn magnitude(index: usize, of: Draw) -> f32 {
    rounded(21.0 - exponential(index, of, 2.0), STEPS) as f32
}

fn parallax(index: usize) -> f64 {
    let noise = uniform(index, Draw::ParallaxNoise) - 0.5;
    rounded(exponential(index, Draw::Parallax, 1.2) + noise, STEPS)
}

fn variable(index: usize) -> Option<bool> {
    let value = draw(index, Draw::Variable) % 100;
    (value < 3).then_some(value == 0)
}

fn quality(index: usize) -> Option<i16> {
    let value = draw(index, Draw::Quality) % 140;
    (value < 7).then_some(value as i16)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let each = || rows.iter().map(|row| row.index);
    let magnitudes = |of: Draw| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(each().map(|index| magnitude(index, of))))
    };
    let degrees = |of: fn(&Position) -> f64| -> ArrayRef {
        let values = rows.iter().map(|row| rounded(of(&row.position), STEPS_PER_DEGREE));
        Arc::new(Float64Array::from_iter_values(values))
    };
    let error = |index| rounded(0.02 + exponential(index, Draw::ParallaxError, 0.3), STEPS);
    let columns: [(&str, ArrayRef, bool); 10] = [
        ("source_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))), false),
        ("ra", degrees(|position| position.ra), false),
        ("dec", degrees(|position| position.dec), false),
        ("parallax", Arc::new(Float64Array::from_iter_values(each().map(parallax))), false),
        ("parallax_error", Arc::new(Float64Array::from_iter_values(each().map(error))), false),
        ("g_mag", magnitudes(Draw::Magnitude), false),
        ("bp_mag", magnitudes(Draw::BlueMagnitude), false),
        ("rp_mag", magnitudes(Draw::RedMagnitude), false),
        ("variable", Arc::new(each().map(variable).collect::<BooleanArray>()), true),
        ("quality", Arc::new(each().map(quality).collect::<Int16Array>()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns)
        .unwrap_or_else(|error| unreachable!("{error}"))
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};

    use super::*;

    #[test]
    fn the_numbers_are_ascending_or_rounded_and_flags_are_mostly_null() {
        const ROWS: usize = 20_000;
        let batches: Vec<RecordBatch> = survey(ROWS).collect();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS);
        let ids: Vec<i64> = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect();
        assert!(ids.is_sorted_by(|one, next| (1..=199).contains(&(next - one))));
        let mut bands = Vec::new();
        for batch in &batches {
            let column = |index: usize| batch.column(index).as_primitive::<Float64Type>().values();
            assert!(column(1).iter().all(|ra| (0.0..=360.0).contains(ra)));
            bands.extend(column(2).iter().map(|dec| ((dec + 90.0) / CELL) as u32));
            assert!(column(3).iter().all(|parallax| rounded(*parallax, STEPS) == *parallax));
            for flags in &batch.columns()[8..] {
                assert!(flags.null_count() > batch.num_rows() * 9 / 10);
                assert!(flags.null_count() < batch.num_rows());
            }
        }
        assert!(bands.is_sorted(), "positions are sorted by cells");
    }
}
