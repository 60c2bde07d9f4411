//! The digits of eight numbers.

use core::arch::x86_64::*;

use bytemuck::must_cast;

/// Splits numbers into 16 digits of ASCII. The first eight digits are the lower half of a number, and the others the
/// upper half. Gives the same digits as nibbles too, the first one lowest.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn split(numbers: [u64; 8]) -> ([__m128i; 8], [u64; 8]) {
    let [low, high]: [__m256i; 2] = must_cast(numbers);
    let ([a, c], [b, d], low) = split_four(low);
    let ([e, g], [f, h], high) = split_four(high);
    ([a, b, c, d, e, f, g, h], must_cast([low, high]))
}

/// The digits of the even and the odd ones of four numbers, and nibbles.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn split_four(numbers: __m256i) -> ([__m128i; 2], [__m128i; 2], __m256i) {
    // A division by 10,000 of numbers of 32 bits.
    let factor = _mm256_set1_epi64x(3_518_437_209);
    let even = _mm256_srli_epi64::<45>(_mm256_mul_epu32(numbers, factor));
    let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(numbers), factor);
    let high = _mm256_blend_epi32::<0b1010_1010>(even, _mm256_srli_epi64::<13>(odd));
    // high + ((numbers - 10,000 high) << 16)
    let both = _mm256_mullo_epi32(high, _mm256_set1_epi32((10_000 << 16) - 1));
    let words = _mm256_sub_epi32(_mm256_slli_epi32::<16>(numbers), both);

    // Two digits in each byte: high + ((words - 100 high) << 8).
    let high = _mm256_mulhi_epu16(words, _mm256_set1_epi16(5243));
    let high = _mm256_srli_epi16::<3>(high);
    let both = _mm256_mullo_epi16(high, _mm256_set1_epi16((100 << 8) - 1));
    let pairs = _mm256_sub_epi16(_mm256_slli_epi16::<8>(words), both);
    let tenth = _mm256_set1_epi16(6554);
    let low_bytes = _mm256_set1_epi16(0xff);
    let low = _mm256_mulhi_epu16(_mm256_and_si256(pairs, low_bytes), tenth);
    let high = _mm256_mulhi_epu16(_mm256_andnot_si256(low_bytes, pairs), tenth);
    let tens = _mm256_or_si256(low, _mm256_andnot_si256(low_bytes, high));
    let ones = _mm256_sub_epi8(pairs, _mm256_mullo_epi16(tens, _mm256_set1_epi16(10)));

    let nibbles = _mm256_or_si256(tens, _mm256_slli_epi16::<4>(ones));
    let ascii = _mm256_set1_epi8(b'0' as i8);
    let (tens, ones) = (_mm256_or_si256(tens, ascii), _mm256_or_si256(ones, ascii));
    let even = must_cast(_mm256_unpacklo_epi8(tens, ones));
    let odd = must_cast(_mm256_unpackhi_epi8(tens, ones));
    (even, odd, nibbles)
}
