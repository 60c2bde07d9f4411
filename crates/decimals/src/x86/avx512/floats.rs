//! Columns of floats.

use core::arch::x86_64::*;
use core::hint::black_box;

use bytemuck::must_cast;

use super::digits::{ascii, eight_digits, nibbles, sixteen_digits};
use super::forms::{self, tail};
use super::window::Window;
use super::{Pair, Sixteen, both, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;
use crate::x86::layout::{F32, F64, Floats};
use crate::x86::tables::{self, EXPONENT_ZERO};

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(crate) fn f64s(values: Values<'_, f64>, words: &ShortWords<'_>, cells: Cells<'_>) -> usize {
    let tail = _mm512_set1_epi64(tail(words.lead_byte()));
    // If the compiler knew this number, it would make two instructions of an addition with a mask.
    let one = must_cast(black_box([1_u64; 8]));
    let mut window = Window::new(&tables::F64);
    write(values, words, &forms::F64, cells, |values| {
        f64_significands(must_cast(*values), one, &mut window).digits::<64>(&F64, tail, one)
    })
}

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(crate) fn f32s(values: Values<'_, f32>, words: &ShortWords<'_>, cells: Cells<'_>) -> usize {
    let tail = _mm512_set1_epi64(tail(words.lead_byte()));
    // If the compiler knew this number, it would make two instructions of an addition with a mask.
    let one = must_cast(black_box([1_u64; 8]));
    let mut window = Window::new(&tables::F32);
    write(values, words, &forms::F32, cells, |values| {
        let bits: [__m256i; 2] = must_cast(*values);
        let bits = both!(i => _mm512_cvtepu32_epi64(bits[i]));
        f32_significands(bits, one, &mut window).digits::<32>(&F32, tail, one)
    })
}

/// The significands of sixteen values: all of their digits but the last one, and the last one.
struct Significands {
    integral: Pair,
    last: Pair,
    /// Which values have the last digit.
    has_last: [u8; 2],
    /// The decimal exponents minus the least one that is written out, if the first digit is 0; 1 less if it is not.
    class: Pair,
    /// 1 for negative values, 0 for others.
    sign: Pair,
    not_zero: [u8; 2],
    slow: [u8; 2],
    not_finite: [u8; 2],
    nan: [u8; 2],
    negative: [u8; 2],
}

/// The algorithm of zmij.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn f64_significands(bits: Pair, one: __m512i, window: &mut Window<2048>) -> Significands {
    let exponent_bits = _mm512_set1_epi64(2047);
    let e = both!(i => _mm512_and_si512(_mm512_srli_epi64::<52>(bits[i]), exponent_bits));
    let no_exponent = both!(i => _mm512_testn_epi64_mask(e[i], e[i]));
    let not_finite = both!(i => _mm512_cmpeq_epi64_mask(e[i], exponent_bits));
    let below = _mm512_set1_epi64((1 << 52) - 1);
    let significand = both!(i => _mm512_test_epi64_mask(bits[i], below));
    let not_zero = both!(i => _mm512_test_epi64_mask(bits[i], _mm512_set1_epi64(i64::MAX)));

    // The product with the power of ten. Only the low 52 bits of a factor count, so that the bits of the float serve as
    // they are; the power is added for the implicit bit.
    let [p0, p1, p2] = window.rows(e, both!(i => no_exponent[i] | not_finite[i]));
    let c0 = both!(i => _mm512_madd52hi_epu64(p0[i], p0[i], bits[i]));
    let c1 = both!(i => _mm512_madd52hi_epu64(p1[i], p1[i], bits[i]));
    let c2 = both!(i => _mm512_madd52hi_epu64(p2[i], p2[i], bits[i]));
    let c0 = both!(i => _mm512_madd52lo_epu64(c0[i], p1[i], bits[i]));
    let c1 = both!(i => _mm512_madd52lo_epu64(c1[i], p2[i], bits[i]));
    let fraction = both!(i => {
        _mm512_add_epi64(_mm512_slli_epi64::<14>(c1[i]), _mm512_srli_epi64::<38>(c0[i]))
    });
    let carried = both!(i => _mm512_add_epi64(c1[i], _mm512_srli_epi64::<52>(c0[i])));
    let integral = both!(i => {
        let (high, low) = (_mm512_slli_epi64::<2>(c2[i]), _mm512_srli_epi64::<50>(carried[i]));
        _mm512_maskz_add_epi64(not_zero[i], high, low)
    });

    // Half of the distance between two floats, plus 1 if the significand is even.
    let half = both!(i => {
        _mm512_add_epi64(_mm512_slli_epi64::<13>(p2[i]), _mm512_srli_epi64::<39>(p1[i]))
    });
    let half = both!(i => _mm512_add_epi64(half[i], _mm512_andnot_si512(bits[i], one)));
    let sum = both!(i => _mm512_add_epi64(fraction[i], half[i]));
    let up = both!(i => _mm512_mask_cmplt_epu64_mask(not_zero[i], sum[i], half[i]));
    let not_down = both!(i => _mm512_mask_cmpge_epu64_mask(not_zero[i], fraction[i], half[i]));
    let has_last = both!(i => _mm512_mask_cmpge_epu64_mask(not_down[i], sum[i], half[i]));
    let integral = both!(i => _mm512_mask_add_epi64(integral[i], up[i], integral[i], one));

    let least = _mm512_set1_epi64(411_649 - ((309 + F64.least) << 20));
    let class = both!(i => _mm512_madd52lo_epu64(least, e[i], _mm512_set1_epi64(315_653)));
    // For powers of two the next float below is nearer. An integral part without a fraction is exact.
    let inexact = both!(i => _mm512_test_epi64_mask(fraction[i], fraction[i]));
    Significands {
        integral,
        last: f64_last_digit(fraction),
        has_last,
        class: both!(i => _mm512_srai_epi64::<20>(class[i])),
        sign: both!(i => _mm512_srli_epi64::<63>(bits[i])),
        not_zero,
        slow: both!(i => {
            let power_of_two = !significand[i] & !not_finite[i] & not_zero[i];
            (power_of_two & inexact[i]) | (no_exponent[i] & significand[i])
        }),
        not_finite,
        nan: both!(i => not_finite[i] & significand[i]),
        negative: both!(i => _mm512_movepi64_mask(bits[i])),
    }
}

