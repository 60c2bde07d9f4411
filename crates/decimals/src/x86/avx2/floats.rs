//! Columns of floats.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::digits::{sixteen_digits, split};
use super::{Eight, Lanes, Pair, both, forms, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;
use crate::x86::layout::{F32, F64, Floats};
use crate::x86::tables::{EXPONENT_ZERO, F32_HALVES, F64_HALVES};

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(crate) fn f64s(values: Values<'_, f64>, words: &ShortWords<'_>, cells: Cells<'_>) -> usize {
    write(
        values,
        words,
        &forms::F64,
        cells,
        |values| f64_significands(values).digits::<64>(&F64),
        form_and_length,
    )
}

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(crate) fn f32s(values: Values<'_, f32>, words: &ShortWords<'_>, cells: Cells<'_>) -> usize {
    write(
        values,
        words,
        &forms::F32,
        cells,
        |values| f32_significands(values).digits::<32>(&F32),
        form_and_length,
    )
}

/// The form and the length of one text.
#[inline]
fn form_and_length(eight: &Eight, lane: usize) -> (u64, i64) {
    // With a last digit there are -1 trailing zeros.
    let zeros = i64::from(eight.nibbles.0[lane].leading_zeros() / 4) | eight.has_last.0[lane];
    let form = eight.form.0[lane];
    let mut length = (eight.length.0[lane] - zeros).max(eight.least_length.0[lane]);
    if eight.scientific >> lane & 1 == 1 {
        // One digit has no point in scientific notation.
        length -= i64::from(length - (form & 1) as i64 == 2);
    }
    (form, length)
}

/// The significands of eight values: all of their digits but the last one, and the last one. Masks are all bits of a
/// lane.
struct Significands {
    integral: Pair,
    last: Pair,
    /// A mask of the values that have the last digit.
    has_last: Pair,
    /// The decimal exponents plus 324.
    k: Pair,
    /// 1 for negative values, 0 for others.
    sign: Pair,
    zero: Pair,
    slow: u8,
}

/// The algorithm of zmij.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn f64_significands(values: &[f64; 8]) -> Significands {
    let (mut high, mut low, mut half) = ([0; 8], [0; 8], [0; 8]);
    for lane in 0..8 {
        let bits = values[lane].to_bits();
        let [power_high, power_low, distance, shift] = F64_HALVES[(bits >> 52 & 2047) as usize];
        let x = u128::from((bits & ((1 << 52) - 1) | 1 << 52) << (shift & 63));
        let product = u128::from(power_high) * x + ((u128::from(power_low) * x) >> 64);
        (high[lane], low[lane], half[lane]) = ((product >> 64) as u64, product as u64, distance);
    }
    let (high, low, half): (Pair, Pair, Pair) = (must_cast(high), must_cast(low), must_cast(half));
    let bits: Pair = must_cast(*values);
    let none = _mm256_setzero_si256();
    let one = _mm256_set1_epi64x(1);
    let top = _mm256_set1_epi64x(i64::MIN);
    let integral = both!(i => _mm256_srli_epi64::<6>(high[i]));
    let fraction = both!(i => {
        _mm256_or_si256(_mm256_slli_epi64::<58>(high[i]), _mm256_srli_epi64::<6>(low[i]))
    });

    // Half of the distance between two floats, plus 1 if the significand is even. Comparisons have a sign.
    let half = both!(i => _mm256_add_epi64(half[i], _mm256_andnot_si256(bits[i], one)));
    let sum = both!(i => _mm256_xor_si256(_mm256_add_epi64(fraction[i], half[i]), top));
    let half = both!(i => _mm256_xor_si256(half[i], top));
    let up = both!(i => _mm256_cmpgt_epi64(half[i], sum[i]));
    let down = both!(i => _mm256_cmpgt_epi64(half[i], _mm256_xor_si256(fraction[i], top)));
    let integral = both!(i => _mm256_sub_epi64(integral[i], up[i]));

    let e = both!(i => {
        _mm256_and_si256(_mm256_srli_epi64::<52>(bits[i]), _mm256_set1_epi64x(2047))
    });
    let zero = both!(i => _mm256_cmpeq_epi64(_mm256_add_epi64(bits[i], bits[i]), none));
    let k = both!(i => {
        let product = _mm256_mul_epu32(e[i], _mm256_set1_epi64x(315_653));
        _mm256_srli_epi64::<20>(_mm256_add_epi64(product, _mm256_set1_epi64x(411_649)))
    });
    Significands {
        integral: both!(i => _mm256_andnot_si256(zero[i], integral[i])),
        last: f64_last_digit(fraction),
        has_last: has_last(up, down, zero),
        k,
        sign: both!(i => _mm256_srli_epi64::<63>(bits[i])),
        zero,
        slow: slow(e, 2047, both!(i => _mm256_slli_epi64::<12>(bits[i])), fraction, zero),
    }
}

