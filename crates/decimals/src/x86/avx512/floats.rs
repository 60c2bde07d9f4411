//! Columns of floats.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::digits::{ascii, eight_digits, nibbles, sixteen_digits};
use super::forms::{self, tail};
use super::window::Window;
use super::{Eight, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;
use crate::x86::layout::{F32, F64, Floats};
use crate::x86::tables::{self, EXPONENT_ZERO};

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(crate) fn f64s<const ROWS: bool>(
    values: Values<'_, f64>,
    words: &ShortWords<'_>,
    cells: Cells<'_>,
) -> usize {
    let tail = _mm512_set1_epi64(tail(words.lead_byte()));
    let mut window = Window::new(&tables::F64);
    write::<f64, ROWS>(values, words, &forms::F64, cells, |values| {
        f64_significands(must_cast(*values), &mut window).digits(&F64, tail)
    })
}

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(crate) fn f32s<const ROWS: bool>(
    values: Values<'_, f32>,
    words: &ShortWords<'_>,
    cells: Cells<'_>,
) -> usize {
    let tail = _mm512_set1_epi64(tail(words.lead_byte()));
    let mut window = Window::new(&tables::F32);
    write::<f32, ROWS>(values, words, &forms::F32, cells, |values| {
        f32_significands(_mm512_cvtepu32_epi64(must_cast(*values)), &mut window).digits(&F32, tail)
    })
}

/// The significands of eight values: all of their digits but the last one, and the last one.
struct Significands {
    integral: __m512i,
    last: __m512i,
    /// Which values have the last digit; in the others it is 0.
    has_last: u8,
    /// The decimal exponents minus the least one that is written out, if the first digit is 0; 1 less if it is not.
    class: __m512i,
    /// 1 for negative values, 0 for others.
    sign: __m512i,
    zero: u8,
    slow: u8,
    not_finite: u8,
    nan: u8,
    negative: u8,
}

/// The algorithm of zmij.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn f64_significands(bits: __m512i, window: &mut Window<2048>) -> Significands {
    let one = _mm512_set1_epi64(1);
    let exponent_bits = _mm512_set1_epi64(2047);
    let e = _mm512_and_si512(_mm512_srli_epi64::<52>(bits), exponent_bits);
    let no_exponent = _mm512_testn_epi64_mask(e, e);
    let not_finite = _mm512_cmpeq_epi64_mask(e, exponent_bits);
    let significand = _mm512_test_epi64_mask(bits, _mm512_set1_epi64((1 << 52) - 1));
    let zero = no_exponent & !significand;

    // The product with the power of ten. Only the low 52 bits of a factor count, so that the bits of the float serve as
    // they are; the power is added for the implicit bit.
    let [p0, p1, p2] = window.rows(e, no_exponent | not_finite);
    let c0 = _mm512_madd52lo_epu64(_mm512_madd52hi_epu64(p0, p0, bits), p1, bits);
    let c1 = _mm512_madd52lo_epu64(_mm512_madd52hi_epu64(p1, p1, bits), p2, bits);
    let c2 = _mm512_madd52hi_epu64(p2, p2, bits);
    let carried = _mm512_add_epi64(c1, _mm512_srli_epi64::<52>(c0));
    let (high, low) = (_mm512_slli_epi64::<2>(c2), _mm512_srli_epi64::<50>(carried));
    let integral = _mm512_maskz_add_epi64(!zero, high, low);
    let fraction = _mm512_add_epi64(_mm512_slli_epi64::<14>(c1), _mm512_srli_epi64::<38>(c0));

    // Half of the distance between two floats, plus 1 if the significand is even.
    let half = _mm512_add_epi64(_mm512_slli_epi64::<13>(p2), _mm512_srli_epi64::<39>(p1));
    let half = _mm512_add_epi64(half, _mm512_andnot_si512(bits, one));
    let up = _mm512_cmplt_epu64_mask(_mm512_add_epi64(fraction, half), half) & !zero;
    let down = _mm512_cmpgt_epu64_mask(half, fraction);

    // For powers of two the next float below is nearer. An integral part without a fraction is exact.
    let inexact = _mm512_test_epi64_mask(fraction, fraction);
    let subnormal = no_exponent & significand;
    let least = _mm512_set1_epi64(411_649 - ((309 + F64.least) << 20));
    let class = _mm512_madd52lo_epu64(least, e, _mm512_set1_epi64(315_653));
    Significands {
        integral: _mm512_mask_add_epi64(integral, up, integral, one),
        last: f64_last_digit(fraction),
        has_last: !(up | down | zero),
        class: _mm512_srai_epi64::<20>(class),
        sign: _mm512_srli_epi64::<63>(bits),
        zero,
        slow: (!significand & !not_finite & !zero & inexact) | subnormal,
        not_finite,
        nan: not_finite & significand,
        negative: _mm512_movepi64_mask(bits),
    }
}

