//! Columns of numbers with AVX-512.
//!
//! A lane of 64 bits holds one value, and two registers are worked on side by side. First the digits of all sixteen
//! values are computed ([`digits`], [`floats`], [`integers`]), together with the form of each text: its sign, where its
//! point stands, how many digits it has. Then each text is one permutation of 32 bytes: the digits of the value and a
//! few constants are its source, and a table has an index for each form.

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

/// Sixteen values, one in each lane of 64 bits.
type Pair = [__m512i; 2];

/// Does the same with both halves of sixteen values. Each step is written for both at once, since a step waits for the
/// one before it, and the processor looks ahead less far than from one half to the other.
macro_rules! both {
    ($half:ident => $value:expr) => {{
        let value = |$half: usize| $value;
        [value(0), value(1)]
    }};
}
use both;

/// Sixteen values: their digits, and the forms of their texts.
struct Sixteen {
    /// The digits 0, 2, 4 … of each value as ASCII, the first one in the lowest byte.
    tens: Pair,
    /// The digits 1, 3, 5 …
    ones: Pair,
    /// The other bytes that a text can have: see [`forms`].
    tail: Pair,
    /// The rows of [`Forms`].
    form: Pair,
    /// The lengths of the texts, without the exponents of scientific notation.
    length: Pair,
    /// The decimal exponents; needed only for scientific notation.
    exponent: Pair,
    /// Which values are in scientific notation.
    scientific: [u8; 2],
    /// Which values the portable code has to write; none of these are in `not_finite`.
    slow: [u8; 2],
    /// Which values are NaN or infinite.
    not_finite: [u8; 2],
    nan: [u8; 2],
    negative: [u8; 2],
}

/// Writes the text of each value. `sixteen` computes the digits of sixteen values.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn write<N: Number>(
    values: Values<'_, N>,
    words: &ShortWords<'_>,
    forms: &'static Forms,
    cells: Cells<'_>,
    mut sixteen: impl FnMut(&[N; 16]) -> Sixteen,
) -> usize {
    let Cells { text, ends, rows, start } = cells;
    let (column, validity) = (values.values(), values.validity());
    let Some(first) = column.first() else { return start };
    let (sixteens, rest) = column.as_chunks::<16>();
    let mut last = [*first; 16];
    for (value, from) in last.iter_mut().zip(rest) {
        *value = *from;
    }
    let forms = forms.with_lead(words.lead());
    let lead = _mm512_set1_epi64(words.lead() as i64);
    let mut end = _mm512_set1_epi64(start as i64);

    for at in (0..column.len()).step_by(16) {
        let (values, count) = match sixteens.get(at / 16) {
            Some(values) => (values, 16),
            None => (&last, rest.len()),
        };
        let mut lanes = sixteen(values);
        let null = both!(i => validity.map_or(0, |validity| !validity.eight(at + 8 * i)));
        let special = both!(i => null[i] | lanes.not_finite[i]);
        if special != [0; 2] {
            if !words.not_finite_fit() {
                lanes.slow = both!(i => lanes.slow[i] | lanes.not_finite[i]);
                (lanes.not_finite, lanes.nan) = ([0; 2], [0; 2]);
            }
            let short = both!(i => if words.null_fits() { null[i] } else { 0 });
            lanes.slow = both!(i => (lanes.slow[i] & !null[i]) | (null[i] & !short[i]));
            spell(&mut lanes, short, words);
            lanes.scientific = both!(i => lanes.scientific[i] & !special[i]);
        }
        let length = both!(i => _mm512_add_epi64(lanes.length[i], lead));
        let sources = sources(&lanes);
        let form: [u64; 16] = must_cast(lanes.form);
        let cell = |lane: usize| -> [u8; 32] {
            let index: __m256i = must_cast(forms[(form[lane] & 127) as usize]);
            must_cast(_mm256_permutexvar_epi8(index, must_cast(sources[lane])))
        };

        if lanes.slow == [0; 2] && lanes.scientific == [0; 2] && count == 16 {
            let ends = &mut ends[at..at + 16];
            let starts = if rows {
                let mut starts = [0; 16];
                starts.copy_from_slice(ends);
                let starts: Pair = must_cast(starts);
                let all = both!(i => _mm512_add_epi64(starts[i], length[i]));
                ends.copy_from_slice(&must_cast::<_, [usize; 16]>(all));
                starts
            } else {
                let sums = both!(i => sum(length[i]));
                let seventh = _mm512_set1_epi64(7);
                let middle = _mm512_add_epi64(end, _mm512_permutexvar_epi64(seventh, sums[0]));
                let before = [end, middle];
                let all = both!(i => _mm512_add_epi64(before[i], sums[i]));
                ends.copy_from_slice(&must_cast::<_, [usize; 16]>(all));
                end = _mm512_permutexvar_epi64(seventh, all[1]);
                both!(i => _mm512_sub_epi64(all[i], length[i]))
            };
            let starts: [usize; 16] = must_cast(starts);
            for (lane, start) in starts.into_iter().enumerate() {
                text[start..start + 32].copy_from_slice(&cell(lane));
            }
        } else {
            let mut start = must_cast::<_, [usize; 8]>(end)[7];
            let slow = u16::from_le_bytes(lanes.slow);
            let null = u16::from_le_bytes(null);
            let exponent_at: [usize; 16] = must_cast(length);
            let length: [usize; 16] = must_cast(exponent_length(&lanes));
            let exponent: [u64; 16] = must_cast(lanes.exponent);
            for lane in 0..count {
                if rows {
                    start = ends[at + lane];
                }
                if slow >> lane & 1 == 1 {
                    let value = (null >> lane & 1 == 0).then_some(values[lane]);
                    start = words.write(value, text, start);
                } else {
                    text[start..start + 32].copy_from_slice(&cell(lane));
                    start += exponent_at[lane];
                    // Values without an exponent get these bytes after their end, where they do not count.
                    let exponent = &EXPONENTS[(exponent[lane] & 1023) as usize];
                    text[start..start + 8].copy_from_slice(exponent);
                    start += length[lane];
                }
                ends[at + lane] = start;
            }
            end = _mm512_set1_epi64(start as i64);
        }
    }
    must_cast::<_, [usize; 8]>(end)[7]
}