/// The 17th digit: 10 times the fraction, rounded as zmij does it.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn f64_last_digit(fraction: Pair) -> Pair {
    // (10 fraction + 2^63 + 6) >> 64, in 64 bits: the four lowest bits of the fraction can only add a carry, which is
    // (5 x + 3) >> 4 for the value x of these bits.
    let carries: __m256i = must_cast([[0_u8, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]; 2]);
    both!(i => {
        let bits = _mm256_and_si256(fraction[i], _mm256_set1_epi64x(15));
        let carry = _mm256_add_epi64(_mm256_shuffle_epi8(carries, bits), _mm256_set1_epi64x(1 << 58));
        let sixteenth = _mm256_srli_epi64::<4>(fraction[i]);
        let five = _mm256_add_epi64(sixteenth, _mm256_slli_epi64::<2>(sixteenth));
        let digit = _mm256_srli_epi64::<59>(_mm256_add_epi64(five, carry));
        // 2.5 is rounded to 2, not to 3.
        let tie = _mm256_cmpeq_epi64(fraction[i], _mm256_set1_epi64x(1 << 62));
        _mm256_add_epi64(digit, tie)
    })
}

/// The algorithm of zmij.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn f32_significands(values: &[f32; 8]) -> Significands {
    let (mut product, mut half) = ([0; 8], [0; 8]);
    for lane in 0..8 {
        let bits = u64::from(values[lane].to_bits());
        let [power, _, distance, shift] = F32_HALVES[(bits >> 23 & 255) as usize];
        let x = (bits & ((1 << 23) - 1) | 1 << 23) << (shift & 63);
        product[lane] = ((u128::from(power) * u128::from(x)) >> 64) as u64;
        half[lane] = distance;
    }
    let (product, half): (Pair, Pair) = (must_cast(product), must_cast(half));
    let bits: [__m128i; 2] = must_cast(*values);
    let bits = both!(i => _mm256_cvtepu32_epi64(bits[i]));
    let none = _mm256_setzero_si256();
    let one = _mm256_set1_epi64x(1);
    // The point is at bit 34.
    let below = _mm256_set1_epi64x((1 << 34) - 1);
    let integral = both!(i => _mm256_srli_epi64::<34>(product[i]));
    let fraction = both!(i => _mm256_and_si256(product[i], below));
    let half = both!(i => _mm256_add_epi64(half[i], _mm256_andnot_si256(bits[i], one)));
    let up = both!(i => _mm256_cmpgt_epi64(_mm256_add_epi64(fraction[i], half[i]), below));
    let down = both!(i => _mm256_cmpgt_epi64(half[i], fraction[i]));
    let integral = both!(i => _mm256_sub_epi64(integral[i], up[i]));

    let e = both!(i => {
        _mm256_and_si256(_mm256_srli_epi64::<23>(bits[i]), _mm256_set1_epi64x(255))
    });
    let zero = both!(i => _mm256_cmpeq_epi64(_mm256_slli_epi64::<33>(bits[i]), none));
    let has_last = has_last(up, down, zero);
    let last = both!(i => {
        let ten = _mm256_add_epi64(_mm256_slli_epi64::<3>(fraction[i]), _mm256_slli_epi64::<1>(fraction[i]));
        let digit = _mm256_srli_epi64::<34>(_mm256_add_epi64(ten, _mm256_set1_epi64x(1 << 33)));
        // 2.5 is rounded to 2, not to 3.
        let tie = _mm256_cmpeq_epi64(fraction[i], _mm256_set1_epi64x(1 << 32));
        _mm256_add_epi64(digit, tie)
    });
    // An integral part of six digits takes the last one as its seventh.
    let short = both!(i => _mm256_cmpgt_epi64(_mm256_set1_epi64x(1_000_000), integral[i]));
    let with_last = both!(i => {
        let product = _mm256_mul_epu32(integral[i], _mm256_set1_epi64x(10));
        _mm256_add_epi64(product, _mm256_and_si256(has_last[i], last[i]))
    });
    let integral = both!(i => _mm256_blendv_epi8(integral[i], with_last[i], short[i]));
    let k = both!(i => {
        let product = _mm256_mul_epu32(e[i], _mm256_set1_epi64x(315_653));
        let first = _mm256_set1_epi64x(315_653 * 925 + 411_649);
        _mm256_add_epi64(_mm256_srli_epi64::<20>(_mm256_add_epi64(product, first)), short[i])
    });
    Significands {
        integral: both!(i => _mm256_andnot_si256(zero[i], integral[i])),
        last,
        has_last: both!(i => _mm256_andnot_si256(short[i], has_last[i])),
        k,
        sign: both!(i => _mm256_srli_epi64::<31>(bits[i])),
        zero,
        slow: slow(e, 255, both!(i => _mm256_slli_epi64::<41>(bits[i])), fraction, zero),
    }
}

