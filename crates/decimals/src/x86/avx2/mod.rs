//! Columns of numbers with AVX2.
//!
//! There are no products of 64 bits among these instructions, so that each significand is computed by itself, without
//! branches. The digits of eight values are split together, and each text is two permutations of 16 digits, with a
//! template for the other bytes.

mod digits;
mod floats;
mod forms;
mod integers;

use core::arch::x86_64::*;

use bytemuck::must_cast;

use self::digits::split;
pub(crate) use self::floats::{f32s, f64s};
use self::forms::Form;
pub(crate) use self::integers::{i8s, i16s, i32s, i64s, u8s, u16s, u32s, u64s};
use super::tables::EXPONENTS;
use crate::cells::Cells;
use crate::number::Number;
use crate::values::Values;
use crate::words::ShortWords;

/// A number, before its digits are split.
#[derive(Clone, Copy, Default)]
struct Significand {
    /// The first eight of 16 digits, and 2^32 times the others.
    halves: u64,
    /// A digit after these, or 0.
    last: u8,
    /// Whether there is no text for this number here.
    special: bool,
    shape: Shape,
}

/// What else the text of a number depends on.
#[derive(Clone, Copy, Default)]
struct Shape {
    has_last: bool,
    negative: bool,
    /// Whether the first digit is not 0.
    full: bool,
    /// The decimal exponent, if the first digit is not 0 (else it is 1 less), minus the least one that is written out.
    class: i64,
}

/// The row of [`Form`]s and the length of a text.
struct Text {
    form: usize,
    length: usize,
    /// The row of [`EXPONENTS`].
    exponent: Option<usize>,
}

/// Writes the text of each value. `significand` computes the significand of a value; `text` finds the form of its text
/// from its shape and its digits as nibbles, the first one lowest.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn write<N: Number, const ROWS: bool>(
    values: Values<'_, N>,
    words: &ShortWords<'_>,
    forms: &'static [Form; 128],
    cells: Cells<'_>,
    mut significand: impl FnMut(N) -> Significand,
    mut text_of: impl FnMut(Shape, u64) -> Text,
) -> usize {
    let (column, validity) = (values.values(), values.validity());
    let lead = words.lead();
    let mut start = cells.start;
    let mut significands = [Significand::default(); 8];
    for (block, values) in column.chunks(8).enumerate() {
        let at = 8 * block;
        let null = validity.map_or(0, |validity| !validity.eight(at));
        let mut special = null;
        for (lane, value) in values.iter().enumerate() {
            significands[lane] = significand(*value);
            special |= u8::from(significands[lane].special) << lane;
        }
        let (digits, nibbles) = split(significands.map(|significand| significand.halves));
        let ends = &mut cells.ends[at..at + values.len()];
        for (lane, end) in ends.iter_mut().enumerate() {
            if ROWS {
                start = *end;
            }
            if special >> lane & 1 == 1 {
                let value = (null >> lane & 1 == 0).then_some(values[lane]);
                start = words.write(value, cells.text, start);
            } else {
                let text = text_of(significands[lane].shape, nibbles[lane]);
                let form = &forms[text.form & 127];
                let low = _mm_shuffle_epi8(digits[lane], must_cast(form.low));
                let high = _mm_shuffle_epi8(digits[lane], must_cast(form.high));
                let low = _mm_or_si128(low, must_cast(form.template_low));
                let high = _mm_or_si128(high, must_cast(form.template_high));
                cells.text[start] = words.lead_byte();
                start += lead;
                let slot = &mut cells.text[start..start + 32];
                slot[..16].copy_from_slice(&must_cast::<_, [u8; 16]>(low));
                slot[16..].copy_from_slice(&must_cast::<_, [u8; 16]>(high));
                slot[usize::from(form.last) & 31] = b'0' | significands[lane].last;
                start += text.length;
                if let Some(exponent) = text.exponent {
                    let exponent = &EXPONENTS[exponent & 1023];
                    cells.text[start..start + 8].copy_from_slice(exponent);
                    // The bytes after a text are 0.
                    start += 3 + usize::from(exponent[3] != 0) + usize::from(exponent[4] != 0);
                }
            }
            *end = start;
        }
    }
    start
}
