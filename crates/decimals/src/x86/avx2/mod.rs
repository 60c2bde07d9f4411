//! Columns of numbers with AVX2.
//!
//! There are no products of 64 bits among these instructions: each value is multiplied with its power of ten by itself.
//! Everything else is done for eight values at once, in two registers, until each text is made by two permutations of
//! 16 digits, with a template for the other bytes.

mod digits;
mod floats;
mod forms;
mod integers;

use core::arch::x86_64::*;

use bytemuck::must_cast;

pub(crate) use self::floats::{f32s, f64s};
use self::forms::Form;
pub(crate) use self::integers::{i8s, i16s, i32s, i64s, u8s, u16s, u32s, u64s};
use super::tables::EXPONENTS;
use crate::cells::Cells;
use crate::number::Number;
use crate::values::Values;
use crate::words::ShortWords;

/// Eight values, one in each lane of 64 bits.
type Pair = [__m256i; 2];

/// Does the same with both halves of eight values.
macro_rules! both {
    ($half:ident => $value:expr) => {{
        let value = |$half: usize| $value;
        [value(0), value(1)]
    }};
}
use both;

/// Something of each of eight values, in memory. Unaligned vectors would lie in two cache lines: it would depend on the
/// stack's address how fast this is.
#[repr(align(64))]
struct Lanes<T>([T; 8]);

/// Eight values: their digits, and the forms of their texts.
struct Eight {
    /// 16 digits of ASCII for each value.
    digits: Lanes<[u8; 16]>,
    /// The digit after these.
    last: Lanes<u64>,
    /// The digits as nibbles, the first one lowest.
    nibbles: Lanes<u64>,
    /// 1 for negative values, 0 for others; for floats, the rows of [`Form`]s.
    form: Lanes<u64>,
    /// For floats the length of each text, if it has no trailing zeros.
    length: Lanes<i64>,
    /// For floats -1, if there is a last digit, else 0.
    has_last: Lanes<i64>,
    /// For floats the least length of each text.
    least_length: Lanes<i64>,
    /// The rows of [`EXPONENTS`] for values in scientific notation.
    exponent: Lanes<u64>,
    /// Which values are in scientific notation.
    scientific: u8,
    /// Which values the portable code has to write.
    slow: u8,
}

/// Writes the text of each value. `eight` computes the digits of eight values, `form_and_length` the row of a [`Form`]
/// and the length of one of their texts, without the exponent.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn write<N: Number>(
    values: Values<'_, N>,
    words: &ShortWords<'_>,
    forms: &'static [Form; 128],
    cells: Cells<'_>,
    eight: impl Fn(&[N; 8]) -> Eight,
    form_and_length: impl Fn(&Eight, usize) -> (u64, i64),
) -> usize {
    let Cells { text, ends, rows, mut start } = cells;
    let (column, validity) = (values.values(), values.validity());
    let Some(first) = column.first() else { return start };
    let (eights, rest) = column.as_chunks::<8>();
    let mut last = [*first; 8];
    for (value, from) in last.iter_mut().zip(rest) {
        *value = *from;
    }
    let lead = words.lead();
    for at in (0..column.len()).step_by(8) {
        let (values, count) = match eights.get(at / 8) {
            Some(values) => (values, 8),
            None => (&last, rest.len()),
        };
        let lanes = eight(values);
        let null = validity.map_or(0, |validity| !validity.eight(at));
        for (lane, end) in ends[at..at + count].iter_mut().enumerate() {
            if rows {
                start = *end;
            }
            if (null | lanes.slow) >> lane & 1 == 1 {
                let value = (null >> lane & 1 == 0).then_some(values[lane]);
                start = words.write(value, text, start);
                *end = start;
                continue;
            }
            let (form, length) = form_and_length(&lanes, lane);
            let form = &forms[(form & 127) as usize];
            let digits: __m128i = must_cast(lanes.digits.0[lane]);
            let low = _mm_shuffle_epi8(digits, must_cast(form.low));
            let high = _mm_shuffle_epi8(digits, must_cast(form.high));
            let low = _mm_or_si128(low, must_cast(form.template_low));
            let high = _mm_or_si128(high, must_cast(form.template_high));
            text[start] = words.lead_byte();
            start += lead;
            let slot = &mut text[start..start + 32];
            slot[..16].copy_from_slice(&must_cast::<_, [u8; 16]>(low));
            slot[16..].copy_from_slice(&must_cast::<_, [u8; 16]>(high));
            slot[usize::from(form.last) & 31] = b'0' | lanes.last.0[lane] as u8;
            start += length as usize;
            if lanes.scientific >> lane & 1 == 1 {
                let exponent = &EXPONENTS[(lanes.exponent.0[lane] & 1023) as usize];
                text[start..start + 8].copy_from_slice(exponent);
                // The bytes after a text are 0.
                start += 3 + usize::from(exponent[3] != 0) + usize::from(exponent[4] != 0);
            }
            *end = start;
        }
    }
    start
}
