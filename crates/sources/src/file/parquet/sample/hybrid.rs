//! Reads Parquet's encoding RLE, in which levels and dictionary codes are stored: runs of one repeated number, and
//! runs of bit-packed numbers.
//!
//! See "Run Length Encoding / Bit-Packing Hybrid" in Parquet's specification of encodings. A repeated run is returned
//! as one number and a count, however long it is; bit-packed numbers are unpacked into a buffer of the caller.

use bitpacking::{BitPacker, BitPacker1x};
use bytes::Bytes;
use taploom_thrift::{Reader, put_varint};

/// Maximum number of numbers to unpack at a time.
const UNPACKED: usize = 1024;
/// Number of numbers in a block. The unpacker takes whole blocks, and a block ends at a byte boundary for every width.
const BLOCK: usize = BitPacker1x::BLOCK_LEN;

/// What is wrong with damaged bytes.
pub(super) type Damage = &'static str;

/// Reads runs of numbers.
#[derive(Debug)]
pub(super) struct Hybrid {
    bytes: Bytes,
    /// The offset of the next header.
    at: usize,
    /// Bits per number, from 0 to 32.
    width: usize,
    run: Run,
}

#[derive(Debug)]
enum Run {
    Repeated {
        value: u32,
        left: usize,
    },
    /// Bit-packed numbers that begin at the byte `start`. `read` of them have been read, `left` have not.
    Packed {
        start: usize,
        read: usize,
        left: usize,
    },
}

impl Hybrid {
    /// Reads the runs in `bytes`. The last run may hold more numbers than the page has values.
    pub(super) fn new(bytes: Bytes, width: u8) -> Result<Self, Damage> {
        if width > 32 {
            return Err("numbers of more than 32 bits");
        }
        // Numbers with a width of 0 bits are all zero, and some writers leave out their runs.
        let left = if width == 0 { usize::MAX } else { 0 };
        let run = Run::Repeated { value: 0, left };
        Ok(Self { bytes, at: 0, width: width.into(), run })
    }

    /// Reads the next 1 to `most` numbers. If they are one repeated number, returns the number and the count; otherwise
    /// writes them to `into` and returns `None`.
    #[inline]
    pub(super) fn next(
        &mut self,
        most: usize,
        into: &mut Vec<u32>,
    ) -> Result<Option<(u32, usize)>, Damage> {
        loop {
            match &mut self.run {
                Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. } => self.next_run()?,
                Run::Repeated { value, left } => {
                    let count = most.min(*left);
                    *left -= count;
                    return Ok(Some((*value, count)));
                }
                Run::Packed { start, read, left } => {
                    let count = most.min(*left).min(UNPACKED);
                    into.resize(count, 0);
                    unpack(self.bytes.get(*start..).unwrap_or(&[]), self.width, *read, into);
                    *read += count;
                    *left -= count;
                    return Ok(None);
                }
            }
        }
    }

    /// Skips the next `count` numbers.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), Damage> {
        let mut rest = count;
        loop {
            match &mut self.run {
                Run::Repeated { left, .. } => {
                    let passed = rest.min(*left);
                    *left -= passed;
                    rest -= passed;
                }
                Run::Packed { read, left, .. } => {
                    let passed = rest.min(*left);
                    *read += passed;
                    *left -= passed;
                    rest -= passed;
                }
            }
            if rest == 0 {
                return Ok(());
            }
            self.next_run()?;
        }
    }

    /// Whether the next `count` numbers are in one run that repeats `number`. The numbers are not consumed.
    pub(super) fn is_run(&mut self, number: u32, count: usize) -> Result<bool, Damage> {
        while let Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. } = self.run {
            self.next_run()?;
        }
        Ok(matches!(self.run, Run::Repeated { value, left } if value == number && left >= count))
    }

    fn next_run(&mut self) -> Result<(), Damage> {
        let header = self.header()?;
        let count = header >> 1;
        if header & 1 == 0 {
            let value = self.bytes.get(self.at..self.at + self.width.div_ceil(8));
            let value = value.ok_or("a run whose value is cut off")?;
            let number = value.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
            self.at += value.len();
            self.run = Run::Repeated { value: number, left: count };
            return Ok(());
        }
        // The run consists of groups of eight numbers. Some writers cut off the padding of the last group.
        let start = self.at;
        let length = count.checked_mul(self.width).ok_or("a run of impossible length")?;
        let there = length.min(self.bytes.len() - start);
        let left = match there == length {
            true => count.checked_mul(8).ok_or("a run of impossible length")?,
            false => there * 8 / self.width,
        };
        self.at = start + there;
        self.run = Run::Packed { start, read: 0, left };
        Ok(())
    }

    /// The next header: a ULEB128 number of 32 bits.
    fn header(&mut self) -> Result<usize, Damage> {
        let mut reader = Reader::new(self.bytes.get(self.at..).unwrap_or(&[]));
        let header =
            reader.varint().map_err(|_| "runs that end before the values of the page do")?;
        self.at += reader.at();
        let header = u32::try_from(header).map_err(|_| "a run of impossible length")?;
        usize::try_from(header).map_err(|_| "a run of impossible length")
    }
}