/// The 17th digit: 10 times the fraction, rounded as zmij does it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn f64_last_digit(fraction: Pair) -> Pair {
    // (10 fraction + 2^63 + 6) >> 64, in 64 bits: the four lowest bits of the fraction can only add a carry, which is
    // (5 x + 3) >> 4 for the value x of these bits.
    let carries: __m512i = must_cast([[0_u8, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]; 4]);
    let carry = both!(i => {
        let bits = _mm512_and_si512(fraction[i], _mm512_set1_epi64(15));
        _mm512_shuffle_epi8(carries, bits)
    });
    let sixteenth = both!(i => _mm512_srli_epi64::<4>(fraction[i]));
    let five = both!(i => {
        _mm512_add_epi64(sixteenth[i], _mm512_slli_epi64::<2>(sixteenth[i]))
    });
    let half = _mm512_set1_epi64(1 << 58);
    let rounded = both!(i => _mm512_add_epi64(five[i], _mm512_add_epi64(carry[i], half)));
    let digit = both!(i => _mm512_srli_epi64::<59>(rounded[i]));
    // 2.5 is rounded to 2.
    let tie = _mm512_set1_epi64(1 << 62);
    let tie = both!(i => _mm512_cmpeq_epi64_mask(fraction[i], tie));
    both!(i => _mm512_mask_set1_epi64(digit[i], tie[i], 2))
}

