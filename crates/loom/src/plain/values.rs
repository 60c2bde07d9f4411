//! The values of a page, side by side, and what is known of them.

use std::marker::PhantomData;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_buffer::bit_chunk_iterator::BitChunks;
use arrow_buffer::{ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, MutableBuffer};
use parquet::data_type::{BoolType, DataType};

/// Room before the values for the levels: twice as much as the levels of a page take that has 20,000 rows. A
/// multiple of the largest value.
const ROOM: usize = 8 << 10;

/// The values of a page in Parquet's encoding PLAIN.
pub(super) trait Values {
    /// Of Parquet.
    type Type: DataType;

    /// Appends the cells of some rows, of those that are valid; returns how many they are.
    fn append(
        &mut self,
        piece: &dyn Array,
        rows: Range<usize>,
        valid: Option<&BooleanBuffer>,
    ) -> usize;

    /// Bytes of what was appended.
    fn bytes(&self) -> usize;

    /// The levels, and behind them the values.
    fn behind(&mut self, levels: &[u8]) -> &[u8];

    /// What is known of the values; they are forgotten.
    fn end(&mut self) -> Known<<Self::Type as DataType>::T>;
}

/// What statistics tell of values.
pub(super) struct Known<T> {
    /// The least and the greatest; only where all are not a number is one of these not.
    pub(super) extremes: Option<(T, T)>,
    /// How many are not a number, where there can be such.
    pub(super) nans: Option<u64>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { extremes: None, nans: None }
    }
}

impl<T: Ordered> Known<T> {
    pub(super) fn add(&mut self, other: &Self) {
        self.extremes = match (self.extremes, other.extremes) {
            (Some(one), Some(other)) => Some(match (one.0.is_nan(), other.0.is_nan()) {
                (false, true) => one,
                (true, false) => other,
                _ => {
                    let least = if one.0.is_greater(other.0) { other.0 } else { one.0 };
                    let greatest = if other.1.is_greater(one.1) { other.1 } else { one.1 };
                    (least, greatest)
                }
            }),
            (one, other) => one.or(other),
        };
        if let Some(nans) = other.nans {
            *self.nans.get_or_insert(0) += nans;
        }
    }
}

/// Values in the order of Parquet's statistics: IEEE 754's total order for numbers with a fraction.
pub(super) trait Ordered: Copy {
    /// Whether there are values that are not a number, which are counted.
    const HAS_NANS: bool;

    fn is_nan(self) -> bool;
    fn is_greater(self, than: Self) -> bool;

    /// As statistics have it.
    fn to_bytes(self) -> Vec<u8>;
}

/// Numbers as Parquet has them.
pub(super) trait Number: Ordered + ArrowNativeType {
    fn known(values: &[Self]) -> Known<Self>;
}

macro_rules! integer {
    ($type:ty) => {
        impl Ordered for $type {
            const HAS_NANS: bool = false;

            fn is_nan(self) -> bool {
                false
            }

            fn is_greater(self, than: Self) -> bool {
                self > than
            }

            fn to_bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }

        impl Number for $type {
            fn known(values: &[Self]) -> Known<Self> {
                let (mut least, mut greatest) = (<$type>::MAX, <$type>::MIN);
                for value in values {
                    least = least.min(*value);
                    greatest = greatest.max(*value);
                }
                let extremes = (!values.is_empty()).then_some((least, greatest));
                Known { extremes, nans: None }
            }
        }
    };
}

integer!(i32);
integer!(i64);

macro_rules! float {
    ($type:ty, $count:ty, $lanes:literal) => {
        impl Ordered for $type {
            const HAS_NANS: bool = true;

            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }

            fn is_greater(self, than: Self) -> bool {
                self.total_cmp(&than).is_gt()
            }

            fn to_bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }

        impl Number for $type {
            fn known(values: &[Self]) -> Known<Self> {
                let mut least = [<$type>::INFINITY; $lanes];
                let mut greatest = [<$type>::NEG_INFINITY; $lanes];
                let mut nans: [$count; $lanes] = [0; $lanes];
                let mut add = |lane: usize, value: $type| {
                    // Neither holds of what is not a number.
                    least[lane] = if value < least[lane] { value } else { least[lane] };
                    greatest[lane] = if value > greatest[lane] { value } else { greatest[lane] };
                    nans[lane] += <$count>::from(value.is_nan());
                };
                let (blocks, rest) = values.as_chunks::<$lanes>();
                for block in blocks {
                    for lane in 0..$lanes {
                        add(lane, block[lane]);
                    }
                }
                for (lane, value) in rest.iter().enumerate() {
                    add(lane, *value);
                }
                let nans: u64 = nans.into_iter().map(u64::from).sum();
                let all = values.iter().copied();
                let extremes = if nans == values.len() as u64 {
                    all.clone().min_by(<$type>::total_cmp).zip(all.max_by(<$type>::total_cmp))
                } else {
                    let least = least.into_iter().fold(<$type>::INFINITY, <$type>::min);
                    let greatest = greatest.into_iter().fold(<$type>::NEG_INFINITY, <$type>::max);
                    // The two zeros were equal so far; to add one makes the other one of it.
                    let any = |zero: $type| {
                        let is_zero = |value: $type| value.to_bits() == zero.to_bits();
                        all.clone().fold(false, |any, value| any | is_zero(value))
                    };
                    let negative = least == 0.0 && any(-0.0);
                    let positive = greatest != 0.0 || any(0.0);
                    let least = if negative { -0.0 } else { least + 0.0 };
                    let greatest = if positive { greatest + 0.0 } else { -0.0 };
                    Some((least, greatest))
                };
                Known { extremes, nans: (!values.is_empty()).then_some(nans) }
            }
        }
    };
}

