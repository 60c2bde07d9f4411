//! Eight values at a time with AVX-512.
//!
//! A lane of 64 bits holds one value. First the digits of all eight are computed ([`digits`], [`floats`], [`integers`]), together with the form of
//! each text: its sign, where its point stands, how many digits it has. Then each text is one permutation of 32 bytes:
//! the digits of the value and a few constants are its source, and a table has an index for each form.

mod digits;
mod floats;
mod forms;
mod integers;
mod window;

use core::arch::x86_64::*;

use bytemuck::must_cast;

pub(crate) use self::floats::{f32s, f64s};
use self::forms::{Forms, WORD};
pub(crate) use self::integers::{i8s, i16s, i32s, i64s, u8s, u16s, u32s, u64s};
use super::tables::EXPONENTS;
use crate::cells::Cells;
use crate::number::Number;
use crate::values::Values;
use crate::words::ShortWords;

/// Eight values, one in each lane of 64 bits: their digits, and the forms of their texts.
struct Eight {
    /// The digits 0, 2, 4 … of each value as ASCII, the first one in the lowest byte.
    tens: __m512i,
    /// The digits 1, 3, 5 …
    ones: __m512i,
    /// The other bytes that a text can have: see [`forms`].
    tail: __m512i,
    /// The rows of [`Forms`].
    form: __m512i,
    /// The lengths of the texts, without the exponents of scientific notation.
    length: __m512i,
    /// The decimal exponents; needed only for scientific notation.
    exponent: __m512i,
    /// Which values are in scientific notation.
    scientific: u8,
    /// Which values the portable code has to write; none of these are in `not_finite`.
    slow: u8,
    /// Which values are NaN or infinite.
    not_finite: u8,
    nan: u8,
    negative: u8,
}

/// Writes the text of each value. `eight` computes the digits of eight values.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn write<N: Number, const ROWS: bool>(
    values: Values<'_, N>,
    words: &ShortWords<'_>,
    forms: &'static Forms,
    cells: Cells<'_>,
    mut eight: impl FnMut(&[N; 8]) -> Eight,
) -> usize {
    let (column, validity) = (values.values(), values.validity());
    let Some(first) = column.first() else { return cells.start };
    let (eights, rest) = column.as_chunks::<8>();
    let mut last = [*first; 8];
    last[..rest.len()].copy_from_slice(rest);
    let forms = forms.with_lead(words.lead());
    let lead = _mm512_set1_epi64(words.lead() as i64);
    let mut end = _mm512_set1_epi64(cells.start as i64);

    for at in (0..column.len()).step_by(8) {
        let (values, count) = match eights.get(at / 8) {
            Some(values) => (values, 8),
            None => (&last, rest.len()),
        };
        let mut lanes = eight(values);
        let null = validity.map_or(0, |validity| !validity.eight(at));
        let special = null | lanes.not_finite;
        if special != 0 {
            if words.fit() {
                spell(&mut lanes, null, words);
                lanes.slow &= !null;
            } else {
                lanes.slow |= special;
            }
            lanes.scientific &= !special;
        }
        let mut length = _mm512_add_epi64(lanes.length, lead);
        let exponent_at = length;
        if lanes.scientific != 0 {
            length = _mm512_add_epi64(length, exponent_length(&lanes));
        }
        let sources = sources(&lanes);
        let form: [u64; 8] = must_cast(lanes.form);
        let text = |lane: usize| -> [u8; 32] {
            let index: __m256i = must_cast(forms[(form[lane] & 127) as usize]);
            must_cast(_mm256_permutexvar_epi8(index, sources[lane]))
        };

        if lanes.slow == 0 && count == 8 {
            let ends = &mut cells.ends[at..at + 8];
            let starts = if ROWS {
                let mut starts = [0; 8];
                starts.copy_from_slice(ends);
                let starts: __m512i = must_cast(starts);
                end = _mm512_add_epi64(starts, length);
                starts
            } else {
                let sum = sum(length);
                let starts = _mm512_add_epi64(end, _mm512_sub_epi64(sum, length));
                let all = _mm512_add_epi64(end, sum);
                ends.copy_from_slice(&must_cast::<_, [usize; 8]>(all));
                end = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), all);
                starts
            };
            if ROWS {
                ends.copy_from_slice(&must_cast::<_, [usize; 8]>(end));
            }
            let starts: [usize; 8] = must_cast(starts);
            if lanes.scientific == 0 {
                for lane in 0..8 {
                    cells.text[starts[lane]..starts[lane] + 32].copy_from_slice(&text(lane));
                }
            } else {
                let exponent_at: [usize; 8] = must_cast(exponent_at);
                let exponent: [u64; 8] = must_cast(lanes.exponent);
                for lane in 0..8 {
                    let start = starts[lane];
                    cells.text[start..start + 32].copy_from_slice(&text(lane));
                    // The values that have no exponent get these bytes behind their end.
                    let start = start + exponent_at[lane];
                    let exponent = &EXPONENTS[(exponent[lane] & 1023) as usize];
                    cells.text[start..start + 8].copy_from_slice(exponent);
                }
            }
        } else {
            let length: [usize; 8] = must_cast(length);
            let exponent_at: [usize; 8] = must_cast(exponent_at);
            let exponent: [u64; 8] = must_cast(lanes.exponent);
            let mut start = must_cast::<_, [usize; 8]>(end)[7];
            for lane in 0..count {
                if ROWS {
                    start = cells.ends[at + lane];
                }
                if lanes.slow >> lane & 1 == 1 {
                    let value = (null >> lane & 1 == 0).then_some(values[lane]);
                    start = words.write(value, cells.text, start);
                } else {
                    cells.text[start..start + 32].copy_from_slice(&text(lane));
                    let exponent = &EXPONENTS[(exponent[lane] & 1023) as usize];
                    let from = start + exponent_at[lane];
                    cells.text[from..from + 8].copy_from_slice(exponent);
                    start += length[lane];
                }
                cells.ends[at + lane] = start;
            }
            end = _mm512_set1_epi64(start as i64);
        }
    }
    must_cast::<_, [usize; 8]>(end)[7]
}

