//! What BYTE_STREAM_SPLIT makes of values in large pages.
//!
//! A codec with Huffman codes makes one code for each 128 KiB or so. In a page of 20,000 values or more, most streams of
//! bytes have codes of their own; in a sample, all streams share one. The entropy of each stream says what the large page
//! takes.

use arrow_array::{Array, ArrayRef};

use super::distinct::values_of;

/// The fewest values of a page for which most streams have codes of their own.
const LONG_STREAM: usize = 16_000;

/// Bytes that a value takes in pages of at least `page` values, on average. `None` if the pages are small, or for types
/// whose bytes are not known.
pub(super) fn bytes_per_value(sample: &[ArrayRef], page: usize) -> Option<f64> {
    if page < LONG_STREAM {
        return None;
    }
    let mut streams: Vec<[u32; 256]> = Vec::new();
    let mut values = 0_u32;
    for array in sample {
        let bytes_at = values_of(array)?;
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            let bytes = bytes_at(row);
            streams.resize(bytes.len().max(streams.len()), [0; 256]);
            for (stream, byte) in streams.iter_mut().zip(bytes) {
                stream[usize::from(*byte)] += 1;
            }
            values += 1;
        }
    }
    let bits: f64 = streams.iter().map(|stream| bits_per_byte(stream, values)).sum();
    (values > 0).then_some(bits / 8.0)
}

/// The bits that a byte of a stream takes with Huffman codes.
fn bits_per_byte(counts: &[u32; 256], values: u32) -> f64 {
    let values = f64::from(values);
    let counts = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count));
    let entropy: f64 = counts.map(|count| count / values * (values / count).log2()).sum();
    // A code has at least one bit. Below that, codecs replace some of the repetitions.
    if entropy < 1.0 && entropy > 0.0 { f64::midpoint(entropy, 1.0) } else { entropy }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int32Array;

    use super::*;

    #[test]
    fn constant_streams_take_nothing_and_random_ones_all() {
        let values = Int32Array::from_iter_values(0..256 * 16);
        let sample: [ArrayRef; 1] = [Arc::new(values)];
        // Eight bits, and four bits of the second byte.
        assert_eq!(bytes_per_value(&sample, LONG_STREAM), Some(1.5));
        assert_eq!(bytes_per_value(&sample, LONG_STREAM - 1), None);
    }
}
