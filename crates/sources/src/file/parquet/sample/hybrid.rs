//! Runs of small numbers: the encoding RLE of levels and codes, a hybrid of repeated and bit-packed numbers.
//!
//! See "Run Length Encoding / Bit-Packing Hybrid" in the Encodings of Parquet. A repeated run is given back as it is,
//! however long; bit-packed numbers are unpacked into a buffer of the caller.

use bytes::Bytes;

/// Numbers that are unpacked at a time.
const UNPACKED: usize = 1024;

/// Why the bytes are not such runs.
pub(super) type Damage = &'static str;

/// Reads runs.
#[derive(Debug)]
pub(super) struct Hybrid {
    bytes: Bytes,
    /// Where the next header is.
    at: usize,
    /// Bits of a number, 0 to 32.
    width: usize,
    run: Run,
}

#[derive(Debug)]
enum Run {
    Repeated {
        value: u32,
        left: usize,
    },
    /// Numbers that begin at a byte, of which some have been read.
    Packed {
        start: usize,
        read: usize,
        left: usize,
    },
}

impl Hybrid {
    /// The runs in some bytes. There may be more of them than are wanted.
    pub(super) fn new(bytes: Bytes, width: u8) -> Result<Self, Damage> {
        if width > 32 {
            return Err("numbers of more than 32 bits");
        }
        // Numbers of no bits are zero, and some writers leave out their runs.
        let left = if width == 0 { usize::MAX } else { 0 };
        let run = Run::Repeated { value: 0, left };
        Ok(Self { bytes, at: 0, width: width.into(), run })
    }

    /// The next 1 to `most` numbers: one number that is repeated, and how often; or, if there is none, all of `into`.
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
                    unpack(self.bytes.get(*start..).unwrap_or(&[]), self.width, *read, count, into);
                    *read += count;
                    *left -= count;
                    return Ok(None);
                }
            }
        }
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
        // Groups of eight numbers. Some writers cut off what fills up the last group.
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
        let mut header: u64 = 0;
        for shift in (0..35).step_by(7) {
            let byte =
                *self.bytes.get(self.at).ok_or("runs that end before the values of the page do")?;
            self.at += 1;
            header |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(header).map_err(|_| "a run of impossible length");
            }
        }
        Err("a run of impossible length")
    }
}

/// Unpacks numbers from `first` on. Bits that are not there are zero.
fn unpack(bytes: &[u8], width: usize, first: usize, count: usize, into: &mut Vec<u32>) {
    into.clear();
    let mask = (1_u64 << width) - 1;
    let number = |word: u64, bit: usize| ((word >> (bit % 8)) & mask) as u32;
    // Eight bytes from any byte on hold a number of 32 bits.
    let safe_bits = bytes.len().saturating_sub(7) * 8;
    let safe = safe_bits.div_ceil(width).saturating_sub(first).min(count);
    into.extend((first..first + safe).map(|at| {
        let bit = at * width;
        let word = bytes.get(bit / 8..).and_then(|rest| rest.first_chunk::<8>());
        number(word.map_or(0, |word| u64::from_le_bytes(*word)), bit)
    }));
    into.extend((first + safe..first + count).map(|at| {
        let bit = at * width;
        let mut word = [0; 8];
        let rest = bytes.get(bit / 8..).unwrap_or(&[]);
        word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        number(u64::from_le_bytes(word), bit)
    }));
}

/// Levels of the encoding BIT_PACKED as one run of the encoding RLE.
pub(super) fn as_runs(levels: &[u8]) -> Bytes {
    let mut header = (levels.len() as u64) << 1 | 1;
    let mut runs = Vec::with_capacity(levels.len() + 5);
    while header > 0x7f {
        runs.push((header & 0x7f) as u8 | 0x80);
        header >>= 7;
    }
    runs.push(header as u8);
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

    /// Numbers in runs, encoded as they may be.
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
            let mut rest = header;
            while rest > 0x7f {
                bytes.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
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
        // Five numbers of three bits need two bytes of three.
        assert_eq!(all(&[3, 0b1000_1000, 0b1100_0110], 3, 5, 8).unwrap(), [0, 1, 2, 3, 4]);
        assert!(all(&[3, 0b1000_1000, 0b1100_0110], 3, 6, 8).is_err());
    }
}
