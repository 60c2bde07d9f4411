//! Columns of integers.

use super::{Shape, Significand, Text, forms, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;

macro_rules! columns {
    ($($name:ident, $integer:ty, $size:expr;)*) => {$(
        /// Writes the text of each value; returns the end of the last one.
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
        pub(crate) fn $name<const ROWS: bool>(
            values: Values<'_, $integer>,
            words: &ShortWords<'_>,
            cells: Cells<'_>,
        ) -> usize {
            let significand = |value: $integer| {
                #[allow(unused_comparisons, reason = "a macro for signed and unsigned integers")]
                significand($size(value), value < 0)
            };
            write::<$integer, ROWS>(values, words, &forms::INTEGERS, cells, significand, text)
        }
    )*};
}

columns! {
    i8s, i8, |value: i8| u64::from(value.unsigned_abs());
    u8s, u8, u64::from;
    i16s, i16, |value: i16| u64::from(value.unsigned_abs());
    u16s, u16, u64::from;
    i32s, i32, |value: i32| u64::from(value.unsigned_abs());
    u32s, u32, u64::from;
    i64s, i64, i64::unsigned_abs;
    u64s, u64, |value| value;
}

/// More than 16 digits are written by the portable code.
#[inline]
fn significand(size: u64, negative: bool) -> Significand {
    let high = size / 100_000_000;
    Significand {
        halves: high & 0xffff_ffff | (size - high * 100_000_000) << 32,
        special: size >= 10_000_000_000_000_000,
        shape: Shape { negative, ..Shape::default() },
        ..Significand::default()
    }
}

/// The form and the length of the text.
#[inline]
fn text(shape: Shape, nibbles: u64) -> Text {
    // The last digit counts as one that is not 0.
    let zeros = (nibbles | 1 << 60).trailing_zeros() as usize / 4;
    let (digits, sign) = (16 - zeros, usize::from(shape.negative));
    Text { form: 2 * digits + sign, length: digits + sign, exponent: None }
}
