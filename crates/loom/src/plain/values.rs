//! The values of a page, side by side, and their statistics.

use std::marker::PhantomData;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_buffer::bit_chunk_iterator::BitChunks;
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, MutableBuffer};
use fearless_simd::{Level, dispatch};
use parquet::data_type::{BoolType, DataType};

use super::side_by_side::{copy, side_by_side, side_by_side_32, side_by_side_64};
use super::value_statistics::{Number, ValueStatistics};

/// Space before the values for the levels of the page, in bytes: twice the size of the levels of 20,000 rows,
/// and a multiple of the size of the largest value type.
const LEVELS_ROOM: usize = 8 << 10;

/// The values of a page in Parquet's encoding PLAIN.
pub(super) trait Values {
    /// The type of the values in Parquet.
    type Type: DataType;

    /// Appends the cells of `rows` that are valid, and returns their number.
    fn append(
        &mut self,
        piece: &dyn Array,
        rows: Range<usize>,
        valid: Option<&BooleanBuffer>,
    ) -> usize;

    /// Bytes of the appended values.
    fn bytes(&self) -> usize;

    /// The levels followed by the values.
    fn after_levels(&mut self, levels: &[u8]) -> &[u8];

    /// Returns the statistics of the values, and removes the values.
    fn end(&mut self) -> ValueStatistics<<Self::Type as DataType>::T>;
}

/// Numbers of the Arrow type `A`, written as the Parquet type `T`.
pub(super) struct Numbers<'a, A, T: DataType> {
    /// Space for the levels, then the values, then space for more values.
    buffer: &'a mut MutableBuffer,
    count: usize,
    statistics: ValueStatistics<T::T>,
    level: Level,
    from: PhantomData<A>,
}

impl<'a, A: ArrowPrimitiveType, T: DataType<T: Number>> Numbers<'a, A, T> {
    /// An empty page with room for `most` values. It grows if that is not enough.
    pub(super) fn new(buffer: &'a mut MutableBuffer, most: usize) -> Self {
        let (statistics, level) = (ValueStatistics::default(), Level::new());
        let mut numbers = Self { buffer, count: 0, statistics, level, from: PhantomData };
        numbers.reserve(most);
        numbers
    }

    /// Makes room for more values.
    fn reserve(&mut self, more: usize) {
        grow(self.buffer, LEVELS_ROOM + (self.count + more) * size_of::<T::T>());
    }
}

impl<A, T> Values for Numbers<'_, A, T>
where
    A: ArrowPrimitiveType<Native: Into<T::T>>,
    T: DataType<T: Number>,
{
    type Type = T;

    fn append(
        &mut self,
        piece: &dyn Array,
        rows: Range<usize>,
        valid: Option<&BooleanBuffer>,
    ) -> usize {
        self.reserve(rows.len());
        let from = piece.as_primitive::<A>().values();
        let start = LEVELS_ROOM / size_of::<T::T>() + self.count;
        let places = start..start + rows.len();
        let buffer = &mut *self.buffer;
        let count = match (valid, size_of::<A::Native>(), size_of::<T::T>()) {
            (None, ..) => copy(&from[rows], &mut buffer.typed_data_mut::<T::T>()[places.clone()]),
            // Values of the same width have the same bits in Arrow and in Parquet.
            (Some(valid), 8, 8) => {
                let (valid, from) = (bits(valid, &rows), &from.inner().typed_data()[rows]);
                side_by_side_64(
                    self.level,
                    from,
                    &valid,
                    &mut buffer.typed_data_mut()[places.clone()],
                )
            }
            (Some(valid), 4, 4) => {
                let (valid, from) = (bits(valid, &rows), &from.inner().typed_data()[rows]);
                side_by_side_32(
                    self.level,
                    from,
                    &valid,
                    &mut buffer.typed_data_mut()[places.clone()],
                )
            }
            (Some(valid), ..) => {
                let to = &mut buffer.typed_data_mut::<T::T>()[places.clone()];
                side_by_side(&from[rows.clone()], &bits(valid, &rows), to)
            }
        };
        let to = &buffer.typed_data_mut::<T::T>()[places];
        let values = &to[..count];
        self.statistics.add(&dispatch!(self.level, _simd => T::T::statistics(values)));
        self.count += count;
        count
    }

    fn bytes(&self) -> usize {
        self.count * size_of::<T::T>()
    }

    fn after_levels(&mut self, levels: &[u8]) -> &[u8] {
        let end = LEVELS_ROOM + self.bytes();
        match LEVELS_ROOM.checked_sub(levels.len()) {
            Some(start) => {
                self.buffer[start..LEVELS_ROOM].copy_from_slice(levels);
                &self.buffer[start..end]
            }
            // Rare: a page with many rows, most of them null.
            None => {
                let more = levels.len() - LEVELS_ROOM;
                grow(self.buffer, end + more);
                self.buffer.copy_within(LEVELS_ROOM..end, levels.len());
                self.buffer[..levels.len()].copy_from_slice(levels);
                &self.buffer[..end + more]
            }
        }
    }

    fn end(&mut self) -> ValueStatistics<T::T> {
        self.count = 0;
        std::mem::take(&mut self.statistics)
    }
}

