//! Columns of integers.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::digits::{sixteen_digits, split};
use super::{Eight, Lanes, Pair, both, forms, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;

macro_rules! columns {
    ($($name:ident, $integer:ty, $digits:literal;)*) => {$(
        /// Writes the text of each value; returns the end of the last one.
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
        pub(crate) fn $name(
            values: Values<'_, $integer>,
            words: &ShortWords<'_>,
            cells: Cells<'_>,
        ) -> usize {
            write(values, words, &forms::INTEGERS, cells, |values| {
                let sizes = values.map(|value| Integer::size(value));
                let signs = values.map(|value| Integer::sign(value));
                eight::<$digits>(sizes, signs)
            }, form_and_length)
        }
    )*};
}

columns! {
    i8s, i8, 8;
    u8s, u8, 8;
    i16s, i16, 8;
    u16s, u16, 8;
    i32s, i32, 16;
    u32s, u32, 16;
    i64s, i64, 20;
    u64s, u64, 20;
}

trait Integer {
    /// The absolute value.
    fn size(self) -> u64;
    /// 1 if it is negative, else 0.
    fn sign(self) -> u64;
}

macro_rules! signed {
    ($($integer:ty)*) => {$(
        impl Integer for $integer {
            #[inline]
            fn size(self) -> u64 {
                u64::from(self.unsigned_abs())
            }

            #[inline]
            fn sign(self) -> u64 {
                u64::from(self < 0)
            }
        }
    )*};
}

macro_rules! unsigned {
    ($($integer:ty)*) => {$(
        impl Integer for $integer {
            #[inline]
            fn size(self) -> u64 {
                u64::from(self)
            }

            #[inline]
            fn sign(self) -> u64 {
                0
            }
        }
    )*};
}

signed! { i8 i16 i32 i64 }
unsigned! { u8 u16 u32 u64 }

/// The digits of integers, which have up to 8, 16 or 20 digits. More than 16 digits are written by the portable code.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn eight<const DIGITS: u32>(sizes: [u64; 8], signs: [u64; 8]) -> Eight {
    let numbers: Pair = must_cast(sizes);
    let (digits, nibbles) = if DIGITS == 8 {
        split(both!(i => _mm256_slli_epi64::<32>(numbers[i])))
    } else {
        sixteen_digits(numbers)
    };
    let mut slow = 0;
    if DIGITS > 16 {
        for (lane, size) in sizes.iter().enumerate() {
            slow |= u8::from(*size >= 10_000_000_000_000_000) << lane;
        }
    }
    Eight {
        digits: Lanes(digits),
        last: Lanes([0; 8]),
        nibbles: Lanes(nibbles),
        form: Lanes(signs),
        length: Lanes([0; 8]),
        has_last: Lanes([0; 8]),
        least_length: Lanes([0; 8]),
        exponent: Lanes([0; 8]),
        scientific: 0,
        slow,
    }
}

/// The form and the length of one text.
#[inline]
fn form_and_length(eight: &Eight, lane: usize) -> (u64, i64) {
    // The last digit counts as one that is not 0.
    let zeros = u64::from((eight.nibbles.0[lane] | 1 << 60).trailing_zeros() / 4);
    let (count, sign) = (16 - zeros, eight.form.0[lane]);
    (2 * count + sign, (count + sign) as i64)
}