/// The 17th digit: 10 times the fraction, rounded as zmij does it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn f64_last_digit(fraction: __m512i) -> __m512i {
    // (10 fraction + 2^63 + 6) >> 64, in 64 bits: the four lowest bits of the fraction can only add a carry, which is
    // (5 x + 3) >> 4 for the value x of these bits.
    let carry: __m512i = must_cast([[0_u8, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]; 4]);
    let carry = _mm512_shuffle_epi8(carry, _mm512_and_si512(fraction, _mm512_set1_epi64(15)));
    let fraction_16 = _mm512_srli_epi64::<4>(fraction);
    let five = _mm512_add_epi64(fraction_16, _mm512_slli_epi64::<2>(fraction_16));
    let rounded = _mm512_add_epi64(carry, _mm512_set1_epi64(1 << 58));
    let digit = _mm512_srli_epi64::<59>(_mm512_add_epi64(five, rounded));
    // 2.5 is rounded to 2.
    let tie = _mm512_cmpeq_epi64_mask(fraction, _mm512_set1_epi64(1 << 62));
    _mm512_mask_set1_epi64(digit, tie, 2)
}

/// The algorithm of zmij; the bits of the floats are in the lower halves of the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn f32_significands(bits: __m512i, window: &mut Window<256>) -> Significands {
    let one = _mm512_set1_epi64(1);
    let exponent_bits = _mm512_set1_epi64(255);
    let implicit = _mm512_set1_epi64(1 << 23);
    let below = _mm512_set1_epi64((1 << 23) - 1);
    let e = _mm512_and_si512(_mm512_srli_epi64::<23>(bits), exponent_bits);
    let no_exponent = _mm512_testn_epi64_mask(e, e);
    let not_finite = _mm512_cmpeq_epi64_mask(e, exponent_bits);
    let significand = _mm512_test_epi64_mask(bits, below);
    let zero = no_exponent & !significand;
    let sign = _mm512_srli_epi64::<31>(bits);

    // The product with the power of ten, its point at bit 34.
    let [p0, p1, half] = window.rows(e, no_exponent | not_finite);
    let x = _mm512_or_si512(_mm512_and_si512(bits, below), implicit);
    let x = _mm512_slli_epi64::<28>(x);
    let none = _mm512_setzero_si512();
    let c0 = _mm512_madd52lo_epu64(_mm512_madd52hi_epu64(none, p0, x), p1, x);
    let c1 = _mm512_madd52hi_epu64(none, p1, x);
    let (high, low) = (_mm512_slli_epi64::<40>(c1), _mm512_srli_epi64::<12>(c0));
    let product = _mm512_maskz_add_epi64(!zero, high, low);
    let integral = _mm512_srli_epi64::<34>(product);
    let fraction = _mm512_and_si512(product, _mm512_set1_epi64((1 << 34) - 1));

    let half = _mm512_add_epi64(half, _mm512_andnot_si512(bits, one));
    let sum = _mm512_add_epi64(fraction, half);
    let up = _mm512_cmpge_epu64_mask(sum, _mm512_set1_epi64(1 << 34)) & !zero;
    let down = _mm512_cmpgt_epu64_mask(half, fraction);
    let integral = _mm512_mask_add_epi64(integral, up, integral, one);
    let has_last = !(up | down | zero);
    let ten = _mm512_set1_epi64(10);
    let rounded = _mm512_madd52lo_epu64(_mm512_set1_epi64(1 << 33), fraction, ten);
    let last = _mm512_srli_epi64::<34>(rounded);
    // 2.5 is rounded to 2.
    let tie = _mm512_cmpeq_epi64_mask(fraction, _mm512_set1_epi64(1 << 32));
    let last = _mm512_mask_set1_epi64(last, tie, 2);

    // An integral part of six digits takes the last one as its seventh.
    let short = _mm512_cmplt_epu64_mask(integral, _mm512_set1_epi64(1_000_000)) & !zero;
    let with_last = _mm512_maskz_mov_epi64(has_last, last);
    let with_last = _mm512_madd52lo_epu64(with_last, integral, ten);

    let inexact = _mm512_test_epi64_mask(fraction, fraction);
    let subnormal = no_exponent & significand;
    let least = 315_653 * 925 + 411_649 - ((317 + F32.least) << 20);
    let least = _mm512_set1_epi64(least);
    let class = _mm512_madd52lo_epu64(least, e, _mm512_set1_epi64(315_653));
    let class = _mm512_srai_epi64::<20>(class);
    Significands {
        integral: _mm512_mask_mov_epi64(integral, short, with_last),
        last,
        has_last: has_last & !short,
        class: _mm512_mask_sub_epi64(class, short, class, one),
        sign,
        zero,
        slow: (!significand & !not_finite & !zero & inexact) | subnormal,
        not_finite,
        nan: not_finite & significand,
        negative: _mm512_test_epi64_mask(sign, sign),
    }
}

