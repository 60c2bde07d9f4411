//! Columns of integers.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::digits::{ascii, eight_digits, four_digits, nibbles, sixteen_digits};
use super::forms::{self, integer_tail};
use super::{Pair, Sixteen, both, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;

macro_rules! columns {
    ($($name:ident, $integer:ty, $digits:literal, $signed:literal, $lanes:expr;)*) => {$(
        /// Writes the text of each value; returns the end of the last one.
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
        pub(crate) fn $name(
            values: Values<'_, $integer>,
            words: &ShortWords<'_>,
            cells: Cells<'_>,
        ) -> usize {
            let tail = _mm512_set1_epi64(integer_tail(words.lead_byte()));
            write(values, words, &forms::INTEGERS, cells, |values| {
                let values: [_; 2] = must_cast(*values);
                sixteen::<$digits, $signed>(both!(i => $lanes(values[i])), tail)
            })
        }
    )*};
}

columns! {
    i8s, i8, 8, true, |values: i64| _mm512_cvtepi8_epi64(_mm_set_epi64x(0, values));
    u8s, u8, 8, false, |values: i64| _mm512_cvtepu8_epi64(_mm_set_epi64x(0, values));
    i16s, i16, 8, true, |values: __m128i| _mm512_cvtepi16_epi64(values);
    u16s, u16, 8, false, |values: __m128i| _mm512_cvtepu16_epi64(values);
    i32s, i32, 16, true, |values: __m256i| _mm512_cvtepi32_epi64(values);
    u32s, u32, 16, false, |values: __m256i| _mm512_cvtepu32_epi64(values);
    i64s, i64, 20, true, |values: __m512i| values;
    u64s, u64, 20, false, |values: __m512i| values;
}

/// The digits of integers, which have up to 8, 16 or 20 digits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn sixteen<const DIGITS: u32, const SIGNED: bool>(values: Pair, tail: __m512i) -> Sixteen {
    let one = _mm512_set1_epi64(1);
    let none = _mm512_setzero_si512();
    let negative = both!(i => if SIGNED { _mm512_movepi64_mask(values[i]) } else { 0 });
    let size = both!(i => if SIGNED { _mm512_abs_epi64(values[i]) } else { values[i] });
    let sixteen_digits_more = _mm512_set1_epi64(10_000_000_000_000_000);
    let large = both!(i => match DIGITS > 16 {
        true => _mm512_cmpge_epu64_mask(size[i], sixteen_digits_more),
        false => 0,
    });
    let any_large = large[0] | large[1] != 0;
    let (mut low, mut high) = (size, [none; 2]);
    if any_large {
        // 10^16 is 2^16 · 5^16; the product is exact enough for 64 - 16 bits.
        let by_5_16 = _mm512_set1_epi64(((1_u128 << 89) / 152_587_890_625 + 1) as i64);
        high = both!(i => {
            let scaled = _mm512_srli_epi64::<16>(size[i]);
            _mm512_srli_epi64::<37>(_mm512_madd52hi_epu64(none, scaled, by_5_16))
        });
        low = both!(i => {
            _mm512_sub_epi64(size[i], _mm512_mullo_epi64(high[i], sixteen_digits_more))
        });
    }
    let (tens, ones) = if DIGITS == 8 { eight_digits(low) } else { sixteen_digits(low) };

    // The first digit that is not 0; the last one counts as such.
    let last = _mm512_set1_epi64(1 << 60);
    let nibbles = nibbles(tens, ones);
    let found = both!(i => _mm512_or_si512(nibbles[i], last));
    let first = both!(i => _mm512_and_si512(found[i], _mm512_sub_epi64(none, found[i])));
    // The position of the only bit that is set is 63 less its leading zeros; each digit has four bits.
    let count = both!(i => _mm512_srli_epi64::<2>(_mm512_lzcnt_epi64(first[i])));
    let mut count = both!(i => _mm512_add_epi64(count[i], one));
    let mut tail = [tail; 2];
    if any_large {
        let digits = four_digits(high);
        tail = both!(i => _mm512_add_epi64(tail[i], digits[i]));
        count = both!(i => _mm512_mask_set1_epi64(count[i], large[i], 17));
        for power in [10, 100, 1000] {
            let power = _mm512_set1_epi64(power);
            let longer = both!(i => _mm512_cmpge_epu64_mask(high[i], power));
            count = both!(i => _mm512_mask_add_epi64(count[i], longer[i], count[i], one));
        }
    }
    let form = both!(i => _mm512_add_epi64(count[i], count[i]));
    Sixteen {
        tens: ascii(tens),
        ones: ascii(ones),
        tail,
        form: both!(i => _mm512_mask_add_epi64(form[i], negative[i], form[i], one)),
        length: both!(i => _mm512_mask_add_epi64(count[i], negative[i], count[i], one)),
        exponent: [none; 2],
        scientific: [0; 2],
        slow: [0; 2],
        not_finite: [0; 2],
        nan: [0; 2],
        negative,
    }
}