/// The algorithm of zmij; the bits of the floats are in the lower halves of the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn f32_significands(bits: Pair, one: __m512i, window: &mut Window<256>) -> Significands {
    let exponent_bits = _mm512_set1_epi64(255);
    let implicit = _mm512_set1_epi64(1 << 23);
    let below = _mm512_set1_epi64((1 << 23) - 1);
    let all = _mm512_set1_epi64(i64::from(i32::MAX));
    let e = both!(i => _mm512_and_si512(_mm512_srli_epi64::<23>(bits[i]), exponent_bits));
    let no_exponent = both!(i => _mm512_testn_epi64_mask(e[i], e[i]));
    let not_finite = both!(i => _mm512_cmpeq_epi64_mask(e[i], exponent_bits));
    let significand = both!(i => _mm512_test_epi64_mask(bits[i], below));
    let not_zero = both!(i => _mm512_test_epi64_mask(bits[i], all));
    let sign = both!(i => _mm512_srli_epi64::<31>(bits[i]));

    // The product with the power of ten, its point at bit 34.
    let [p0, p1, half] = window.rows(e, both!(i => no_exponent[i] | not_finite[i]));
    let x = both!(i => _mm512_or_si512(_mm512_and_si512(bits[i], below), implicit));
    let x = both!(i => _mm512_slli_epi64::<28>(x[i]));
    let none = _mm512_setzero_si512();
    let c0 = both!(i => _mm512_madd52hi_epu64(none, p0[i], x[i]));
    let c1 = both!(i => _mm512_madd52hi_epu64(none, p1[i], x[i]));
    let c0 = both!(i => _mm512_madd52lo_epu64(c0[i], p1[i], x[i]));
    let product = both!(i => {
        let (high, low) = (_mm512_slli_epi64::<40>(c1[i]), _mm512_srli_epi64::<12>(c0[i]));
        _mm512_maskz_add_epi64(not_zero[i], high, low)
    });
    let integral = both!(i => _mm512_srli_epi64::<34>(product[i]));
    let point = _mm512_set1_epi64((1 << 34) - 1);
    let fraction = both!(i => _mm512_and_si512(product[i], point));

    let half = both!(i => _mm512_add_epi64(half[i], _mm512_andnot_si512(bits[i], one)));
    let sum = both!(i => _mm512_add_epi64(fraction[i], half[i]));
    let up = both!(i => _mm512_mask_cmpgt_epu64_mask(not_zero[i], sum[i], point));
    let not_down = both!(i => _mm512_mask_cmpge_epu64_mask(not_zero[i], fraction[i], half[i]));
    let has_last = both!(i => _mm512_mask_cmple_epu64_mask(not_down[i], sum[i], point));
    let integral = both!(i => _mm512_mask_add_epi64(integral[i], up[i], integral[i], one));
    let ten = _mm512_set1_epi64(10);
    let half = _mm512_set1_epi64(1 << 33);
    let last = both!(i => {
        _mm512_srli_epi64::<34>(_mm512_madd52lo_epu64(half, fraction[i], ten))
    });
    // 2.5 is rounded to 2.
    let tie = _mm512_set1_epi64(1 << 32);
    let tie = both!(i => _mm512_cmpeq_epi64_mask(fraction[i], tie));
    let last = both!(i => _mm512_mask_set1_epi64(last[i], tie[i], 2));

    // An integral part of six digits takes the last one as its seventh.
    let million = _mm512_set1_epi64(1_000_000);
    let short = both!(i => _mm512_mask_cmplt_epu64_mask(not_zero[i], integral[i], million));
    let with_last = both!(i => _mm512_maskz_mov_epi64(has_last[i], last[i]));
    let with_last = both!(i => _mm512_madd52lo_epu64(with_last[i], integral[i], ten));

    let least = _mm512_set1_epi64(315_653 * 925 + 411_649 - ((317 + F32.least) << 20));
    let class = both!(i => _mm512_madd52lo_epu64(least, e[i], _mm512_set1_epi64(315_653)));
    let class = both!(i => _mm512_srai_epi64::<20>(class[i]));
    let inexact = both!(i => _mm512_test_epi64_mask(fraction[i], fraction[i]));
    Significands {
        integral: both!(i => _mm512_mask_mov_epi64(integral[i], short[i], with_last[i])),
        last,
        has_last: both!(i => has_last[i] & !short[i]),
        class: both!(i => _mm512_mask_sub_epi64(class[i], short[i], class[i], one)),
        sign,
        not_zero,
        slow: both!(i => {
            let power_of_two = !significand[i] & !not_finite[i] & not_zero[i];
            (power_of_two & inexact[i]) | (no_exponent[i] & significand[i])
        }),
        not_finite,
        nan: both!(i => not_finite[i] & significand[i]),
        negative: both!(i => _mm512_test_epi64_mask(sign[i], sign[i])),
    }
}