/// Replaces nulls, NaN and infinities by their words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn spell(lanes: &mut Eight, null: u8, words: &ShortWords<'_>) {
    let infinite = lanes.not_finite & !lanes.nan;
    let [null_word, nan, infinity, negative_infinity] = words.words();
    for (mask, word) in [
        (infinite & !lanes.negative, infinity),
        (infinite & lanes.negative, negative_infinity),
        (lanes.nan, nan),
        (null, null_word),
    ] {
        lanes.tail = _mm512_mask_set1_epi64(lanes.tail, mask, word.bytes as i64);
        lanes.length = _mm512_mask_set1_epi64(lanes.length, mask, word.length as i64);
    }
    lanes.form = _mm512_mask_set1_epi64(lanes.form, null | lanes.not_finite, WORD as i64);
}

/// The lengths of the exponents, and 0 for values that have none.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn exponent_length(lanes: &Eight) -> __m512i {
    let one = _mm512_set1_epi64(1);
    let zero = super::tables::EXPONENT_ZERO;
    let size = _mm512_abs_epi64(_mm512_sub_epi64(lanes.exponent, _mm512_set1_epi64(zero)));
    let length = _mm512_maskz_set1_epi64(lanes.scientific, 3);
    let two_digits = _mm512_cmpgt_epi64_mask(size, _mm512_set1_epi64(9)) & lanes.scientific;
    let length = _mm512_mask_add_epi64(length, two_digits, length, one);
    let three_digits = _mm512_cmpgt_epi64_mask(size, _mm512_set1_epi64(99)) & lanes.scientific;
    _mm512_mask_add_epi64(length, three_digits, length, one)
}

/// For each value the bytes that its text can have: digits at 0 to 15, the tail at 16 to 23.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn sources(lanes: &Eight) -> [__m256i; 8] {
    let even = _mm512_unpacklo_epi64(lanes.tens, lanes.ones);
    let odd = _mm512_unpackhi_epi64(lanes.tens, lanes.ones);
    let pair = |digits: __m512i, index: [u64; 8]| {
        let both = _mm512_permutex2var_epi64(digits, must_cast(index), lanes.tail);
        (_mm512_castsi512_si256(both), _mm512_extracti64x4_epi64::<1>(both))
    };
    let (zero, two) = pair(even, [0, 1, 8, 8, 2, 3, 10, 10]);
    let (one, three) = pair(odd, [0, 1, 9, 9, 2, 3, 11, 11]);
    let (four, six) = pair(even, [4, 5, 12, 12, 6, 7, 14, 14]);
    let (five, seven) = pair(odd, [4, 5, 13, 13, 6, 7, 15, 15]);
    [zero, one, two, three, four, five, six, seven]
}

/// The sums of the first 1, 2, 3 … lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn sum(lanes: __m512i) -> __m512i {
    let zero = _mm512_setzero_si512();
    let sum = _mm512_add_epi64(lanes, _mm512_alignr_epi64::<7>(lanes, zero));
    let sum = _mm512_add_epi64(sum, _mm512_alignr_epi64::<6>(sum, zero));
    _mm512_add_epi64(sum, _mm512_alignr_epi64::<4>(sum, zero))
}
