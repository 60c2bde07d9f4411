//! The digits of eight numbers.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::{Pair, both};

/// The 16 digits of numbers below 10^16. Larger numbers get rubbish.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn sixteen_digits(numbers: Pair) -> ([[u8; 16]; 8], [u64; 8]) {
    let hundred_million = _mm256_set1_epi64x(100_000_000);
    // The quotient by 10^8, or 1 less: the number without its last 22 bits has 32 bits.
    let factor = _mm256_set1_epi64x((1 << 58) / 100_000_000);
    let quotient = both!(i => {
        let product = _mm256_mul_epu32(_mm256_srli_epi64::<22>(numbers[i]), factor);
        _mm256_srli_epi64::<36>(product)
    });
    let rest = both!(i => {
        _mm256_sub_epi64(numbers[i], _mm256_mul_epu32(quotient[i], hundred_million))
    });
    let largest_rest = _mm256_set1_epi64x(99_999_999);
    let less = both!(i => _mm256_cmpgt_epi64(rest[i], largest_rest));
    let quotient = both!(i => _mm256_sub_epi64(quotient[i], less[i]));
    let rest = both!(i => {
        _mm256_sub_epi64(rest[i], _mm256_and_si256(less[i], hundred_million))
    });
    split(both!(i => _mm256_or_si256(quotient[i], _mm256_slli_epi64::<32>(rest[i]))))
}

/// Splits numbers into 16 digits of ASCII. The first eight digits are the lower half of a number, and the others the
/// upper half. Gives the same digits as nibbles too, the first one lowest.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn split(numbers: Pair) -> ([[u8; 16]; 8], [u64; 8]) {
    // A division by 10,000 of numbers of 32 bits.
    let factor = _mm256_set1_epi64x(3_518_437_209);
    let even = both!(i => _mm256_srli_epi64::<45>(_mm256_mul_epu32(numbers[i], factor)));
    let odd = both!(i => _mm256_mul_epu32(_mm256_srli_epi64::<32>(numbers[i]), factor));
    let odd = both!(i => _mm256_srli_epi64::<13>(odd[i]));
    let high = both!(i => _mm256_blend_epi32::<0b1010_1010>(even[i], odd[i]));
    // high + ((numbers - 10,000 high) << 16)
    let products = _mm256_set1_epi32((10_000 << 16) - 1);
    let products = both!(i => _mm256_mullo_epi32(high[i], products));
    let words = both!(i => _mm256_sub_epi32(_mm256_slli_epi32::<16>(numbers[i]), products[i]));

    // Two digits in each byte: high + ((words - 100 high) << 8).
    let high = both!(i => {
        _mm256_srli_epi16::<3>(_mm256_mulhi_epu16(words[i], _mm256_set1_epi16(5243)))
    });
    let products = both!(i => _mm256_mullo_epi16(high[i], _mm256_set1_epi16((100 << 8) - 1)));
    let pairs = both!(i => _mm256_sub_epi16(_mm256_slli_epi16::<8>(words[i]), products[i]));
    let tenth = _mm256_set1_epi16(6554);
    let low_bytes = _mm256_set1_epi16(0xff);
    let low = both!(i => _mm256_mulhi_epu16(_mm256_and_si256(pairs[i], low_bytes), tenth));
    let high = both!(i => _mm256_mulhi_epu16(_mm256_andnot_si256(low_bytes, pairs[i]), tenth));
    let tens = both!(i => _mm256_or_si256(low[i], _mm256_andnot_si256(low_bytes, high[i])));
    let products = both!(i => _mm256_mullo_epi16(tens[i], _mm256_set1_epi16(10)));
    let ones = both!(i => _mm256_sub_epi8(pairs[i], products[i]));

    let nibbles = both!(i => _mm256_or_si256(tens[i], _mm256_slli_epi16::<4>(ones[i])));
    let zeros = _mm256_set1_epi8(b'0' as i8);
    let tens = both!(i => _mm256_or_si256(tens[i], zeros));
    let ones = both!(i => _mm256_or_si256(ones[i], zeros));
    // The even and the odd values of four.
    let even = both!(i => _mm256_unpacklo_epi8(tens[i], ones[i]));
    let odd = both!(i => _mm256_unpackhi_epi8(tens[i], ones[i]));
    let digits = both!(i => [
        _mm256_permute2x128_si256::<0x20>(even[i], odd[i]),
        _mm256_permute2x128_si256::<0x31>(even[i], odd[i]),
    ]);
    (must_cast(digits), must_cast(nibbles))
}
