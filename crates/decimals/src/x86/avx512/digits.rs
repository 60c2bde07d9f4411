//! The decimal digits of eight numbers.
//!
//! The digits of a number are in two lanes: its tens (the digits 0, 2, 4 …) and its ones (1, 3, 5 …), the first digit in
//! the lowest byte.

use core::arch::x86_64::*;

use bytemuck::must_cast;

/// The 16 digits of each number below 10^16. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn sixteen_digits(numbers: __m512i) -> (__m512i, __m512i) {
    // 10^8 is 2^8 · 390625; the product is exact enough for 52 - 8 bits.
    let by_390_625 = _mm512_set1_epi64(((1_u128 << 70) / 390_625 + 1) as i64);
    let scaled = _mm512_srli_epi64::<8>(numbers);
    let product = _mm512_madd52hi_epu64(_mm512_setzero_si512(), scaled, by_390_625);
    let high = _mm512_srli_epi64::<18>(product);
    let whole = _mm512_mul_epu32(high, _mm512_set1_epi64(100_000_000));
    let low = fours(_mm512_sub_epi64(numbers, whole));
    split(_mm512_or_si512(fours(high), _mm512_slli_epi64::<32>(low)))
}

/// The last eight digits, 8 to 15, of each number below 10^8; the others are 0. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn eight_digits(numbers: __m512i) -> (__m512i, __m512i) {
    split(_mm512_slli_epi64::<32>(fours(numbers)))
}

/// The four digits of each number below 10,000, in the four lowest bytes. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn four_digits(numbers: __m512i) -> __m512i {
    let (tens, ones) = split(numbers);
    let both = _mm512_or_si512(tens, _mm512_slli_epi64::<16>(ones));
    let order = [0_u8, 2, 1, 3, 4, 5, 6, 7, 8, 10, 9, 11, 12, 13, 14, 15];
    _mm512_shuffle_epi8(both, must_cast([order; 4]))
}

/// Splits numbers of eight digits into two words of four digits, the first word in the lowest 16 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn fours(numbers: __m512i) -> __m512i {
    let by_10_000 = _mm512_set1_epi64((1_i64 << 52) / 10_000 + 1);
    let high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), numbers, by_10_000);
    // high + ((numbers - 10,000 high) << 16)
    let both = _mm512_mul_epu32(high, _mm512_set1_epi64((10_000 << 16) - 1));
    _mm512_sub_epi64(_mm512_slli_epi64::<16>(numbers), both)
}

/// Splits words of four digits into tens and ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn split(words: __m512i) -> (__m512i, __m512i) {
    // Two digits in each byte: high + ((words - 100 high) << 8).
    let high = _mm512_mulhi_epu16(words, _mm512_set1_epi16(5243));
    let high = _mm512_srli_epi16::<3>(high);
    let both = _mm512_mullo_epi16(high, _mm512_set1_epi16((100 << 8) - 1));
    let pairs = _mm512_sub_epi16(_mm512_slli_epi16::<8>(words), both);
    let tenth = _mm512_set1_epi16(6554);
    let low_bytes = _mm512_set1_epi16(0xff);
    let low = _mm512_mulhi_epu16(_mm512_and_si512(pairs, low_bytes), tenth);
    let high = _mm512_mulhi_epu16(_mm512_andnot_si512(low_bytes, pairs), tenth);
    let tens = _mm512_or_si512(low, _mm512_andnot_si512(low_bytes, high));
    let ones = _mm512_sub_epi8(pairs, _mm512_mullo_epi16(tens, _mm512_set1_epi16(10)));
    (tens, ones)
}

/// The digits as nibbles, the first digit in the lowest one.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn nibbles(tens: __m512i, ones: __m512i) -> __m512i {
    _mm512_or_si512(tens, _mm512_slli_epi16::<4>(ones))
}

/// Digits as ASCII.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(super) fn ascii(digits: __m512i) -> __m512i {
    _mm512_or_si512(digits, _mm512_set1_epi8(b'0' as i8))
}