/// Which values have the last digit.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn has_last(up: Pair, down: Pair, zero: Pair) -> Pair {
    let all = _mm256_set1_epi64x(-1);
    both!(i => {
        let without = _mm256_or_si256(_mm256_or_si256(up[i], down[i]), zero[i]);
        _mm256_andnot_si256(without, all)
    })
}

/// Which values the portable code has to write: NaN and infinities (of the exponent `largest`), subnormals, and powers
/// of two that have a fraction: the next float below is nearer to these. `below` has the bits of the significands.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn slow(e: Pair, largest: i64, below: Pair, fraction: Pair, zero: Pair) -> u8 {
    let none = _mm256_setzero_si256();
    let masks = both!(i => {
        let exact = _mm256_cmpeq_epi64(fraction[i], none);
        let power_of_two = _mm256_andnot_si256(exact, _mm256_cmpeq_epi64(below[i], none));
        let no_exponent = _mm256_cmpeq_epi64(e[i], none);
        let slow = _mm256_andnot_si256(zero[i], _mm256_or_si256(power_of_two, no_exponent));
        let not_finite = _mm256_cmpeq_epi64(e[i], _mm256_set1_epi64x(largest));
        mask(_mm256_or_si256(slow, not_finite))
    });
    masks[0] | masks[1] << 4
}

/// The highest bit of each of four lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn mask(lanes: __m256i) -> u8 {
    _mm256_movemask_pd(_mm256_castsi256_pd(lanes)) as u8
}

/// The larger number of each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn max(a: __m256i, b: __m256i) -> __m256i {
    _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b))
}

impl Significands {
    /// The digits, and the forms of the texts. `BITS` are those of a float: each type gets its own copy of this
    /// function, which is inlined because it is called once.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn digits<const BITS: u32>(self, floats: &'static Floats) -> Eight {
        let (has_last, sign) = (self.has_last, self.sign);
        let digits = floats.digits as i64;
        let full = _mm256_set1_epi64x(10_i64.pow(floats.digits as u32 - 1) - 1);
        let full = both!(i => _mm256_cmpgt_epi64(self.integral[i], full));
        // The decimal exponent minus the least one that is written out.
        let first = _mm256_set1_epi64x(324 - digits + 1 + floats.least);
        let class = both!(i => {
            let class = _mm256_sub_epi64(_mm256_sub_epi64(self.k[i], first), full[i]);
            _mm256_blendv_epi8(class, _mm256_set1_epi64x(-floats.least), self.zero[i])
        });
        let most = _mm256_set1_epi64x(floats.scientific() as i64);
        let scientific = both!(i => {
            let below = _mm256_cmpgt_epi64(_mm256_setzero_si256(), class[i]);
            _mm256_or_si256(below, _mm256_cmpgt_epi64(class[i], _mm256_sub_epi64(most, _mm256_set1_epi64x(1))))
        });
        let row = both!(i => _mm256_blendv_epi8(class[i], most, scientific[i]));
        let form = both!(i => {
            let row = _mm256_sub_epi64(_mm256_add_epi64(row[i], row[i]), full[i]);
            _mm256_add_epi64(_mm256_add_epi64(row, row), sign[i])
        });

        let (text, nibbles) = if floats.digits == 8 {
            split(both!(i => _mm256_slli_epi64::<32>(self.integral[i])))
        } else {
            sixteen_digits(self.integral)
        };

        // Digits, less 1, if no digit is a trailing zero; and a point, or zeros before the digits.
        let most_digits = _mm256_set1_epi64x(digits - 2);
        let two = _mm256_set1_epi64x(2);
        let before = _mm256_set1_epi64x(2 - floats.least);
        let length = both!(i => {
            let count = _mm256_sub_epi64(_mm256_add_epi64(most_digits, sign[i]), full[i]);
            let before = max(_mm256_sub_epi64(before, class[i]), two);
            _mm256_add_epi64(count, _mm256_blendv_epi8(before, two, scientific[i]))
        });
        // Zeros after the digits, and one after the point.
        let whole = _mm256_set1_epi64x(3 + floats.least);
        let least_length = both!(i => {
            let length = _mm256_add_epi64(_mm256_add_epi64(class[i], whole), sign[i]);
            _mm256_andnot_si256(scientific[i], length)
        });
        let scientific = both!(i => mask(scientific[i]));
        let scientific = (scientific[0] | scientific[1] << 4) & !self.slow;
        let exponent = _mm256_set1_epi64x(EXPONENT_ZERO + floats.least);
        Eight {
            digits: Lanes(text),
            last: Lanes(must_cast(both!(i => _mm256_and_si256(has_last[i], self.last[i])))),
            nibbles: Lanes(nibbles),
            form: Lanes(must_cast(form)),
            length: Lanes(must_cast(length)),
            has_last: Lanes(must_cast(has_last)),
            least_length: Lanes(must_cast(least_length)),
            exponent: Lanes(must_cast(both!(i => _mm256_add_epi64(class[i], exponent)))),
            scientific,
            slow: self.slow,
        }
    }
}
