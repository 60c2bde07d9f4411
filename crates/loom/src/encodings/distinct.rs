//! The number of distinct values of a chunk, estimated from a sample.

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array, ArrayRef, GenericByteArray};
use arrow_schema::DataType;

use crate::arrays::{elements, entries};

/// The largest sample. Of 50,000 distinct values, a sample this large has about ten repeats.
const MOST_SAMPLED: usize = 1024;

/// Sample size for a chunk of `values`. If half are distinct, a sample this large holds about eight repeats.
fn sample_size(values: f64) -> usize {
    ((8.0 * values).sqrt() as usize).clamp(64, MOST_SAMPLED)
}

/// Appends the leaf arrays of a column in Parquet's order. The leaves of a list are the leaves of
/// its elements.
pub(crate) fn leaves(array: &ArrayRef, out: &mut Vec<ArrayRef>) {
    match array.data_type() {
        DataType::List(_) => leaves(&elements(array.as_list::<i32>()), out),
        DataType::LargeList(_) => leaves(&elements(array.as_list::<i64>()), out),
        DataType::FixedSizeList(_, _) => leaves(array.as_fixed_size_list().values(), out),
        DataType::Struct(_) => {
            array.as_struct().columns().iter().for_each(|child| leaves(child, out));
        }
        DataType::Map(_, _) => {
            entries(array.as_map()).columns().iter().for_each(|child| leaves(child, out));
        }
        _ => out.push(array.clone()),
    }
}

/// Estimates about the values of a chunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Distinct {
    /// The number of values in the chunk, nulls included.
    pub(super) values: f64,
    /// The number of distinct values.
    pub(super) count: f64,
    /// The average size of a value in the encoding PLAIN, in bytes.
    pub(super) width: f64,
}

impl Distinct {
    /// Estimates the number of distinct values in a chunk of about `values` values from which `sample` was taken.
    /// Returns `None` for types that can't be inspected, and if all sampled values are null.
    ///
    /// The number is estimated from the values that occur once and twice in the sample (Chao 1984, bias-corrected).
    pub(super) fn estimate(sample: &[ArrayRef], values: f64) -> Option<Self> {
        let total: usize = sample.iter().map(Array::len).sum();
        let looked_at = sample_size(values);
        let step = total.div_ceil(looked_at).max(1);
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        let mut seen = Vec::with_capacity(looked_at);
        let mut bytes = 0;
        // Every `step`th value, counted through all arrays.
        let mut next = 0;
        for array in sample {
            let bytes_at = values_of(array)?;
            let rows = (next..array.len()).step_by(step);
            next = (next + rows.len() * step).saturating_sub(array.len());
            for row in rows.filter(|row| array.is_valid(*row)) {
                let value = bytes_at(row);
                bytes += value.len();
                seen.push(hasher.hash_one(value));
            }
        }
        if seen.is_empty() {
            return None;
        }
        let width = bytes as f64 / seen.len() as f64;
        seen.sort_unstable();
        let (mut different, mut once, mut twice) = (0.0, 0.0, 0.0);
        for same in seen.chunk_by(|a, b| a == b) {
            different += 1.0;
            once += f64::from(u8::from(same.len() == 1));
            twice += f64::from(u8::from(same.len() == 2));
        }
        let values = values.max(1.0);
        let count = (different + once * (once - 1.0) / (2.0 * (twice + 1.0))).clamp(1.0, values);
        let has_lengths = |array: &ArrayRef| {
            !matches!(array.data_type(), DataType::FixedSizeBinary(_))
                && array.data_type().primitive_width().is_none()
        };
        let prefix = if sample.iter().any(has_lengths) { size_of::<u32>() as f64 } else { 0.0 };
        Some(Self { values, count, width: width + prefix })
    }

    /// Bytes of the dictionary.
    pub(super) fn dictionary_bytes(&self) -> f64 {
        self.count * self.width
    }

    /// Bytes of the keys, before compression.
    fn key_bytes(&self) -> f64 {
        self.values * key_bits(self.count) / 8.0
    }

    /// Whether a dictionary has at most `limit` bytes and, with its keys, takes less than `part` of
    /// the size of the values.
    pub(super) fn dictionary_pays(&self, limit: usize, part: f64) -> bool {
        let dictionary = self.dictionary_bytes();
        dictionary <= limit as f64
            && dictionary + self.key_bytes() < self.values * self.width * part
    }
}

/// The bits of a key in a dictionary of `entries`.
pub(super) fn key_bits(entries: f64) -> f64 {
    entries.max(1.0).log2().ceil().max(1.0)
}

/// A function from a row of an array to the bytes of its value.
pub(super) fn values_of<'a>(array: &'a ArrayRef) -> Option<Box<dyn Fn(usize) -> &'a [u8] + 'a>> {
    fn bytes<'a, T: ByteArrayType>(
        array: &'a GenericByteArray<T>,
    ) -> Box<dyn Fn(usize) -> &'a [u8] + 'a> {
        Box::new(|row| array.value(row).as_ref())
    }
    Some(match array.data_type() {
        DataType::Utf8 => bytes(array.as_string::<i32>()),
        DataType::LargeUtf8 => bytes(array.as_string::<i64>()),
        DataType::Binary => bytes(array.as_binary::<i32>()),
        DataType::LargeBinary => bytes(array.as_binary::<i64>()),
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            Box::new(|row| array.value(row))
        }
        other => {
            let width = other.primitive_width()?;
            let bytes: &[u8] = arrow_array::downcast_primitive_array!(
                array => array.values().inner(),
                _ => return None
            );
            Box::new(move |row| &bytes[row * width..(row + 1) * width])
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, StringArray};

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn judge(array: impl Array + 'static, rows: u32) -> Option<bool> {
        let distinct = Distinct::estimate(&[Arc::new(array)], f64::from(rows))?;
        Some(distinct.dictionary_pays(LIMIT, 0.75))
    }

    #[test]
    fn few_words_pay() {
        let words = (0..2000).map(|row| ["star", "galaxy", "quasar"][row % 3]);
        assert_eq!(judge(StringArray::from_iter_values(words), 100_000), Some(true));
    }

    #[test]
    fn measured_floats_and_ids_do_not() {
        let floats = (1..2000).map(|row| 1.0 / f64::from(row));
        assert_eq!(judge(Float64Array::from_iter_values(floats), 100_000), Some(false));
        assert_eq!(judge(Int64Array::from_iter_values(0..2000), 100_000), Some(false));
        assert_eq!(judge(Int64Array::from_iter_values(0..100), 100), Some(false));
    }

    #[test]
    fn ten_thousand_numbers_in_a_million_pay() {
        let scattered = (0..20_000_u64).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20);
        let numbers = Int64Array::from_iter_values(scattered.map(|value| (value % 10_000) as i64));
        assert_eq!(judge(numbers, 1_000_000), Some(true));
    }

    #[test]
    fn constants_pay_and_nulls_do_not() {
        assert_eq!(judge(Float64Array::from(vec![f64::NAN; 500]), 100_000), Some(true));
        assert_eq!(judge(Float64Array::new_null(500), 100_000), None);
    }

    #[test]
    fn slices_are_read_where_they_begin() {
        let words =
            StringArray::from_iter_values((0..4000).map(|row| format!("{}", row.max(2000))));
        assert_eq!(judge(words.slice(0, 2000), 100_000), Some(true));
        assert_eq!(judge(words.slice(2000, 2000), 100_000), Some(false));
    }
}
