//! Base64 with AVX-512: 48 bytes at a time.

use fearless_simd::Level;

/// Bytes per step; the text has a third more.
const STEP: usize = 48;

/// Encodes the longest prefix of whole steps for which the processor has instructions; returns
/// the number of its bytes.
pub(super) fn encode_prefix(level: Level, bytes: &[u8], text: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = level.as_avx512() {
        return encode_with(avx512, bytes, text);
    }
    0
}

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel!(
    fn encode_with(avx512: Avx512, bytes: &[u8], text: &mut [u8]) -> usize {
        use std::arch::x86_64::{
            __m512i, _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8, _mm512_set1_epi64,
        };

        use fearless_simd::prelude::*;
        use fearless_simd::u8x64;

        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let alphabet: __m512i = u8x64::simd_from(avx512, *ALPHABET).into();
        // Bytes a, b and c become a word of b, a, c and b: every six bits of the group are then
        // next to each other.
        let order: [u8; 64] =
            std::array::from_fn(|place| (place / 4 * 3) as u8 + [1, 0, 2, 1][place % 4]);
        let order: __m512i = u8x64::simd_from(avx512, order).into();
        // The lowest of the six bits in the low and in the high word of eight bytes.
        let shifts = _mm512_set1_epi64(i64::from_le_bytes([10, 4, 22, 16, 42, 36, 54, 48]));
        let (texts, _) = text.as_chunks_mut::<64>();
        let mut done = 0;
        for text in texts {
            // Only 48 of these bytes are used.
            let Some(bytes) = bytes[done..].first_chunk::<64>() else { break };
            let groups = _mm512_permutexvar_epi8(order, u8x64::simd_from(avx512, *bytes).into());
            let sixes = _mm512_multishift_epi64_epi8(shifts, groups);
            // The permutation ignores the two highest bits of every position.
            let characters = _mm512_permutexvar_epi8(sixes, alphabet);
            *text = u8x64::simd_from(avx512, characters).into();
            done += STEP;
        }
        done
    }
);