float!(f32, u32, 16);
float!(f64, u64, 8);

impl Ordered for bool {
    const HAS_NANS: bool = false;

    fn is_nan(self) -> bool {
        false
    }

    fn is_greater(self, than: Self) -> bool {
        self & !than
    }

    fn to_bytes(self) -> Vec<u8> {
        vec![u8::from(self)]
    }
}

/// Numbers of an Arrow type, as those of one of Parquet's.
pub(super) struct Numbers<'a, A, T: DataType> {
    /// The levels' room, the values, and room behind them.
    buffer: &'a mut MutableBuffer,
    count: usize,
    known: Known<T::T>,
    from: PhantomData<A>,
}

impl<'a, A: ArrowPrimitiveType, T: DataType<T: Number>> Numbers<'a, A, T> {
    /// With room for so many values at first.
    pub(super) fn new(buffer: &'a mut MutableBuffer, most: usize) -> Self {
        let mut numbers = Self { buffer, count: 0, known: Known::default(), from: PhantomData };
        numbers.reserve(most);
        numbers
    }

    /// Makes room for more values.
    fn reserve(&mut self, more: usize) {
        grow(self.buffer, ROOM + (self.count + more) * size_of::<T::T>());
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
        let from = &piece.as_primitive::<A>().values()[rows.clone()];
        let start = ROOM / size_of::<T::T>() + self.count;
        let to = &mut self.buffer.typed_data_mut::<T::T>()[start..][..from.len()];
        let count = match valid {
            None => copy(from, to),
            Some(valid) => side_by_side(from, &bits(valid, &rows), to),
        };
        self.known.add(&T::T::known(&to[..count]));
        self.count += count;
        count
    }

    fn bytes(&self) -> usize {
        self.count * size_of::<T::T>()
    }

    fn behind(&mut self, levels: &[u8]) -> &[u8] {
        let end = ROOM + self.bytes();
        match ROOM.checked_sub(levels.len()) {
            Some(start) => {
                self.buffer[start..ROOM].copy_from_slice(levels);
                &self.buffer[start..end]
            }
            // So many rows in a page, or so few values in it, are rare.
            None => {
                let more = levels.len() - ROOM;
                grow(self.buffer, end + more);
                self.buffer.copy_within(ROOM..end, levels.len());
                self.buffer[..levels.len()].copy_from_slice(levels);
                &self.buffer[..end + more]
            }
        }
    }

    fn end(&mut self) -> Known<T::T> {
        self.count = 0;
        std::mem::take(&mut self.known)
    }
}

/// Makes a buffer as long as that. It never becomes shorter, for what grows is filled with zeros first.
fn grow(buffer: &mut MutableBuffer, length: usize) {
    if buffer.len() < length {
        buffer.resize(length.next_multiple_of(64), 0);
    }
}

fn bits<'a>(valid: &'a BooleanBuffer, rows: &Range<usize>) -> BitChunks<'a> {
    BitChunks::new(valid.values(), valid.offset() + rows.start, rows.len())
}

fn copy<N: Copy + Into<T>, T>(from: &[N], to: &mut [T]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = (*from).into();
    }
    from.len()
}

/// Puts the valid values side by side; returns how many they are. Each value is put in its place, valid or
/// not, and one that is not is written over by the next: a branch for each would be guessed wrong.
fn side_by_side<N: Copy + Into<T>, T>(from: &[N], valid: &BitChunks<'_>, to: &mut [T]) -> usize {
    let mut count = 0;
    let (blocks, rest) = from.as_chunks::<64>();
    for (block, word) in blocks.iter().zip(valid.iter()) {
        let Some(to) = to[count..].first_chunk_mut::<64>() else { return count };
        count += match word {
            u64::MAX => copy(block, to),
            0 => 0,
            word => {
                let mut put = 0;
                for (bit, value) in block.iter().enumerate() {
                    // As many as there were before, so always within; the compiler does not see that.
                    to[put & 63] = (*value).into();
                    put += ((word >> bit) & 1) as usize;
                }
                put
            }
        };
    }
    let word = valid.remainder_bits();
    for (bit, value) in rest.iter().enumerate() {
        to[count] = (*value).into();
        count += ((word >> bit) & 1) as usize;
    }
    count
}

/// Booleans, a bit each.
pub(super) struct Booleans<'a> {
    buffer: &'a mut MutableBuffer,
    values: BooleanBufferBuilder,
    known: Known<bool>,
}

impl<'a> Booleans<'a> {
    pub(super) fn new(buffer: &'a mut MutableBuffer) -> Self {
        Self { buffer, values: BooleanBufferBuilder::new(0), known: Known::default() }
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
            self.known.add(&Known { extremes, nans: None });
        }
        count
    }

    fn bytes(&self) -> usize {
        self.values.len().div_ceil(8)
    }

    fn behind(&mut self, levels: &[u8]) -> &[u8] {
        let values = self.values.as_slice();
        let length = levels.len() + values.len();
        grow(self.buffer, length);
        self.buffer[..levels.len()].copy_from_slice(levels);
        self.buffer[levels.len()..length].copy_from_slice(values);
        &self.buffer[..length]
    }

    fn end(&mut self) -> Known<bool> {
        self.values.truncate(0);
        std::mem::take(&mut self.known)
    }
}

/// The bits of a word that are valid, side by side, and how many they are.
fn squeezed(word: u64, mut valid: u64) -> (u64, usize) {
    let (mut out, mut count) = (0, 0);
    // A run of valid ones at a time.
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