/// Unpacks numbers, beginning with the number `first` of `bytes`. Bits beyond the end of `bytes` are zero.
fn unpack(bytes: &[u8], width: usize, first: usize, into: &mut [u32]) {
    // Up to the next block, numbers are unpacked one by one; then whole blocks; then the rest, one by one.
    let before = (first.next_multiple_of(BLOCK) - first).min(into.len());
    let (before, rest) = into.split_at_mut(before);
    unpack_each(bytes, width, first, before);
    let mut at = first + before.len();
    let (blocks, rest) = rest.as_chunks_mut::<BLOCK>();
    let mut packed = bytes.get(at / 8 * width..).unwrap_or(&[]);
    for numbers in blocks {
        // 32 numbers of `width` bits fill `width` words of 4 bytes.
        match packed.split_at_checked(4 * width) {
            Some((block, after)) => {
                // The unpacker needs a width of at most 32, which `new` checked.
                BitPacker1x::new().decompress(block, numbers, width as u8);
                packed = after;
            }
            None => {
                unpack_each(bytes, width, at, numbers);
                packed = &[];
            }
        }
        at += BLOCK;
    }
    unpack_each(bytes, width, at, rest);
}

/// Unpacks numbers one by one.
fn unpack_each(bytes: &[u8], width: usize, first: usize, into: &mut [u32]) {
    let mask = (1_u64 << width) - 1;
    for (number, at) in into.iter_mut().zip(first..) {
        let bit = at * width;
        let rest = bytes.get(bit / 8..).unwrap_or(&[]);
        // A number of up to 32 bits that begins in some byte ends within eight bytes.
        let word = match rest.first_chunk::<8>() {
            Some(word) => *word,
            None => {
                let mut word = [0; 8];
                word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                word
            }
        };
        *number = ((u64::from_le_bytes(word) >> (bit % 8)) & mask) as u32;
    }
}

