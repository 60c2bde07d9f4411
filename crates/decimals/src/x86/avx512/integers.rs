//! Columns of integers.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::digits::{ascii, eight_digits, four_digits, nibbles, sixteen_digits};
use super::forms::{self, integer_tail};
use super::{Eight, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;

macro_rules! columns {
    ($($name:ident, $integer:ty, $digits:literal, $signed:literal, $lanes:expr;)*) => {$(
        /// Writes the text of each value; returns the end of the last one.
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
        pub(crate) fn $name<const ROWS: bool>(
            values: Values<'_, $integer>,
            words: &ShortWords<'_>,
            cells: Cells<'_>,
        ) -> usize {
            let tail = _mm512_set1_epi64(integer_tail(words.lead_byte()));
            write::<$integer, ROWS>(values, words, &forms::INTEGERS, cells, |values| {
                eight::<$digits, $signed>($lanes(*values), tail)
            })
        }
    )*};
}

columns! {
    i8s, i8, 8, true, |values| _mm512_cvtepi8_epi64(_mm_set_epi64x(0, must_cast(values)));
    u8s, u8, 8, false, |values| _mm512_cvtepu8_epi64(_mm_set_epi64x(0, must_cast(values)));
    i16s, i16, 8, true, |values| _mm512_cvtepi16_epi64(must_cast(values));
    u16s, u16, 8, false, |values| _mm512_cvtepu16_epi64(must_cast(values));
    i32s, i32, 16, true, |values| _mm512_cvtepi32_epi64(must_cast(values));
    u32s, u32, 16, false, |values| _mm512_cvtepu32_epi64(must_cast(values));
    i64s, i64, 20, true, must_cast::<[i64; 8], __m512i>;
    u64s, u64, 20, false, must_cast::<[u64; 8], __m512i>;
}

/// The digits of eight integers, which have up to 8, 16 or 20 digits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn eight<const DIGITS: u32, const SIGNED: bool>(values: __m512i, tail: __m512i) -> Eight {
    let one = _mm512_set1_epi64(1);
    let (size, negative) =
        if SIGNED { (_mm512_abs_epi64(values), _mm512_movepi64_mask(values)) } else { (values, 0) };
    let large = if DIGITS > 16 {
        _mm512_cmpge_epu64_mask(size, _mm512_set1_epi64(10_000_000_000_000_000))
    } else {
        0
    };
    let mut low = size;
    let mut high = _mm512_setzero_si512();
    if large != 0 {
        // 10^16 is 2^16 · 5^16; the product is exact enough for 64 - 16 bits.
        let by_5_16 = _mm512_set1_epi64(((1_u128 << 89) / 152_587_890_625 + 1) as i64);
        let scaled = _mm512_srli_epi64::<16>(size);
        let product = _mm512_madd52hi_epu64(_mm512_setzero_si512(), scaled, by_5_16);
        high = _mm512_srli_epi64::<37>(product);
        let whole = _mm512_mullo_epi64(high, _mm512_set1_epi64(10_000_000_000_000_000));
        low = _mm512_sub_epi64(size, whole);
    }
    let (tens, ones) = if DIGITS == 8 { eight_digits(low) } else { sixteen_digits(low) };

    // The first digit that is not 0; the last one counts as such.
    let found = _mm512_or_si512(nibbles(tens, ones), _mm512_set1_epi64(1 << 60));
    let first = _mm512_and_si512(found, _mm512_sub_epi64(_mm512_setzero_si512(), found));
    // The position of the only bit that is set is 63 less its leading zeros; each digit has four bits.
    let mut count = _mm512_srli_epi64::<2>(_mm512_lzcnt_epi64(first));
    count = _mm512_add_epi64(count, one);
    let mut tail = tail;
    if large != 0 {
        tail = _mm512_add_epi64(tail, four_digits(high));
        count = _mm512_mask_set1_epi64(count, large, 17);
        for power in [10, 100, 1000] {
            let longer = _mm512_cmpge_epu64_mask(high, _mm512_set1_epi64(power));
            count = _mm512_mask_add_epi64(count, longer, count, one);
        }
    }
    let form = _mm512_add_epi64(count, count);
    Eight {
        tens: ascii(tens),
        ones: ascii(ones),
        tail,
        form: _mm512_mask_add_epi64(form, negative, form, one),
        length: _mm512_mask_add_epi64(count, negative, count, one),
        exponent: _mm512_setzero_si512(),
        scientific: 0,
        slow: 0,
        not_finite: 0,
        nan: 0,
        negative,
    }
}