/// Replaces nulls, NaN and infinities by their words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn spell(lanes: &mut Sixteen, null: [u8; 2], words: &ShortWords<'_>) {
    let [null_word, nan, infinity, negative_infinity] = words.words();
    let positive = both!(i => lanes.not_finite[i] & !lanes.nan[i] & !lanes.negative[i]);
    let negative = both!(i => lanes.not_finite[i] & !lanes.nan[i] & lanes.negative[i]);
    for (mask, word) in
        [(positive, infinity), (negative, negative_infinity), (lanes.nan, nan), (null, null_word)]
    {
        let (bytes, length) = (word.bytes as i64, word.length as i64);
        lanes.tail = both!(i => _mm512_mask_set1_epi64(lanes.tail[i], mask[i], bytes));
        lanes.length = both!(i => _mm512_mask_set1_epi64(lanes.length[i], mask[i], length));
    }
    let special = both!(i => null[i] | lanes.not_finite[i]);
    lanes.form = both!(i => _mm512_mask_set1_epi64(lanes.form[i], special[i], WORD as i64));
}

/// The lengths of the exponents, and 0 for values that have none.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn exponent_length(lanes: &Sixteen) -> Pair {
    let one = _mm512_set1_epi64(1);
    let zero = _mm512_set1_epi64(super::tables::EXPONENT_ZERO);
    both!(i => {
        let scientific = lanes.scientific[i];
        let size = _mm512_abs_epi64(_mm512_sub_epi64(lanes.exponent[i], zero));
        let length = _mm512_maskz_set1_epi64(scientific, 3);
        let longer = _mm512_mask_cmpgt_epi64_mask(scientific, size, _mm512_set1_epi64(9));
        let length = _mm512_mask_add_epi64(length, longer, length, one);
        let longer = _mm512_mask_cmpgt_epi64_mask(scientific, size, _mm512_set1_epi64(99));
        _mm512_mask_add_epi64(length, longer, length, one)
    })
}

/// For each value the bytes that its text can have: digits at 0 to 15, the tail at 16 to 23.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn sources(lanes: &Sixteen) -> [[u8; 32]; 16] {
    let sources = both!(i => {
        let even = _mm512_unpacklo_epi64(lanes.tens[i], lanes.ones[i]);
        let odd = _mm512_unpackhi_epi64(lanes.tens[i], lanes.ones[i]);
        let two = |digits: __m512i, index: [u64; 8]| -> [[u8; 32]; 2] {
            must_cast(_mm512_permutex2var_epi64(digits, must_cast(index), lanes.tail[i]))
        };
        let [zero, two_] = two(even, [0, 1, 8, 8, 2, 3, 10, 10]);
        let [one, three] = two(odd, [0, 1, 9, 9, 2, 3, 11, 11]);
        let [four, six] = two(even, [4, 5, 12, 12, 6, 7, 14, 14]);
        let [five, seven] = two(odd, [4, 5, 13, 13, 6, 7, 15, 15]);
        [zero, one, two_, three, four, five, six, seven]
    });
    must_cast(sources)
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