/// Converts levels from the deprecated encoding BIT_PACKED to one bit-packed run of the encoding RLE.
pub(super) fn as_runs(levels: &[u8]) -> Bytes {
    let mut runs = Vec::with_capacity(levels.len() + 5);
    put_varint(&mut runs, (levels.len() as u64) << 1 | 1);
    runs.extend(levels.iter().map(|byte| byte.reverse_bits()));
    runs.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8], width: u8, count: usize, at_a_time: usize) -> Result<Vec<u32>, Damage> {
        let mut hybrid = Hybrid::new(Bytes::copy_from_slice(bytes), width)?;
        let (mut numbers, mut buffer) = (Vec::new(), Vec::new());
        while numbers.len() < count {
            match hybrid.next(at_a_time.min(count - numbers.len()), &mut buffer)? {
                Some((value, times)) => numbers.extend(std::iter::repeat_n(value, times)),
                None => numbers.append(&mut buffer),
            }
        }
        Ok(numbers)
    }

    /// Encodes runs and returns the bytes and the numbers. Each run is bit-packed or repeated, with its seed and
    /// length.
    fn encoded(runs: &[(bool, u32, usize)], width: u8) -> (Vec<u8>, Vec<u32>) {
        let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
        let mask = ((1_u64 << width) - 1) as u32;
        for (is_packed, seed, length) in runs {
            let (header, mut values) = if *is_packed {
                let values = (0..length * 8).map(|at| seed.wrapping_mul(at as u32 + 7) & mask);
                (length << 1 | 1, values.collect::<Vec<_>>())
            } else {
                (length << 1, vec![seed & mask; *length])
            };
            put_varint(&mut bytes, header as u64);
            if *is_packed {
                let (mut word, mut bits) = (0_u64, 0);
                for value in &values {
                    word |= u64::from(*value) << bits;
                    bits += u32::from(width);
                    while bits >= 8 {
                        bytes.push(word as u8);
                        word >>= 8;
                        bits -= 8;
                    }
                }
            } else {
                bytes.extend(&(seed & mask).to_le_bytes()[..usize::from(width).div_ceil(8)]);
            }
            numbers.append(&mut values);
        }
        (bytes, numbers)
    }

    proptest! {
        #[test]
        fn runs_are_read_as_they_were_written(
            runs in proptest::collection::vec((any::<bool>(), any::<u32>(), 0_usize..40), 0..20),
            width in 1_u8..=32,
            at_a_time in 1_usize..70,
            beyond in 1_usize..100,
        ) {
            let (bytes, numbers) = encoded(&runs, width);
            prop_assert_eq!(all(&bytes, width, numbers.len(), at_a_time).unwrap(), numbers.clone());
            prop_assert!(all(&bytes, width, numbers.len() + beyond, at_a_time).is_err());
        }

        #[test]
        fn numbers_that_are_passed_over_are_those_that_would_be_read(
            runs in proptest::collection::vec((any::<bool>(), any::<u32>(), 0_usize..40), 0..20),
            width in 1_u8..=32,
            steps in proptest::collection::vec((0_usize..150, 1_usize..150), 1..20),
        ) {
            let (bytes, numbers) = encoded(&runs, width);
            let mut hybrid = Hybrid::new(bytes.into(), width).unwrap();
            let (mut at, mut buffer) = (0, Vec::new());
            for (passed, wanted) in steps {
                if at + passed >= numbers.len() {
                    prop_assert!(hybrid.skip(numbers.len() - at + 1).is_err());
                    break;
                }
                hybrid.skip(passed).unwrap();
                at += passed;
                let run = numbers[at..].iter().take_while(|number| **number == numbers[at]).count();
                let is_run = hybrid.is_run(numbers[at], run).unwrap();
                match hybrid.next(wanted, &mut buffer).unwrap() {
                    Some((value, times)) => {
                        prop_assert_eq!(&numbers[at..at + times], &vec![value; times]);
                        at += times;
                    }
                    None => {
                        prop_assert!(!is_run);
                        prop_assert_eq!(&numbers[at..at + buffer.len()], &buffer);
                        at += buffer.len();
                    }
                }
                if at == numbers.len() {
                    break;
                }
            }
        }

        #[test]
        fn garbage_ends_with_an_error_or_with_numbers(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            width in 0_u8..=40,
            at_a_time in 1_usize..70,
        ) {
            if let Ok(numbers) = all(&bytes, width, 5000, at_a_time) {
                prop_assert_eq!(numbers.len(), 5000);
            }
        }
    }

    #[test]
    fn numbers_of_no_bits_need_no_runs() {
        assert_eq!(all(&[], 0, 3, 10).unwrap(), [0, 0, 0]);
    }

    #[test]
    fn the_filling_of_the_last_group_may_be_cut_off() {
        // A group of eight numbers of three bits takes three bytes, but five numbers need only two of them.
        assert_eq!(all(&[3, 0b1000_1000, 0b1100_0110], 3, 5, 8).unwrap(), [0, 1, 2, 3, 4]);
        assert!(all(&[3, 0b1000_1000, 0b1100_0110], 3, 6, 8).is_err());
    }
}
