//! Columns of f64.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::forms::{self, tail};
use super::{Eight, ascii, digits, nibbles, write};
use crate::cells::Cells;
use crate::values::Values;
use crate::words::ShortWords;
use crate::x86::layout;
use crate::x86::tables::{self, EXPONENT_ZERO};

const SIGNIFICAND: i64 = (1 << 52) - 1;

/// Writes the text of each value; returns the end of the last one.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
pub(crate) fn f64s<const ROWS: bool>(
    values: Values<'_, f64>,
    words: &ShortWords<'_>,
    cells: Cells<'_>,
) -> usize {
    let tail = _mm512_set1_epi64(tail(words.lead_byte()));
    let mut window = Window::new();
    write::<f64, ROWS>(values, words, &forms::F64, cells, |values| {
        eight(must_cast(*values), tail, &mut window)
    })
}

/// The digits of eight values; the algorithm is that of zmij.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn eight(bits: __m512i, tail: __m512i, window: &mut Window) -> Eight {
    let one = _mm512_set1_epi64(1);
    let exponent_bits = _mm512_set1_epi64(2047);
    let e = _mm512_and_si512(_mm512_srli_epi64::<52>(bits), exponent_bits);
    let no_exponent = _mm512_testn_epi64_mask(e, e);
    let not_finite = _mm512_cmpeq_epi64_mask(e, exponent_bits);
    let significand = _mm512_test_epi64_mask(bits, _mm512_set1_epi64(SIGNIFICAND));
    let zero = no_exponent & !significand;
    let negative = _mm512_movepi64_mask(bits);

    // The product with the power of ten. Only the low 52 bits of a factor count, so that the bits of the float serve as
    // they are; the power is added for the implicit bit.
    let [p0, p1, p2] = window.powers(e, no_exponent | not_finite);
    let c0 = _mm512_madd52lo_epu64(_mm512_madd52hi_epu64(p0, p0, bits), p1, bits);
    let c1 = _mm512_madd52lo_epu64(_mm512_madd52hi_epu64(p1, p1, bits), p2, bits);
    let c2 = _mm512_madd52hi_epu64(p2, p2, bits);
    let carried = _mm512_add_epi64(c1, _mm512_srli_epi64::<52>(c0));
    let integral =
        _mm512_maskz_add_epi64(!zero, _mm512_slli_epi64::<2>(c2), _mm512_srli_epi64::<50>(carried));
    let fraction = _mm512_add_epi64(_mm512_slli_epi64::<14>(c1), _mm512_srli_epi64::<38>(c0));

    // Half of the distance between two floats, plus 1 if the significand is even.
    let half = _mm512_add_epi64(_mm512_slli_epi64::<13>(p2), _mm512_srli_epi64::<39>(p1));
    let half = _mm512_add_epi64(half, _mm512_andnot_si512(bits, one));
    let up = _mm512_cmplt_epu64_mask(_mm512_add_epi64(fraction, half), half);
    let down = _mm512_cmpgt_epu64_mask(half, fraction);
    let integral = _mm512_mask_add_epi64(integral, up, integral, one);
    let has_last = !(up | down | zero);

    // Powers of two have a smaller distance to the next float below. An integral part without a fraction is exact.
    let inexact = _mm512_test_epi64_mask(fraction, fraction);
    let subnormal = no_exponent & significand;
    let slow = (!significand & !not_finite & !zero & inexact) | subnormal;

    let (tens, ones) = digits(integral);
    let zeros = _mm512_srli_epi64::<2>(_mm512_lzcnt_epi64(nibbles(tens, ones)));
    let tail = _mm512_mask_add_epi64(tail, has_last, tail, last_digit(fraction));

    // Digits of the significand, less 1.
    let full = _mm512_cmpge_epu64_mask(integral, _mm512_set1_epi64(1_000_000_000_000_000));
    let count = _mm512_sub_epi64(_mm512_set1_epi64(14), zeros);
    let count = _mm512_mask_set1_epi64(count, has_last, 15);
    let count = _mm512_mask_add_epi64(count, full, count, one);

    // The decimal exponent, plus 5.
    const LEAST: i64 = layout::F64.least;
    let least = _mm512_set1_epi64(411_649 - ((309 + LEAST) << 20));
    let class = _mm512_madd52lo_epu64(least, e, _mm512_set1_epi64(315_653));
    let class = _mm512_srai_epi64::<20>(class);
    let class = _mm512_mask_add_epi64(class, full, class, one);
    let class = _mm512_mask_set1_epi64(class, zero, -LEAST);
    let most = _mm512_set1_epi64(layout::F64.scientific() as i64);
    let scientific = _mm512_cmpge_epu64_mask(class, most);

    let sign = _mm512_srli_epi64::<63>(bits);
    let form = _mm512_slli_epi64::<2>(_mm512_min_epu64(class, most));
    let form = _mm512_add_epi64(form, sign);
    let form = _mm512_mask_add_epi64(form, full, form, _mm512_set1_epi64(2));

    // Digits and a point, zeros before the digits, or zeros after them and one after the point.
    let small = _mm512_sub_epi64(_mm512_set1_epi64(2 - LEAST), class);
    let small = _mm512_add_epi64(count, _mm512_max_epi64(small, _mm512_set1_epi64(2)));
    let length = _mm512_max_epi64(small, _mm512_add_epi64(class, _mm512_set1_epi64(3 + LEAST)));
    // One digit has no point in scientific notation.
    let point = _mm512_test_epi64_mask(count, count);
    let length = _mm512_mask_add_epi64(length, scientific, count, one);
    let length = _mm512_mask_add_epi64(length, scientific & point, length, one);
    let length = _mm512_add_epi64(length, sign);

    let exponent = _mm512_add_epi64(class, _mm512_set1_epi64(EXPONENT_ZERO + LEAST));
    Eight {
        tens: ascii(tens),
        ones: ascii(ones),
        tail,
        form,
        length,
        exponent,
        scientific: scientific & !slow & !not_finite,
        slow,
        not_finite,
        nan: not_finite & significand,
        negative,
    }
}

