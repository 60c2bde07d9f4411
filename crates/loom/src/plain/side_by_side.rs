//! Puts the values of valid cells side by side.
//!
//! A branch per value would often be mispredicted, so no code here has one. With AVX2, four or eight values are moved
//! at a time, by the order that a table has for their bits. Otherwise every value is written to the next place, valid
//! or not, and a value that is not valid is overwritten by the next.

use arrow_buffer::bit_chunk_iterator::BitChunks;
use fearless_simd::Level;

/// Rows per word of a bitmap.
const WORD: usize = 64;

/// Puts the valid values side by side, and returns their number. `to` has room for all values.
pub(super) fn side_by_side<N: Copy + Into<T>, T>(
    from: &[N],
    valid: &BitChunks<'_>,
    to: &mut [T],
) -> usize {
    let mut count = 0;
    let (blocks, rest) = from.as_chunks::<WORD>();
    for (block, word) in blocks.iter().zip(valid.iter()) {
        let Some(to) = to[count..].first_chunk_mut::<WORD>() else { return count };
        count += match word {
            u64::MAX => copy(block, to),
            0 => 0,
            word => {
                let mut put = 0;
                for (bit, value) in block.iter().enumerate() {
                    // `put` is at most `bit`; the mask tells the compiler so.
                    to[put & (WORD - 1)] = (*value).into();
                    put += ((word >> bit) & 1) as usize;
                }
                put
            }
        };
    }
    count + put_rest(rest, valid, &mut to[count..])
}

/// The same for values of eight bytes.
pub(super) fn side_by_side_64(
    level: Level,
    from: &[u64],
    valid: &BitChunks<'_>,
    to: &mut [u64],
) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = level.as_avx2() {
        let (blocks, rest) = from.as_chunks();
        let count = put_blocks_64(avx2, blocks, valid, to);
        return count + put_rest(rest, valid, &mut to[count..]);
    }
    let _ = level;
    side_by_side(from, valid, to)
}

/// The same for values of four bytes.
pub(super) fn side_by_side_32(
    level: Level,
    from: &[u32],
    valid: &BitChunks<'_>,
    to: &mut [u32],
) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = level.as_avx2() {
        let (blocks, rest) = from.as_chunks();
        let count = put_blocks_32(avx2, blocks, valid, to);
        return count + put_rest(rest, valid, &mut to[count..]);
    }
    let _ = level;
    side_by_side(from, valid, to)
}

/// The values after the last whole word.
fn put_rest<N: Copy + Into<T>, T>(rest: &[N], valid: &BitChunks<'_>, to: &mut [T]) -> usize {
    let (word, mut count) = (valid.remainder_bits(), 0);
    for (bit, value) in rest.iter().enumerate() {
        to[count] = (*value).into();
        count += ((word >> bit) & 1) as usize;
    }
    count
}

pub(super) fn copy<N: Copy + Into<T>, T>(from: &[N], to: &mut [T]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = (*from).into();
    }
    from.len()
}

/// Puts the valid values of whole words side by side, a register of `$lanes` values at a time. The bits of those say
/// which row of `$orders` moves the valid ones to the front.
#[cfg(target_arch = "x86_64")]
macro_rules! put_blocks {
    ($name:ident, $value:ty, $vector:ident, $lanes:literal, $orders:ident) => {
        fearless_simd::kernel!(
            fn $name(
                avx2: Avx2,
                blocks: &[[$value; WORD]],
                valid: &BitChunks<'_>,
                to: &mut [$value],
            ) -> usize {
                use std::arch::x86_64::{__m256i, _mm256_permutevar8x32_epi32};

                use fearless_simd::prelude::*;
                use fearless_simd::{u32x8 as Order, $vector};

                let mut count = 0;
                for (block, word) in blocks.iter().zip(valid.iter()) {
                    let Some(to) = to[count..].first_chunk_mut::<WORD>() else { return count };
                    if word == u64::MAX {
                        *to = *block;
                        count += WORD;
                        continue;
                    }
                    let mut put = 0;
                    for (index, values) in block.as_chunks::<$lanes>().0.iter().enumerate() {
                        let bits = (word >> ($lanes * index)) as usize & ((1 << $lanes) - 1);
                        let order: __m256i = Order::simd_from(avx2, $orders[bits]).into();
                        let values: __m256i = $vector::simd_from(avx2, *values).into();
                        let values = _mm256_permutevar8x32_epi32(values, order);
                        // There is always room: fewer values were put than seen.
                        if let Some(place) = to[put & (WORD - 1)..].first_chunk_mut() {
                            *place = $vector::simd_from(avx2, values).into();
                        }
                        put += bits.count_ones() as usize;
                    }
                    count += put;
                }
                count
            }
        );
    };
}

#[cfg(target_arch = "x86_64")]
put_blocks!(put_blocks_64, u64, u64x4, 4, FOURS);
#[cfg(target_arch = "x86_64")]
put_blocks!(put_blocks_32, u32, u32x8, 8, EIGHTS);

/// For the bits of eight values, the positions of those that are set.
static EIGHTS: [[u32; 8]; 256] = orders::<256>(1);

/// For the bits of four values of twice the width, the positions of the halves of those that are set.
static FOURS: [[u32; 8]; 16] = orders::<16>(2);

const fn orders<const BITS: usize>(halves: usize) -> [[u32; 8]; BITS] {
    let mut orders = [[0; 8]; BITS];
    let mut bits = 0;
    while bits < BITS {
        let (mut from, mut to) = (0, 0);
        while from < 8 {
            if bits >> (from / halves) & 1 == 1 {
                orders[bits][to] = from as u32;
                to += 1;
            }
            from += 1;
        }
        bits += 1;
    }
    orders
}

#[cfg(test)]
mod tests {
    use arrow_buffer::BooleanBuffer;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn only_valid_values_are_kept(
            valid in prop::collection::vec(prop::bool::weighted(0.9), 0..300),
            first in 0_usize..70,
            none in prop::collection::vec(0_usize..300, 0..3),
        ) {
            let mut valid = valid;
            // Words without a valid value.
            for start in none {
                valid.iter_mut().skip(start).take(130).for_each(|valid| *valid = false);
            }
            let first = first.min(valid.len());
            let rows = valid.len() - first;
            let buffer = BooleanBuffer::from(valid.as_slice());
            let bits = BitChunks::new(buffer.values(), first, rows);
            let values: Vec<u32> = (0..rows as u32).map(|row| row << 8 | 7).collect();
            let kept = values.iter().zip(&valid[first..]).filter(|(_, valid)| **valid);
            let kept: Vec<u32> = kept.map(|(value, _)| *value).collect();

            for level in [Level::new(), Level::baseline()] {
                let mut to = vec![0_u32; rows];
                let count = side_by_side_32(level, &values, &bits, &mut to);
                prop_assert_eq!(&to[..count], &kept);

                let wide = |values: &[u32]| -> Vec<u64> {
                    values.iter().map(|value| u64::from(*value) << 32 | 5).collect()
                };
                let mut to = vec![0_u64; rows];
                let count = side_by_side_64(level, &wide(&values), &bits, &mut to);
                prop_assert_eq!(&to[..count], &wide(&kept));
            }
        }
    }
}
