//! Measures nanoseconds a value of zmij or itoa and of every kernel, on columns that are in the cache; prints JSON.
//!
//! ```text
//! cargo run --release -p taploom-decimals --example speed [KIND]
//! ```
#![allow(clippy::unwrap_used, reason = "a measurement that fails panics")]

mod random;

use std::hint::black_box;
use std::time::Instant;

use random::Random;
use taploom_decimals::{Decimals, Kernel, Number, Rows, Validity, Values, Words};

/// Values of a column.
const VALUES: usize = 4096;
/// Rows of a group; a column of a group takes as many values.
const GROUP: usize = 64;
/// Bytes of a row, about: numbers of up to 25 bytes, each with a comma.
const ROW: usize = VALUES / GROUP * 26;
const ROUNDS: usize = 101;
/// How often each takes its turn after another one: the first time, the processor learns the branches.
const REPEATS: usize = 5;
const WORDS: Words<'_> = Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };

fn main() {
    let only = std::env::args().nth(1);
    let mut random = Random(1);
    let mut lines = Vec::new();
    let mut column = |kind: &str, value: fn(&mut Random) -> f64| {
        let values: Vec<f64> = (0..VALUES).map(|_| value(&mut random)).collect();
        if only.as_deref().is_none_or(|only| only == kind) {
            lines.push(measure(kind, &values, None, |value| {
                black_box(zmij::Buffer::new().format_finite(value)).len()
            }));
        }
    };
    column("f64, uniform ±1e4", |random| (random.unit() - 0.5) * 2e4);
    column("f64, uniform 0 to 1", Random::unit);
    column("f64, two decimals", |random| (random.unit() * 1e6).round() / 100.0);
    column("f64, integers below 200,000", |random| (random.bits() % 200_000) as f64);
    column("f64, half of them 0", |random| {
        if random.bits() & 1 == 0 { 0.0 } else { (random.unit() - 0.5) * 2e4 }
    });
    column("f64, random bits", |random| {
        let value = f64::from_bits(random.bits());
        if value.is_finite() { value } else { 1.5 }
    });
    let kind = "f64, uniform ±1e4, a third null";
    if only.as_deref().is_none_or(|only| only == kind) {
        let values: Vec<f64> = (0..VALUES).map(|_| (random.unit() - 0.5) * 2e4).collect();
        let bit = |random: &mut Random, at: usize| u8::from(!random.bits().is_multiple_of(3)) << at;
        let bits: Vec<u8> = (0..VALUES / 8)
            .map(|_| (0..8).fold(0, |byte, at| byte | bit(&mut random, at)))
            .collect();
        lines.push(measure(kind, &values, Some(&bits), |value| {
            black_box(zmij::Buffer::new().format_finite(value)).len()
        }));
    }
    let mut column = |kind: &str, value: fn(&mut Random) -> f32| {
        let values: Vec<f32> = (0..VALUES).map(|_| value(&mut random)).collect();
        if only.as_deref().is_none_or(|only| only == kind) {
            lines.push(measure(kind, &values, None, |value| {
                black_box(zmij::Buffer::new().format_finite(value)).len()
            }));
        }
    };
    column("f32, uniform ±1e4", |random| (random.unit() as f32 - 0.5) * 2e4);
    column("f32, uniform 0 to 1", |random| random.unit() as f32);
    macro_rules! integers {
        ($($kind:literal, $integer:ty, $value:expr;)*) => {$(
            let value: fn(&mut Random) -> $integer = $value;
            let values: Vec<$integer> = (0..VALUES).map(|_| value(&mut random)).collect();
            if only.as_deref().is_none_or(|only| only == $kind) {
                lines.push(measure($kind, &values, None, |value| black_box(itoa::Buffer::new().format(value)).len()));
            }
        )*};
    }
    integers! {
        "u8, all", u8, |random| random.bits() as u8;
        "i16, all", i16, |random| random.bits() as i16;
        "i32, below 1,000", i32, |random| (random.bits() % 1000) as i32;
        "i32, all", i32, |random| random.bits() as i32;
        "i64, below 10^6", i64, |random| (random.bits() % 1_000_000) as i64;
        "i64, 19 digits", i64, |random| (random.bits() >> 1) as i64 | 1 << 62;
        "i64, of every length", i64, |random| (random.bits() >> (random.bits() % 63)) as i64;
    }
    println!("[{}]", lines.join(",\n"));
}

/// All kernels take turns, so that what else the machine does hits all of them.
fn measure<N: Number>(
    kind: &str,
    values: &[N],
    bits: Option<&[u8]>,
    scalar: impl Fn(N) -> usize,
) -> String {
    let kernels: Vec<Decimals<'_>> =
        Kernel::available().map(|kernel| Decimals::with_kernel(WORDS, kernel).unwrap()).collect();
    let mut times = vec![Vec::new(); 1 + 2 * kernels.len()];
    let column = |offset, values| match bits {
        Some(bits) => Values::new(values).with_validity(Validity { bits, offset }),
        None => Values::new(values),
    };
    let (mut text, mut ends, mut rows) = (Vec::new(), Vec::new(), Rows::default());
    for _ in 0..ROUNDS {
        times[0].push(fastest(|| {
            for value in values {
                black_box(scalar(*value));
            }
        }));
        for (at, decimals) in kernels.iter().enumerate() {
            times[1 + 2 * at].push(fastest(|| {
                text.clear();
                ends.clear();
                decimals.append(column(0, values), &mut text, &mut ends);
                black_box(&text);
            }));
            times[2 + 2 * at].push(fastest(|| {
                rows.start(GROUP, ROW);
                for (group, values) in values.chunks(GROUP).enumerate() {
                    decimals.append_to_rows(column(group * GROUP, values), b",", &mut rows);
                }
                black_box(rows.iter().next());
            }));
        }
    }
    let nanoseconds = |times: &Vec<f64>| {
        let mut times = times.clone();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2] / values.len() as f64 * 1e9
    };
    let mut line = format!("{{\"kind\":\"{kind}\",\"scalar\":{:.2}", nanoseconds(&times[0]));
    for (at, decimals) in kernels.iter().enumerate() {
        let (column, rows) = (nanoseconds(&times[1 + 2 * at]), nanoseconds(&times[2 + 2 * at]));
        line += &format!(",\"{:?}\":[{column:.2},{rows:.2}]", decimals.kernel());
    }
    line + "}"
}

/// Seconds of the fastest of some runs.
fn fastest(mut run: impl FnMut()) -> f64 {
    let seconds = (0..REPEATS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
}
