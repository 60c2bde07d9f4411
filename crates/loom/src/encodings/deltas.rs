//! The differences between neighbouring integers.
//!
//! DELTA_BINARY_PACKED stores the differences of a block in the number of bits that the widest one needs.
//! fastparquet misreads widths of more than 28 bits, and returns wrong values without an error.

use arrow_array::{Array, ArrayRef, downcast_primitive_array};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{DataType, TimeUnit};

/// The widest difference that every reader can read, in bits.
const READ_BY_ALL: u32 = 28;

/// The smallest and the largest difference between neighbours that are not null.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DeltaRange {
    last: Option<i64>,
    range: Option<(i64, i64)>,
    /// Whether some value or difference is unknown, or does not fit in 64 bits.
    unknown: bool,
}

impl DeltaRange {
    /// Adds values. They follow the values of the previous call.
    pub(crate) fn add(&mut self, array: &ArrayRef) {
        // The values of these types are multiplied when they are written.
        let is_scaled = matches!(
            array.data_type(),
            DataType::Time32(TimeUnit::Second) | DataType::Timestamp(TimeUnit::Second, _)
        );
        if is_scaled {
            self.unknown = true;
        }
        if self.unknown {
            return;
        }
        // Unsigned numbers are written as signed numbers, so larger values would become negative.
        let most = match array.data_type() {
            DataType::UInt32 => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        downcast_primitive_array!(
            array => match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                None => self.add_all(most, array.values().iter().map(|value| value.to_isize())),
                Some(nulls) => {
                    let values = nulls.valid_indices().map(|row| array.values()[row].to_isize());
                    self.add_all(most, values);
                }
            },
            _ => self.unknown = true
        );
    }

    /// Ends a run of neighbours: no difference is taken between the last value and the next one.
    pub(crate) fn end_run(&mut self) {
        self.last = None;
    }

    fn add_all(&mut self, most: i64, values: impl Iterator<Item = Option<isize>>) {
        for value in values {
            let Some(value) = value.map(|value| value as i64).filter(|value| *value <= most) else {
                self.unknown = true;
                return;
            };
            if let Some(last) = self.last.replace(value) {
                let Some(delta) = value.checked_sub(last) else {
                    self.unknown = true;
                    return;
                };
                let (least, greatest) = self.range.unwrap_or((delta, delta));
                self.range = Some((least.min(delta), greatest.max(delta)));
            }
        }
    }

    /// Whether the differences of all blocks are narrow enough for every reader.
    pub(crate) fn is_read_by_all(&self) -> bool {
        self.bits().is_some_and(|bits| bits <= READ_BY_ALL)
    }

    /// The number of bits of the widest difference. `None` if it is not known.
    pub(crate) fn bits(&self) -> Option<u32> {
        if self.unknown {
            return None;
        }
        let (least, greatest) = self.range.unwrap_or((0, 0));
        Some(u64::BITS - greatest.checked_sub(least)?.cast_unsigned().leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int32Array, Int64Array, UInt32Array, UInt64Array};

    use super::*;

    fn bits(array: impl Array + 'static) -> Option<u32> {
        let mut range = DeltaRange::default();
        range.add(&(Arc::new(array) as ArrayRef));
        range.bits()
    }

    #[test]
    fn as_wide_as_the_spread_of_differences() {
        assert_eq!(bits(Int64Array::from(vec![5, 6, 7])), Some(0));
        assert_eq!(bits(Int64Array::from(vec![0, 1 << 40, 2 << 40])), Some(0));
        assert_eq!(bits(Int32Array::from(vec![Some(0), None, Some(1), Some(-2)])), Some(3));
        assert_eq!(bits(Int64Array::from(vec![0, 1 << 28, (1 << 28) + 1])), Some(28));
        assert_eq!(bits(Int64Array::from(vec![0, 1 << 28, 1 << 28])), Some(29));
    }

    #[test]
    fn unknown_where_64_bits_overflow() {
        assert_eq!(bits(Int64Array::from(vec![i64::MIN, i64::MAX])), None);
        assert_eq!(bits(Int64Array::from(vec![0, i64::MAX, 0])), None);
        assert_eq!(bits(UInt64Array::from(vec![u64::MAX])), None);
        assert_eq!(bits(UInt32Array::from(vec![1, u32::MAX])), None);
        assert_eq!(bits(Float64Array::from(vec![1.5])), None);
    }

    #[test]
    fn neighbours_are_counted_through_pieces() {
        let mut range = DeltaRange::default();
        for values in [[1, 2], [1_000_000_000_000, 1_000_000_000_001]] {
            range.add(&(Arc::new(Int64Array::from(values.to_vec())) as ArrayRef));
        }
        assert!(!range.is_read_by_all());
    }
}