impl Significands {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn digits(self, floats: &'static Floats, tail: __m512i) -> Eight {
        let one = _mm512_set1_epi64(1);
        let (tens, ones) = if floats.digits == 8 {
            eight_digits(self.integral)
        } else {
            sixteen_digits(self.integral)
        };
        let zeros = _mm512_srli_epi64::<2>(_mm512_lzcnt_epi64(nibbles(tens, ones)));
        let full = _mm512_set1_epi64(10_i64.pow(floats.digits as u32 - 1));
        let full = _mm512_cmpge_epu64_mask(self.integral, full);

        // Digits, less 1.
        let digits = floats.digits as i64;
        let count = _mm512_sub_epi64(_mm512_set1_epi64(digits - 2), zeros);
        let count = _mm512_mask_set1_epi64(count, self.has_last, digits - 1);
        let count = _mm512_mask_add_epi64(count, full, count, one);

        let class = _mm512_mask_add_epi64(self.class, full, self.class, one);
        let class = _mm512_mask_set1_epi64(class, self.zero, -floats.least);
        let most = _mm512_set1_epi64(floats.scientific() as i64);
        let scientific = _mm512_cmpge_epu64_mask(class, most);
        let form = _mm512_slli_epi64::<2>(_mm512_min_epu64(class, most));
        let form = _mm512_add_epi64(form, self.sign);
        let form = _mm512_mask_add_epi64(form, full, form, _mm512_set1_epi64(2));

        // Digits and a point, zeros before the digits, or zeros after them and one after the point.
        let before = _mm512_sub_epi64(_mm512_set1_epi64(2 - floats.least), class);
        let length = _mm512_add_epi64(count, _mm512_max_epi64(before, _mm512_set1_epi64(2)));
        let whole = _mm512_add_epi64(class, _mm512_set1_epi64(3 + floats.least));
        let length = _mm512_max_epi64(length, whole);
        // One digit has no point in scientific notation.
        let point = _mm512_test_epi64_mask(count, count);
        let length = _mm512_mask_add_epi64(length, scientific, count, one);
        let length = _mm512_mask_add_epi64(length, scientific & point, length, one);

        let exponent_zero = _mm512_set1_epi64(EXPONENT_ZERO + floats.least);
        Eight {
            tens: ascii(tens),
            ones: ascii(ones),
            tail: _mm512_mask_add_epi64(tail, self.has_last, tail, self.last),
            form,
            length: _mm512_add_epi64(length, self.sign),
            exponent: _mm512_add_epi64(class, exponent_zero),
            scientific: scientific & !self.slow & !self.not_finite,
            slow: self.slow,
            not_finite: self.not_finite,
            nan: self.nan,
            negative: self.negative,
        }
    }
}
