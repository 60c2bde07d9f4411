//! Rows of tables, looked up for eight values at once.

use core::arch::x86_64::*;

use bytemuck::must_cast;

/// Rows of a table for 16 neighbouring exponents, in registers. Values that are near each other share a window; others
/// are looked up in the table, which takes longer.
pub(super) struct Window<const ROWS: usize> {
    table: &'static [[u64; 4]; ROWS],
    /// The first exponent.
    first: __m512i,
    /// Three columns of the table, each for eight exponents and the eight that follow.
    columns: [[__m512i; 2]; 3],
    /// Vectors for which no window will be tried.
    pause: u32,
}

impl<const ROWS: usize> Window<ROWS> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    pub(super) fn new(table: &'static [[u64; 4]; ROWS]) -> Self {
        // No exponent is near this one.
        let none = _mm512_set1_epi64(1 << 32);
        Self { table, first: none, columns: [[none; 2]; 3], pause: 0 }
    }

    /// The rows for these exponents; any rows for the exponents that are masked by `unused`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    pub(super) fn rows(&mut self, e: __m512i, unused: u8) -> [__m512i; 3] {
        let offset = _mm512_sub_epi64(e, self.first);
        let outside = _mm512_cmpge_epu64_mask(offset, _mm512_set1_epi64(16)) & !unused;
        if outside != 0 {
            return self.leave(e, unused);
        }
        let [a, b, c] = &self.columns;
        [
            _mm512_permutex2var_epi64(a[0], offset, a[1]),
            _mm512_permutex2var_epi64(b[0], offset, b[1]),
            _mm512_permutex2var_epi64(c[0], offset, c[1]),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512ifma,avx512vbmi,avx512vl")]
    fn leave(&mut self, e: __m512i, unused: u8) -> [__m512i; 3] {
        if self.pause == 0 {
            // Exponents below the largest one are the most likely ones.
            let most = _mm512_mask_reduce_max_epu64(!unused, e).clamp(13, ROWS as u64 - 3) - 13;
            let first = _mm512_set1_epi64(most as i64);
            let eight = _mm512_add_epi64(first, _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
            let low = look_up(self.table, eight);
            let high = look_up(self.table, _mm512_add_epi64(eight, _mm512_set1_epi64(8)));
            self.first = first;
            self.columns = [[low[0], high[0]], [low[1], high[1]], [low[2], high[2]]];
            // If this window is of no use, the next vectors do without one.
            let offset = _mm512_sub_epi64(e, self.first);
            let outside = _mm512_cmpge_epu64_mask(offset, _mm512_set1_epi64(16)) & !unused;
            if outside != 0 {
                self.pause = 64;
            }
        } else {
            self.pause -= 1;
        }
        look_up(self.table, e)
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
