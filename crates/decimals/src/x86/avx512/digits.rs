//! The decimal digits of numbers.
//!
//! The digits of a number are in two lanes: its tens (the digits 0, 2, 4 …) and its ones (1, 3, 5 …), the first digit
//! in the lowest byte.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::{Pair, both};

/// The 16 digits of each number below 10^16. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn sixteen_digits(numbers: Pair) -> (Pair, Pair) {
    // 10^8 is 2^8 · 390625; the product is exact enough for 52 - 8 bits.
    let by_390_625 = _mm512_set1_epi64(((1_u128 << 70) / 390_625 + 1) as i64);
    let none = _mm512_setzero_si512();
    let scaled = both!(i => _mm512_srli_epi64::<8>(numbers[i]));
    let product = both!(i => _mm512_madd52hi_epu64(none, scaled[i], by_390_625));
    let high = both!(i => _mm512_srli_epi64::<18>(product[i]));
    // numbers - 10^8 high in the low 52 bits; the others are not used.
    let factor = _mm512_set1_epi64((1 << 52) - 100_000_000);
    let low = both!(i => _mm512_madd52lo_epu64(numbers[i], high[i], factor));
    let (high, low) = (fours(high), fours(low));
    let low = both!(i => _mm512_slli_epi64::<32>(low[i]));
    split(both!(i => _mm512_mask_mov_epi32(low[i], 0b0101_0101_0101_0101, high[i])))
}

/// The last eight digits, 8 to 15, of each number below 10^8; the others are 0. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn eight_digits(numbers: Pair) -> (Pair, Pair) {
    let words = fours(numbers);
    split(both!(i => _mm512_slli_epi64::<32>(words[i])))
}

/// The four digits of each number below 10,000, in the four lowest bytes. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn four_digits(numbers: Pair) -> Pair {
    let (tens, ones) = split(numbers);
    let order = [0_u8, 2, 1, 3, 4, 5, 6, 7, 8, 10, 9, 11, 12, 13, 14, 15];
    both!(i => {
        let digits = _mm512_or_si512(tens[i], _mm512_slli_epi64::<16>(ones[i]));
        _mm512_shuffle_epi8(digits, must_cast([order; 4]))
    })
}

/// Splits numbers of eight digits into two words of four digits, the first word in the lowest 16 bits. The upper half
/// of a lane is rubbish; only the low 52 bits of the numbers count.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn fours(numbers: Pair) -> Pair {
    let by_10_000 = _mm512_set1_epi64((1_i64 << 52) / 10_000 + 1);
    let none = _mm512_setzero_si512();
    let high = both!(i => _mm512_madd52hi_epu64(none, numbers[i], by_10_000));
    // high + ((numbers - 10,000 high) << 16) in the low 52 bits.
    let factor = _mm512_set1_epi64((1 << 52) + 1 - (10_000 << 16));
    both!(i => _mm512_madd52lo_epu64(_mm512_slli_epi64::<16>(numbers[i]), high[i], factor))
}

/// Splits words of four digits into tens and ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn split(words: Pair) -> (Pair, Pair) {
    // Two digits in each byte: high + ((words - 100 high) << 8).
    let high = both!(i => {
        _mm512_srli_epi16::<3>(_mm512_mulhi_epu16(words[i], _mm512_set1_epi16(5243)))
    });
    let products = both!(i => _mm512_mullo_epi16(high[i], _mm512_set1_epi16((100 << 8) - 1)));
    let pairs = both!(i => _mm512_sub_epi16(_mm512_slli_epi16::<8>(words[i]), products[i]));
    let tenth = _mm512_set1_epi16(6554);
    let low_bytes = _mm512_set1_epi16(0xff);
    let low = both!(i => _mm512_mulhi_epu16(_mm512_and_si512(pairs[i], low_bytes), tenth));
    let high = both!(i => _mm512_mulhi_epu16(_mm512_andnot_si512(low_bytes, pairs[i]), tenth));
    let tens = both!(i => _mm512_or_si512(low[i], _mm512_andnot_si512(low_bytes, high[i])));
    let products = both!(i => _mm512_mullo_epi16(tens[i], _mm512_set1_epi16(10)));
    let ones = both!(i => _mm512_sub_epi8(pairs[i], products[i]));
    (tens, ones)
}

/// The digits as nibbles, the first digit in the lowest one.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn nibbles(tens: Pair, ones: Pair) -> Pair {
    both!(i => _mm512_or_si512(tens[i], _mm512_slli_epi16::<4>(ones[i])))
}

/// Digits as ASCII.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn ascii(digits: Pair) -> Pair {
    both!(i => _mm512_or_si512(digits[i], _mm512_set1_epi8(b'0' as i8)))
}
