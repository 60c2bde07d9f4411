//! Definition levels of a nullable column: one bit per row, in runs.
//!
//! Source: Parquet's "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)", preceded by its length in
//! four bytes, as in data pages of version 1.

/// Groups that are looked at together.
const GROUPS: usize = 8;

/// The most groups of eight bits after one header: with more, the header would have two bytes.
const MOST_GROUPS: usize = 63;

/// Appends the levels of `rows` rows. They are the bits of `bits`, lowest bit of each byte first.
///
/// Groups of eight bits are packed as they are. A group of eight equal bits begins a run, which takes all equal bits
/// that follow; the next group begins after the run. The Parquet crate makes the same choice.
///
/// If every tenth row or so is null, no processor can predict where the next run begins. So eight groups are looked at
/// together, and the groups before the run are written without a branch for each.
pub(super) fn put_levels(bits: &[u8], rows: usize, out: &mut Vec<u8>) {
    let start = out.len();
    // The most for 16 rows are a packed group and a run with a header each. Eight bytes are written at a time.
    out.resize(start + 4 + rows / 4 + 2 * GROUPS, 0);
    let mut levels = Levels { out, end: start + 4, header: 0, groups: 0 };
    let mut at = 0;
    while rows - at >= 8 {
        let window = window(bits, at);
        let groups = ((rows - at) / 8).min(GROUPS);
        let before_run = groups_before_run(window).min(groups);
        let packed = before_run.min(MOST_GROUPS - levels.groups);
        levels.pack(window, packed);
        at += 8 * packed;
        if packed == before_run && packed < groups {
            let left = window >> (8 * packed);
            let ones = u64::from(left & 1 == 1).wrapping_neg();
            let same = (left ^ ones).trailing_zeros() as usize;
            let known = 64 - 8 * packed;
            let end = if same < known { at + same } else { run_end(bits, at + known, rows, ones) };
            let end = end.min(rows);
            levels.put_run(end - at, left & 1 == 1);
            at = end;
        }
    }
    if at < rows {
        let mask = u64::MAX >> (64 - (rows - at));
        let rest = window(bits, at) & mask;
        if levels.groups == 0 && (rest == 0 || rest == mask) {
            levels.put_run(rows - at, rest != 0);
        } else {
            levels.pack(rest, 1);
        }
    }
    let end = levels.end;
    out.truncate(end);
    let length = (end - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Encoded levels.
struct Levels<'a> {
    out: &'a mut [u8],
    end: usize,
    /// Where the header of the open packed groups is, and their number; 0 if none are open.
    header: usize,
    groups: usize,
}

impl Levels<'_> {
    /// Appends the first `count` groups, for which the open header has room.
    fn pack(&mut self, groups: u64, count: usize) {
        if self.groups == 0 {
            self.header = self.end;
            self.end += usize::from(count > 0);
        }
        // Bytes after the groups, and the header of no groups, are overwritten by what follows.
        self.out[self.end..self.end + GROUPS].copy_from_slice(&groups.to_le_bytes());
        self.end += count;
        self.groups += count;
        self.out[self.header] = (self.groups << 1 | 1) as u8;
        if self.groups == MOST_GROUPS {
            self.groups = 0;
        }
    }

    fn put_run(&mut self, rows: usize, level: bool) {
        self.groups = 0;
        let mut length = rows << 1;
        while length >= 0x80 {
            self.out[self.end] = length as u8 | 0x80;
            self.end += 1;
            length >>= 7;
        }
        self.out[self.end] = length as u8;
        self.out[self.end + 1] = u8::from(level);
        self.end += 2;
    }
}

/// The 64 bits from an offset on. Bits after the last byte are zeros.
fn window(bits: &[u8], at: usize) -> u64 {
    let (rest, shift) = (&bits[at / 8..], at % 8);
    let mut bytes = [0; 9];
    match rest.first_chunk::<9>() {
        Some(nine) => bytes = *nine,
        None => bytes[..rest.len()].copy_from_slice(rest),
    }
    let [low @ .., high] = bytes;
    // Shifted twice, because a shift by 64 is not allowed.
    u64::from_le_bytes(low) >> shift | u64::from(high) << 1 << (63 - shift)
}

/// The number of groups before the first group of equal bits.
fn groups_before_run(window: u64) -> usize {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The bits that differ from the next higher bit of their group.
    let different = (window ^ window >> 1) & LOW;
    // The highest bit of a group is set if none differs.
    ((HIGH - different) & HIGH).trailing_zeros() as usize / 8
}