impl Significands {
    /// The digits, and the forms of the texts. `BITS` are those of a float: each type gets its own copy of this
    /// function, which is inlined because it is called once.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn digits<const BITS: u32>(
        self,
        floats: &'static Floats,
        tail: __m512i,
        one: __m512i,
    ) -> Sixteen {
        let (has_last, sign) = (self.has_last, self.sign);
        let digits = floats.digits as i64;
        let full = _mm512_set1_epi64(10_i64.pow(floats.digits as u32 - 1));
        let full = both!(i => _mm512_cmpge_epu64_mask(self.integral[i], full));
        let class = both!(i => {
            _mm512_mask_add_epi64(self.class[i], full[i], self.class[i], one)
        });
        let zero = _mm512_set1_epi64(-floats.least);
        let class = both!(i => _mm512_mask_mov_epi64(zero, self.not_zero[i], class[i]));
        let most = _mm512_set1_epi64(floats.scientific() as i64);
        let scientific = both!(i => _mm512_cmpge_epu64_mask(class[i], most));
        let form = both!(i => _mm512_slli_epi64::<2>(_mm512_min_epu64(class[i], most)));
        let form = both!(i => _mm512_add_epi64(form[i], sign[i]));
        let two = _mm512_set1_epi64(2);
        let form = both!(i => _mm512_mask_add_epi64(form[i], full[i], form[i], two));

        let (tens, ones) = if floats.digits == 8 {
            eight_digits(self.integral)
        } else {
            sixteen_digits(self.integral)
        };
        let nibbles = nibbles(tens, ones);
        let zeros = both!(i => _mm512_srli_epi64::<2>(_mm512_lzcnt_epi64(nibbles[i])));

        // Digits, less 1.
        let count = both!(i => _mm512_sub_epi64(_mm512_set1_epi64(digits - 2), zeros[i]));
        let count = both!(i => _mm512_mask_set1_epi64(count[i], has_last[i], digits - 1));
        let count = both!(i => _mm512_mask_add_epi64(count[i], full[i], count[i], one));

        // Digits and a point, zeros before the digits, or zeros after them and one after the point.
        let before = _mm512_set1_epi64(2 - floats.least);
        let before = both!(i => _mm512_max_epi64(_mm512_sub_epi64(before, class[i]), two));
        let length = both!(i => _mm512_add_epi64(count[i], before[i]));
        let whole = _mm512_set1_epi64(3 + floats.least);
        let whole = both!(i => _mm512_add_epi64(class[i], whole));
        let length = both!(i => _mm512_max_epi64(length[i], whole[i]));
        // One digit has no point in scientific notation.
        let point = both!(i => _mm512_mask_test_epi64_mask(scientific[i], count[i], count[i]));
        let length = both!(i => _mm512_mask_add_epi64(length[i], scientific[i], count[i], one));
        let length = both!(i => _mm512_mask_add_epi64(length[i], point[i], length[i], one));

        let exponent_zero = _mm512_set1_epi64(EXPONENT_ZERO + floats.least);
        Sixteen {
            tens: ascii(tens),
            ones: ascii(ones),
            tail: both!(i => _mm512_mask_add_epi64(tail, has_last[i], tail, self.last[i])),
            form,
            length: both!(i => _mm512_add_epi64(length[i], sign[i])),
            exponent: both!(i => _mm512_add_epi64(class[i], exponent_zero)),
            scientific: both!(i => scientific[i] & !self.slow[i] & !self.not_finite[i]),
            slow: self.slow,
            not_finite: self.not_finite,
            nan: self.nan,
            negative: self.negative,
        }
    }
}
