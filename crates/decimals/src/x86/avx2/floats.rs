//! Columns of floats.

use super::{Shape, Significand, Text, forms, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;
use crate::x86::layout::{F32, F64, Floats};
use crate::x86::tables::{EXPONENT_ZERO, POWERS, scale};

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(crate) fn f64s<const ROWS: bool>(
    values: Values<'_, f64>,
    words: &ShortWords<'_>,
    cells: Cells<'_>,
) -> usize {
    let text = |shape, nibbles| text(shape, nibbles, &F64);
    write::<f64, ROWS>(values, words, &forms::F64, cells, f64_significand, text)
}

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(crate) fn f32s<const ROWS: bool>(
    values: Values<'_, f32>,
    words: &ShortWords<'_>,
    cells: Cells<'_>,
) -> usize {
    let text = |shape, nibbles| text(shape, nibbles, &F32);
    write::<f32, ROWS>(values, words, &forms::F32, cells, f32_significand, text)
}

/// The algorithm of zmij.
#[inline]
fn f64_significand(value: f64) -> Significand {
    let bits = value.to_bits();
    let below = bits & ((1 << 52) - 1);
    let e = (bits >> 52 & 2047) as usize;
    let (k, shift) = scale(e);
    let power = POWERS[k & 1023];
    let (high, low) = ((power >> 64) as u64, power as u64);
    let x = (below | 1 << 52) << (shift & 63);
    let product = u128::from(high) * u128::from(x) + (u128::from(low) * u128::from(x) >> 64);
    let fraction = (product >> 6) as u64;

    // Half of the distance between two floats, plus 1 if the significand is even.
    let half = (high >> ((7 - shift) & 63)) + (!bits & 1);
    let (_, up) = fraction.overflowing_add(half);
    let down = half > fraction;
    let integral = (product >> 70) as u64 + u64::from(up);
    let rounded = u128::from(fraction) * 10 + (1 << 63) + 6;
    // 2.5 is rounded to 2.
    let last = if fraction == 1 << 62 { 2 } else { (rounded >> 64) as u8 };

    let zero = bits << 1 == 0;
    // For powers of two the next float below is nearer. An integral part without a fraction is exact.
    let inexact_power = (below == 0) & (fraction != 0);
    let integral = if zero { 0 } else { integral };
    let has_last = !(up | down | zero);
    let high_half = integral / 100_000_000;
    Significand {
        halves: high_half | (integral - high_half * 100_000_000) << 32,
        last: if has_last { last } else { 0 },
        special: ((e == 0) | inexact_power) & !zero | (e == 2047),
        shape: Shape {
            has_last,
            negative: bits >> 63 == 1,
            full: integral >= 1_000_000_000_000_000,
            class: if zero { -F64.least } else { k as i64 - (309 + F64.least) },
        },
    }
}

/// The algorithm of zmij.
#[inline]
fn f32_significand(value: f32) -> Significand {
    let bits = u64::from(value.to_bits());
    let below = bits & ((1 << 23) - 1);
    let e = (bits >> 23 & 255) as usize;
    let (k, shift) = scale(e + 925);
    let high = (POWERS[k & 1023] >> 64) as u64;
    let x = (below | 1 << 23) << ((shift + 28) & 63);
    let product = (u128::from(high.wrapping_add(1)) * u128::from(x) >> 64) as u64;
    let fraction = product & ((1 << 34) - 1);

    let half = (high >> ((37 - shift) & 63)) + (!bits & 1);
    let up = fraction + half >= 1 << 34;
    let down = half > fraction;
    let integral = (product >> 34) + u64::from(up);
    // 2.5 is rounded to 2.
    let last = if fraction == 1 << 32 { 2 } else { (fraction * 10 + (1 << 33)) >> 34 };

    let zero = bits << 33 == 0;
    let inexact_power = (below == 0) & (fraction != 0);
    let has_last = !(up | down | zero);
    let last = if has_last { last } else { 0 };
    // An integral part of six digits takes the last one as its seventh.
    let short = integral < 1_000_000;
    let integral = if short { 10 * integral + last } else { integral };
    let integral = if zero { 0 } else { integral };
    Significand {
        halves: integral << 32,
        last: if short { 0 } else { last as u8 },
        special: ((e == 0) | inexact_power) & !zero | (e == 255),
        shape: Shape {
            has_last: has_last & !short,
            negative: bits >> 31 == 1,
            full: integral >= 10_000_000,
            class: if zero { -F32.least } else { k as i64 - (317 + F32.least) - i64::from(short) },
        },
    }
}

/// The form and the length of the text.
#[inline]
fn text(shape: Shape, nibbles: u64, floats: &Floats) -> Text {
    let digits = floats.digits as i64;
    let full = i64::from(shape.full);
    // Digits, less 1.
    let zeros = i64::from(nibbles.leading_zeros() / 4);
    let count = if shape.has_last { digits - 1 } else { digits - 2 - zeros } + full;
    let class = shape.class + full;
    let scientific = class as u64 >= floats.scientific() as u64;
    let sign = usize::from(shape.negative);
    // Digits and a point, zeros before the digits, or zeros after them and one after the point.
    let before = (2 - floats.least - class).max(2);
    let length = (count + before).max(class + 3 + floats.least);
    let (row, length) = if scientific {
        // One digit has no point in scientific notation.
        (floats.scientific(), count + 1 + i64::from(count != 0))
    } else {
        (class as usize, length)
    };
    Text {
        form: 4 * row + 2 * full as usize + sign,
        length: length as usize + sign,
        exponent: scientific.then_some((class + floats.least + EXPONENT_ZERO) as usize),
    }
}