/// Makes a buffer at least `length` bytes long. It never shrinks, because growing fills it with zeros.
fn grow(buffer: &mut MutableBuffer, length: usize) {
    if buffer.len() < length {
        buffer.resize(length.next_multiple_of(64), 0);
    }
}

fn bits<'a>(valid: &'a BooleanBuffer, rows: &Range<usize>) -> BitChunks<'a> {
    BitChunks::new(valid.values(), valid.offset() + rows.start, rows.len())
}

/// Booleans, one bit each.
pub(super) struct Booleans<'a> {
    buffer: &'a mut MutableBuffer,
    values: BooleanBufferBuilder,
    statistics: ValueStatistics<bool>,
}

impl<'a> Booleans<'a> {
    pub(super) fn new(buffer: &'a mut MutableBuffer) -> Self {
        Self {
            buffer,
            values: BooleanBufferBuilder::new(0),
            statistics: ValueStatistics::default(),
        }
    }
}

impl Values for Booleans<'_> {
    type Type = BoolType;

    fn append(
        &mut self,
        piece: &dyn Array,
        rows: Range<usize>,
        valid: Option<&BooleanBuffer>,
    ) -> usize {
        let from = piece.as_boolean().values();
        let before = self.values.len();
        let trues = match valid {
            None => {
                let bits = bits(from, &rows);
                let start = from.offset() + rows.start;
                self.values.append_packed_range(start..start + rows.len(), from.values());
                bits.iter_padded().map(u64::count_ones).sum()
            }
            Some(valid) => {
                let mut trues = 0;
                let words = bits(from, &rows).iter_padded().zip(bits(valid, &rows).iter_padded());
                for (word, valid) in words {
                    let (word, count) = squeezed(word, valid);
                    self.values.append_word(word, count);
                    trues += word.count_ones();
                }
                trues
            }
        };
        let count = self.values.len() - before;
        if count > 0 {
            let extremes = Some((trues as usize == count, trues > 0));
            self.statistics.add(&ValueStatistics { extremes, nans: None });
        }
        count
    }

    fn bytes(&self) -> usize {
        self.values.len().div_ceil(8)
    }

    fn after_levels(&mut self, levels: &[u8]) -> &[u8] {
        let values = self.values.as_slice();
        let length = levels.len() + values.len();
        grow(self.buffer, length);
        self.buffer[..levels.len()].copy_from_slice(levels);
        self.buffer[levels.len()..length].copy_from_slice(values);
        &self.buffer[..length]
    }

    fn end(&mut self) -> ValueStatistics<bool> {
        self.values.truncate(0);
        std::mem::take(&mut self.statistics)
    }
}

/// The valid bits of a word, side by side, and their number.
fn squeezed(word: u64, mut valid: u64) -> (u64, usize) {
    let (mut out, mut count) = (0, 0);
    // One run of valid bits at a time.
    while valid != 0 {
        let skipped = valid.trailing_zeros();
        let run = (valid >> skipped).trailing_ones();
        let ones = u64::MAX >> (64 - run);
        out |= ((word >> skipped) & ones) << count;
        count += run;
        valid &= !(ones << skipped);
    }
    (out, count as usize)
}
