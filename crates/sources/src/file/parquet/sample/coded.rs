//! Data pages whose values are dictionary codes, that is, positions in a dictionary.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;

use super::hybrid::{Damage, Hybrid, as_runs};

/// The codes of a page, row by row. A null row has the code after the last code of the dictionary.
pub(super) struct CodedPage {
    rows: usize,
    levels: Option<Levels>,
    codes: Hybrid,
    null: u32,
    /// Buffer for the codes of the rows that are not null, before the null rows are put between them.
    valid: Vec<u32>,
}

impl CodedPage {
    /// Whether the values of a page are dictionary codes.
    pub(super) fn is_coded(page: &Page) -> bool {
        matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
    }

    /// Opens a page whose dictionary has `null` values, so that `null` is the code of null rows. `has_levels` tells
    /// whether the column may have nulls.
    pub(super) fn new(page: &Page, has_levels: bool, null: u32) -> Result<Self, Damage> {
        let rows = page.num_values() as usize;
        let (levels, codes) = parts(page, has_levels)?;
        // Some writers leave out the width if all rows are null.
        let width = codes.first().copied().unwrap_or(1);
        let codes = Hybrid::new(codes.slice(codes.len().min(1)..), width)?;
        let levels = match levels {
            Some(levels) => Levels::new(levels, rows)?,
            None => None,
        };
        Ok(Self { rows, levels, codes, null, valid: Vec::new() })
    }

    /// How many rows are left.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Reads the codes of the next 1 to `most` rows. If they are a run of one code, returns the code and the
    /// number of rows; otherwise writes their codes to `into` and returns `None`.
    #[inline]
    pub(super) fn next(
        &mut self,
        most: usize,
        into: &mut Vec<u32>,
    ) -> Result<Option<(u32, usize)>, Damage> {
        let most = most.min(self.rows);
        let Some(levels) = &mut self.levels else {
            let found = self.codes.next(most, into)?;
            return self.checked(found, into);
        };
        match levels.next(most)? {
            Some((0, count)) => {
                self.rows -= count;
                Ok(Some((self.null, count)))
            }
            Some((_, count)) => {
                let found = self.codes.next(count, into)?;
                levels.give_back(count - found.map_or(into.len(), |(_, times)| times));
                self.checked(found, into)
            }
            None => {
                let levels = &levels.unpacked;
                let wanted = levels.iter().filter(|level| **level == 1).count();
                self.valid.clear();
                while self.valid.len() < wanted {
                    match self.codes.next(wanted - self.valid.len(), into)? {
                        Some((code, times)) => self.valid.extend(std::iter::repeat_n(code, times)),
                        None => self.valid.extend_from_slice(into),
                    }
                }
                check(&self.valid, self.null)?;
                let mut valid = self.valid.iter().copied();
                let code = |level: &u32| if *level == 1 { valid.next() } else { None };
                into.clear();
                into.extend(levels.iter().map(code).map(|code| code.unwrap_or(self.null)));
                self.rows -= into.len();
                Ok(None)
            }
        }
    }

    /// Skips the next `rows` rows.
    pub(super) fn skip(&mut self, rows: usize) -> Result<(), Damage> {
        let rows = rows.min(self.rows);
        self.rows -= rows;
        let Some(levels) = &mut self.levels else { return self.codes.skip(rows) };
        let mut left = rows;
        while left > 0 {
            left -= match levels.next(left)? {
                Some((0, count)) => count,
                Some((_, count)) => {
                    self.codes.skip(count)?;
                    count
                }
                None => {
                    let valid = levels.unpacked.iter().filter(|level| **level == 1).count();
                    self.codes.skip(valid)?;
                    levels.unpacked.len()
                }
            };
        }
        Ok(())
    }

    /// Checks codes that were just read, and counts their rows as read.
    #[inline]
    fn checked(
        &mut self,
        found: Option<(u32, usize)>,
        into: &[u32],
    ) -> Result<Option<(u32, usize)>, Damage> {
        match found {
            Some((code, _)) => check(&[code], self.null)?,
            None => check(into, self.null)?,
        }
        self.rows -= found.map_or(into.len(), |(_, times)| times);
        Ok(found)
    }
}

/// Checks that all codes are within the dictionary, that is, below the code for null.
#[inline]
fn check(codes: &[u32], null: u32) -> Result<(), Damage> {
    let greatest = codes.iter().copied().fold(0, u32::max);
    match greatest < null || codes.is_empty() {
        true => Ok(()),
        false => Err("a code beyond the end of the dictionary"),
    }
}

/// Splits a page into its definition levels, if it has any, and its codes.
fn parts(page: &Page, has_levels: bool) -> Result<(Option<Bytes>, Bytes), Damage> {
    const CUT_OFF: Damage = "levels that are cut off";
    let (levels, rest) = match page {
        Page::DataPage { buf, .. } if !has_levels => return Ok((None, buf.clone())),
        Page::DataPage { buf, def_level_encoding: Encoding::RLE, .. } => {
            let length = buf.first_chunk::<4>().ok_or(CUT_OFF)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| CUT_OFF)?;
            let end = length.checked_add(4).filter(|end| *end <= buf.len()).ok_or(CUT_OFF)?;
            (buf.slice(4..end), buf.slice(end..))
        }
        Page::DataPage { buf, num_values, .. } => {
            // BIT_PACKED, which Parquet deprecates: one bit per value, from the highest on.
            let length = (*num_values as usize).div_ceil(8);
            let levels = buf.get(..length).ok_or(CUT_OFF)?;
            (as_runs(levels), buf.slice(length..))
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let start = *rep_levels_byte_len as usize;
            let end = start + *def_levels_byte_len as usize;
            if end > buf.len() {
                return Err(CUT_OFF);
            }
            (buf.slice(start..end), buf.slice(end..))
        }
        Page::DictionaryPage { .. } => return Err("a second dictionary"),
    };
    Ok((has_levels.then_some(levels), rest))
}