/// The end of the bits that are equal to the bits of `level`, counted from an offset.
fn run_end(bits: &[u8], mut at: usize, rows: usize, level: u64) -> usize {
    while at < rows {
        let same = (window(bits, at) ^ level).trailing_zeros() as usize;
        at += same;
        if same < 64 {
            break;
        }
    }
    at.min(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use proptest::prelude::*;
    use taploom_thrift::put_varint;

    use super::*;

    /// Reads levels as the specification has them.
    fn levels(bytes: &[u8], rows: usize) -> Vec<bool> {
        let (length, mut bytes) = bytes.split_first_chunk().unwrap();
        assert_eq!(u32::from_le_bytes(*length) as usize, bytes.len());
        let mut levels = Vec::new();
        while !bytes.is_empty() {
            let (mut header, mut shift) = (0, 0);
            loop {
                header |= usize::from(bytes[0] & 0x7f) << shift;
                shift += 7;
                let last = bytes[0] < 0x80;
                bytes = &bytes[1..];
                if last {
                    break;
                }
            }
            let count = if header & 1 == 1 { header >> 1 } else { 1 };
            let (run, rest) = bytes.split_at(count);
            bytes = rest;
            if header & 1 == 1 {
                levels.extend(
                    run.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)),
                );
            } else {
                levels.extend(std::iter::repeat_n(run[0] == 1, header >> 1));
            }
        }
        assert!(levels.len() < rows + 8, "no more than a group is filled up");
        levels.truncate(rows);
        levels
    }

    /// Encodes levels one row after the other.
    fn row_by_row(rows: &[bool]) -> Vec<u8> {
        let mut out = vec![0; 4];
        let (mut at, mut header) = (0, None);
        while at < rows.len() {
            let group = &rows[at..rows.len().min(at + 8)];
            let run = rows[at..].iter().take_while(|row| **row == rows[at]).count();
            if run >= group.len() && (group.len() == 8 || header.is_none()) {
                put_varint(&mut out, (run << 1) as u64);
                out.push(u8::from(rows[at]));
                (at, header) = (at + run, None);
                continue;
            }
            let header_at = *header.get_or_insert_with(|| {
                out.push(1);
                out.len() - 1
            });
            out.push(group.iter().rev().fold(0, |byte, row| byte << 1 | u8::from(*row)));
            out[header_at] += 2;
            if out[header_at] == 2 * MOST_GROUPS as u8 + 1 {
                header = None;
            }
            at += group.len();
        }
        let length = out.len() as u32 - 4;
        out[..4].copy_from_slice(&length.to_le_bytes());
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn levels_come_back(runs in prop::collection::vec((any::<bool>(), 1_usize..200), 0..40)) {
            let rows: Vec<bool> =
                runs.iter().flat_map(|(valid, count)| std::iter::repeat_n(*valid, *count)).collect();
            let mut bits = vec![0; rows.len().div_ceil(8)];
            for (at, valid) in rows.iter().enumerate() {
                bits[at / 8] |= u8::from(*valid) << (at % 8);
            }
            let mut bytes = Vec::new();
            put_levels(&bits, rows.len(), &mut bytes);
            prop_assert_eq!(&bytes, &row_by_row(&rows));
            prop_assert_eq!(levels(&bytes, rows.len()), rows);
        }

        #[test]
        fn rows_do_not_depend_on_each_other(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            sparse in any::<bool>(),
            left_out in 0_usize..8,
        ) {
            // Random bits seldom begin a run; bits of which few are zero often do.
            let mut bits: Vec<u8> = bytes;
            if sparse {
                bits.iter_mut().for_each(|byte| *byte |= byte.rotate_left(3) | byte.rotate_left(5));
            }
            let rows = (bits.len() * 8).saturating_sub(left_out);
            let levels: Vec<bool> = (0..rows).map(|row| bits[row / 8] >> (row % 8) & 1 == 1).collect();
            let mut encoded = vec![7];
            put_levels(&bits, rows, &mut encoded);
            prop_assert_eq!(&encoded[1..], &row_by_row(&levels));
        }
    }

    #[test]
    fn runs_and_groups() {
        let encoded = |bits: &[u8], rows| {
            let mut bytes = Vec::new();
            put_levels(bits, rows, &mut bytes);
            bytes
        };
        // A run of 19; bits after the last row do not count.
        assert_eq!(encoded(&[0xff, 0xff, 0x07], 19), [2, 0, 0, 0, 38, 1]);
        // Two groups; a run that begins in the middle of a byte; the rest of the next value.
        assert_eq!(
            encoded(&[0x05, 0xf1, 0xff, 0x0f], 32),
            [7, 0, 0, 0, 5, 0x05, 0xf1, 24, 1, 8, 0],
        );
    }
}
