//! Definition levels of a nullable column: one bit per row, in runs.
//!
//! Source: Parquet's "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)", preceded by its length in
//! four bytes, as in data pages of version 1.

use taploom_thrift::put_varint;

/// The most groups of eight bits after one header: with more, the header would have two bytes.
const MOST_GROUPS: usize = 63;

/// Appends the levels of `rows` rows. They are the bits of `bits`, lowest bit of each byte first.
///
/// Groups of eight bits are packed as they are. A group of eight equal bits begins a run, which takes all equal bits
/// that follow; the next group begins after the run. The Parquet crate makes the same choice.
pub(super) fn put_levels(bits: &[u8], rows: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut packed = PackedRun { header: None };
    let mut at = 0;
    while rows - at >= 8 {
        let group = group(bits, at);
        if group == 0 || group == u8::MAX {
            packed.end();
            let end = run_end(bits, at + 8, rows, group);
            put_run(out, end - at, group);
            at = end;
        } else {
            packed.put(out, group);
            at += 8;
        }
    }
    if at < rows {
        let mask = u8::MAX >> (8 - (rows - at));
        let rest = group(bits, at) & mask;
        if packed.header.is_none() && (rest == 0 || rest == mask) {
            put_run(out, rows - at, rest);
        } else {
            packed.put(out, rest);
        }
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// A run of packed groups, if one is open.
struct PackedRun {
    header: Option<usize>,
}

impl PackedRun {
    fn put(&mut self, out: &mut Vec<u8>, group: u8) {
        let header = *self.header.get_or_insert_with(|| {
            out.push(1);
            out.len() - 1
        });
        out.push(group);
        let groups = out.len() - 1 - header;
        out[header] = (groups << 1 | 1) as u8;
        if groups == MOST_GROUPS {
            self.end();
        }
    }

    fn end(&mut self) {
        self.header = None;
    }
}

fn put_run(out: &mut Vec<u8>, rows: usize, group: u8) {
    put_varint(out, (rows as u64) << 1);
    out.push(group & 1);
}

/// The eight bits at an offset. Bits after the last byte are zeros.
fn group(bits: &[u8], at: usize) -> u8 {
    let low = bits[at / 8];
    let high = bits.get(at / 8 + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([low, high]) >> (at % 8)) as u8
}

/// The end of the bits that are equal to the bits of `group`, counted from an offset.
fn run_end(bits: &[u8], mut at: usize, rows: usize, group: u8) -> usize {
    let unlike = u64::from_ne_bytes([group; 8]);
    while at < rows {
        let word = match bits[at / 8..].first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => {
                let mut bytes = [0; 8];
                let rest = &bits[at / 8..];
                bytes[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(bytes)
            }
        };
        let different = (word ^ unlike) >> (at % 8);
        let left = 64 - at % 8;
        let same = (different.trailing_zeros() as usize).min(left);
        at += same;
        if same < left {
            break;
        }
    }
    at.min(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
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
            prop_assert_eq!(levels(&bytes, rows.len()), rows);
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