/// The definition levels of a page: 1 for a value, 0 for null.
struct Levels {
    levels: Hybrid,
    /// The current run of one level: the level, and the number of rows that are left.
    run: (u32, usize),
    /// Levels that are not in runs.
    unpacked: Vec<u32>,
}

impl Levels {
    /// The levels of a page with `rows` rows. `None` if no row is null.
    fn new(levels: Bytes, rows: usize) -> Result<Option<Self>, Damage> {
        let mut levels = Hybrid::new(levels, 1)?;
        if levels.is_run(1, rows)? {
            return Ok(None);
        }
        Ok(Some(Self { levels, run: (0, 0), unpacked: Vec::new() }))
    }

    /// Reads the next 1 to `most` levels. If they are a run, returns the level and the number of rows; otherwise
    /// writes the levels to `unpacked` and returns `None`.
    fn next(&mut self, most: usize) -> Result<Option<(u32, usize)>, Damage> {
        if self.run.1 == 0 {
            match self.levels.next(most, &mut self.unpacked)? {
                Some((level, _)) if level > 1 => {
                    return Err("a level that is higher than the column has");
                }
                Some(run) => self.run = run,
                None => return Ok(None),
            }
        }
        let (level, left) = self.run;
        let count = left.min(most);
        self.run.1 = left - count;
        Ok(Some((level, count)))
    }

    /// Puts back the last `count` levels of the current run.
    fn give_back(&mut self, count: usize) {
        self.run.1 += count;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use proptest::prelude::*;
    use taploom_thrift::put_varint;

    use super::*;

    /// A data page of version 1. Its rows are bit-packed in groups of eight, or written as runs of one value.
    fn page(rows: &[Option<u32>], width: u8, is_packed: bool) -> Page {
        let packed = |numbers: &[u32], width: u8| {
            let mut bytes = Vec::new();
            if is_packed {
                put_varint(&mut bytes, (numbers.len().div_ceil(8) as u64) << 1 | 1);
                let mut padded = numbers.to_vec();
                padded.resize(numbers.len().next_multiple_of(8), 0);
                let bits: Vec<bool> = padded
                    .iter()
                    .flat_map(|number| (0..width).map(move |bit| number >> bit & 1 == 1))
                    .collect();
                bytes.extend(bits.chunks(8).map(|byte| {
                    byte.iter().rev().fold(0_u8, |sum, bit| sum << 1 | u8::from(*bit))
                }));
            } else {
                for run in numbers.chunk_by(|one, other| one == other) {
                    put_varint(&mut bytes, (run.len() as u64) << 1);
                    bytes.extend(&run[0].to_le_bytes()[..usize::from(width).div_ceil(8)]);
                }
            }
            bytes
        };
        let levels: Vec<u32> = rows.iter().map(|row| u32::from(row.is_some())).collect();
        let codes: Vec<u32> = rows.iter().flatten().copied().collect();
        let levels = packed(&levels, 1);
        let mut bytes = u32::try_from(levels.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend(levels);
        if !codes.is_empty() {
            bytes.push(width);
            bytes.extend(packed(&codes, width));
        }
        Page::DataPage {
            buf: bytes.into(),
            num_values: u32::try_from(rows.len()).unwrap(),
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_and_passed_over(
            runs in prop::collection::vec((prop::option::of(0_u32..100), 1_usize..90), 1..20),
            is_packed in any::<bool>(),
            steps in prop::collection::vec((0_usize..60, 1_usize..60), 40),
        ) {
            let rows: Vec<Option<u32>> =
                runs.iter().flat_map(|(row, times)| std::iter::repeat_n(*row, *times)).collect();
            let mut page = CodedPage::new(&page(&rows, 7, is_packed), true, 100).unwrap();
            let (mut at, mut buffer) = (0, Vec::new());
            for (passed, wanted) in steps {
                page.skip(passed).unwrap();
                at += passed;
                if at >= rows.len() {
                    break;
                }
                let codes = match page.next(wanted, &mut buffer).unwrap() {
                    Some((code, times)) => vec![code; times],
                    None => buffer.clone(),
                };
                let expected: Vec<u32> = rows[at..at + codes.len()].iter().map(|row| row.unwrap_or(100)).collect();
                prop_assert!((1..=wanted).contains(&codes.len()));
                at += codes.len();
                prop_assert_eq!(codes, expected);
                prop_assert_eq!(page.rows(), rows.len() - at);
            }
        }
    }

    #[test]
    fn a_page_of_nulls_needs_no_codes() {
        let mut page = CodedPage::new(&page(&[None; 30], 7, false), true, 0).unwrap();
        assert_eq!(page.next(100, &mut Vec::new()).unwrap(), Some((0, 30)));
        assert_eq!(page.rows(), 0);
    }

    #[test]
    fn codes_beyond_the_dictionary_are_damage() {
        for is_packed in [true, false] {
            let rows = [Some(3), Some(3), Some(7)];
            let read = |null: u32| -> Result<(), Damage> {
                let mut page = CodedPage::new(&page(&rows, 3, is_packed), true, null)?;
                while page.rows() > 0 {
                    page.next(100, &mut Vec::new())?;
                }
                Ok(())
            };
            assert!(read(8).is_ok());
            assert!(read(7).is_err());
        }
    }
}