/// The 17th digit: 10 times the fraction, rounded as zmij does it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn last_digit(fraction: __m512i) -> __m512i {
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

/// The powers of ten for 16 neighbouring exponents, in registers. Values that are near each other share a window; others
/// are looked up in the table, which takes longer.
struct Window {
    /// The first exponent.
    first: __m512i,
    /// Three limbs, each for eight exponents and the eight that follow.
    limbs: [[__m512i; 2]; 3],
    /// Vectors for which no window will be tried.
    pause: u32,
}

impl Window {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn new() -> Self {
        // No exponent is near this one.
        let none = _mm512_set1_epi64(1 << 32);
        Self { first: none, limbs: [[none; 2]; 3], pause: 0 }
    }

    /// The limbs for these exponents; any limbs for the exponents that are masked by `unused`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn powers(&mut self, e: __m512i, unused: u8) -> [__m512i; 3] {
        let offset = _mm512_sub_epi64(e, self.first);
        let outside = _mm512_cmpge_epu64_mask(offset, _mm512_set1_epi64(16)) & !unused;
        if outside != 0 {
            return self.look_up(e, unused);
        }
        let [p0, p1, p2] = &self.limbs;
        [
            _mm512_permutex2var_epi64(p0[0], offset, p0[1]),
            _mm512_permutex2var_epi64(p1[0], offset, p1[1]),
            _mm512_permutex2var_epi64(p2[0], offset, p2[1]),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn look_up(&mut self, e: __m512i, unused: u8) -> [__m512i; 3] {
        if self.pause == 0 {
            // Exponents below the largest one are the most likely ones.
            let most = _mm512_mask_reduce_max_epu64(!unused, e).clamp(13, 2045) - 13;
            let first = _mm512_set1_epi64(most as i64);
            let eight = _mm512_add_epi64(first, _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
            let low = rows(eight);
            let high = rows(_mm512_add_epi64(eight, _mm512_set1_epi64(8)));
            self.first = first;
            self.limbs = [[low[0], high[0]], [low[1], high[1]], [low[2], high[2]]];
            // If this window is of no use, the next vectors do without one.
            let offset = _mm512_sub_epi64(e, self.first);
            let outside = _mm512_cmpge_epu64_mask(offset, _mm512_set1_epi64(16)) & !unused;
            if outside != 0 {
                self.pause = 64;
            }
        } else {
            self.pause -= 1;
        }
        rows(e)
    }
}

/// Three columns of the rows of the table.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn rows(e: __m512i) -> [__m512i; 3] {
    let e: [u64; 8] = must_cast(e);
    let row = |lane: usize| -> __m256i { must_cast(tables::F64[(e[lane] & 2047) as usize]) };
    let two = |low: usize, high: usize| {
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(row(low)), row(high))
    };
    // Each register holds two rows; after the unpacking, columns 0 and 2, or 1 and 3, of four rows.
    let (a, b, c, d) = (two(0, 4), two(1, 5), two(2, 6), two(3, 7));
    let (ab0, ab1) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (cd0, cd1) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let low: __m512i = must_cast([0_u64, 1, 8, 9, 4, 5, 12, 13]);
    let high: __m512i = must_cast([2_u64, 3, 10, 11, 6, 7, 14, 15]);
    [
        _mm512_permutex2var_epi64(ab0, low, cd0),
        _mm512_permutex2var_epi64(ab1, low, cd1),
        _mm512_permutex2var_epi64(ab0, high, cd0),
    ]
}
