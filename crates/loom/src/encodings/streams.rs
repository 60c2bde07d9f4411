//! Estimates the size of values with BYTE_STREAM_SPLIT in large pages.
//!
//! A page has one stream for the first byte of all values, then one for the second, and so on. In a page of 20,000
//! values or more, a codec handles most streams separately: codecs with Huffman codes make one code for about 128 KiB,
//! and codecs that only replace repetitions find them within 64 KiB. In a sample, all streams share one code, and they
//! are too short for repetitions. The size of a large page is therefore estimated stream by stream.

use arrow_array::{Array, ArrayRef};
use parquet::basic::Compression;

use super::distinct::values_of;

/// The smallest number of values in a page for which codecs handle most streams separately.
const LONG_STREAM: usize = 16_000;

/// A stream with a higher entropy, in bits per byte, has hardly any repetitions of four bytes, the shortest that codecs
/// replace.
const REPEATING: f64 = 5.0;

/// How a codec makes streams smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// By repetitions and Huffman codes.
    Codes,
    /// By repetitions alone.
    Repetitions,
}

impl Codec {
    /// `None` without compression.
    pub(super) fn of(compression: Compression) -> Option<Self> {
        match compression {
            Compression::ZSTD(_) | Compression::GZIP(_) | Compression::BROTLI(_) => {
                Some(Self::Codes)
            }
            Compression::SNAPPY | Compression::LZ4 | Compression::LZ4_RAW => {
                Some(Self::Repetitions)
            }
            Compression::UNCOMPRESSED | Compression::LZO => None,
        }
    }

    /// The compressed size of a stream, as a part of its size.
    fn share(self, stream: &[u8]) -> f64 {
        let bits = bits_per_byte(stream);
        match self {
            // A Huffman code has at least one bit. If the entropy is lower, codecs replace some of
            // the repetitions.
            Self::Codes if bits < 1.0 && bits > 0.0 => f64::midpoint(bits, 1.0) / 8.0,
            Self::Codes => bits / 8.0,
            Self::Repetitions if bits > REPEATING => 1.0,
            Self::Repetitions => share_without_repetitions(stream),
        }
    }
}

/// The average size of a value in pages of `page` values, in bytes. `None` for small pages, and for types whose bytes
/// are not known.
pub(super) fn bytes_per_value(sample: &[ArrayRef], page: usize, codec: Codec) -> Option<f64> {
    if page < LONG_STREAM {
        return None;
    }
    let mut streams: Vec<Vec<u8>> = Vec::new();
    for array in sample {
        let bytes_at = values_of(array)?;
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            let bytes = bytes_at(row);
            streams.resize(bytes.len().max(streams.len()), Vec::new());
            streams.iter_mut().zip(bytes).for_each(|(stream, byte)| stream.push(*byte));
        }
    }
    (!streams.is_empty()).then(|| streams.iter().map(|stream| codec.share(stream)).sum())
}

/// The entropy of a stream: the number of bits per byte with an ideal code.
fn bits_per_byte(stream: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    stream.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let all = stream.len() as f64;
    let counts = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count));
    counts.map(|count| count / all * (all / count).log2()).sum()
}

/// The part that remains when Snappy compresses a long stream with the bytes of this one in random order. In their
/// original order, neighbours may be similar and repeat more.
fn share_without_repetitions(stream: &[u8]) -> f64 {
    // Pseudorandom numbers, the same on every machine.
    let mut state = 0_u64;
    let mut any = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        stream[(state >> 33) as usize % stream.len()]
    };
    let long: Vec<u8> = std::iter::repeat_with(&mut any).take(LONG_STREAM).collect();
    let compressed = snap::raw::Encoder::new().compress_vec(&long);
    compressed.map_or(1.0, |bytes| bytes.len() as f64 / LONG_STREAM as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int32Array;

    use super::*;

    fn bytes(values: impl IntoIterator<Item = i32>, page: usize, codec: Codec) -> Option<f64> {
        let values: ArrayRef = Arc::new(Int32Array::from_iter_values(values));
        bytes_per_value(&[values], page, codec)
    }

    #[test]
    fn constant_streams_take_nothing_and_random_ones_all() {
        // Eight bits, and four bits of the second byte.
        assert_eq!(bytes(0..256 * 16, LONG_STREAM, Codec::Codes), Some(1.5));
        assert_eq!(bytes(0..256 * 16, LONG_STREAM - 1, Codec::Codes), None);
    }

    #[test]
    fn only_what_repeats_is_replaced() {
        let taken = |values| bytes(values, LONG_STREAM, Codec::Repetitions).unwrap();
        // The third and the fourth byte are constant.
        let two = taken((0..1 << 16).step_by(37).collect::<Vec<_>>());
        assert!((2.0..2.2).contains(&two), "{two}");
        // The second byte is one of four: some repetitions.
        let some = taken((0..1 << 10).collect());
        assert!((1.4..1.9).contains(&some), "{some}");
    }
}
