//! Rows of tables, looked up for eight values at once.

use core::arch::x86_64::*;

use bytemuck::must_cast;

use super::{Pair, both};
use crate::x86::tables::Table;

/// Rows of a table for 16 neighbouring exponents, in registers. Values that are near each other share a window; others
/// are looked up in the table, which takes longer.
pub(super) struct Window<const ROWS: usize> {
    table: &'static Table<ROWS>,
    /// The first exponent.
    first: __m512i,
    /// Three columns of the table, each for eight exponents and the eight that follow.
    columns: [Pair; 3],
    /// Vectors for which no window will be tried.
    pause: u32,
}

impl<const ROWS: usize> Window<ROWS> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    pub(super) fn new(table: &'static Table<ROWS>) -> Self {
        // No exponent is near this one.
        let none = _mm512_set1_epi64(1 << 32);
        Self { table, first: none, columns: [[none; 2]; 3], pause: 0 }
    }

    /// The rows for these exponents; any rows for the exponents that are masked by `unused`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    pub(super) fn rows(&mut self, e: Pair, unused: [u8; 2]) -> [Pair; 3] {
        if self.outside(e, unused) { self.leave(e, unused) } else { self.inside(e) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn inside(&self, e: Pair) -> [Pair; 3] {
        let offset = both!(i => _mm512_sub_epi64(e[i], self.first));
        let [a, b, c] = &self.columns;
        [
            both!(i => _mm512_permutex2var_epi64(a[0], offset[i], a[1])),
            both!(i => _mm512_permutex2var_epi64(b[0], offset[i], b[1])),
            both!(i => _mm512_permutex2var_epi64(c[0], offset[i], c[1])),
        ]
    }

    /// Whether an exponent is outside of the window.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn outside(&self, e: Pair, unused: [u8; 2]) -> bool {
        let width = _mm512_set1_epi64(16);
        let offset = both!(i => _mm512_sub_epi64(e[i], self.first));
        let outside = both!(i => _mm512_cmpge_epu64_mask(offset[i], width) & !unused[i]);
        outside[0] | outside[1] != 0
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn leave(&mut self, e: Pair, unused: [u8; 2]) -> [Pair; 3] {
        if self.pause == 0 {
            // Exponents below the largest one are the most likely ones.
            let most = both!(i => _mm512_mask_reduce_max_epu64(!unused[i], e[i]));
            let most = most[0].max(most[1]).clamp(13, ROWS as u64 - 3) - 13;
            self.first = _mm512_set1_epi64(most as i64);
            self.columns = self.table.columns.each_ref().map(|column| {
                let mut window = [0; 16];
                window.copy_from_slice(&column[most as usize..][..16]);
                must_cast(window)
            });
            if !self.outside(e, unused) {
                return self.inside(e);
            }
            // This window is of no use: the next vectors do without one.
            self.pause = 64;
        } else {
            self.pause -= 1;
        }
        let rows = both!(i => look_up(&self.table.rows, e[i]));
        [0, 1, 2].map(|column| both!(i => rows[i][column]))
    }
}

/// Three columns of the rows of the table.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
fn look_up<const ROWS: usize>(table: &[[u64; 4]; ROWS], e: __m512i) -> [__m512i; 3] {
    let e: [u64; 8] = must_cast(e);
    let row = |lane: usize| -> __m256i { must_cast(table[e[lane] as usize % ROWS]) };
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
