//! The rows of a row group that are kept, as runs or as one bit per row.

use arrow_buffer::BooleanBufferBuilder;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

/// If runs have fewer rows than this on average, one bit per row takes less memory than the runs.
const ROWS_PER_RUN: usize = 128;
/// Number of runs after which it is checked whether bits would take less memory.
const MOST_RUNS: usize = 4096;

/// The rows of a row group that are kept.
#[derive(Debug)]
pub(in crate::file::parquet) enum KeptRows {
    None,
    All,
    Some {
        /// How many rows are kept.
        rows: usize,
        selection: RowSelection,
    },
}

/// Collects rows as runs, or as bits if the runs would take more memory than one bit per row.
#[derive(Debug, Default)]
pub(in crate::file::parquet) struct Mask {
    /// Lengths of alternating runs: rows to drop, rows to keep, and so on.
    runs: Vec<usize>,
    /// The rows before `runs`, once there were too many runs.
    bits: Option<BooleanBufferBuilder>,
    rows: usize,
    kept: usize,
}

impl Mask {
    /// Appends rows that are all kept or all dropped.
    pub(in crate::file::parquet) fn append_run(&mut self, rows: usize, keeps: bool) {
        if rows == 0 {
            return;
        }
        self.rows = self.rows.saturating_add(rows);
        self.kept = self.kept.saturating_add(if keeps { rows } else { 0 });
        // Runs at even positions are dropped rows, so an even number of runs ends with kept rows.
        let ends_kept = self.runs.len().is_multiple_of(2);
        match self.runs.last_mut() {
            Some(last) if ends_kept == keeps => *last = last.saturating_add(rows),
            Some(_) => self.runs.push(rows),
            None if keeps => self.runs.extend([0, rows]),
            None => self.runs.push(rows),
        }
        if self.runs.len() >= MOST_RUNS {
            self.pack();
        }
    }

    /// Appends up to 64 rows, one bit per row.
    pub(in crate::file::parquet) fn append(&mut self, mut bits: u64, rows: usize) {
        let mut left = rows;
        while left > 0 {
            let keeps = bits & 1 == 1;
            let alike = if keeps { bits.trailing_ones() } else { bits.trailing_zeros() };
            let alike = (alike as usize).min(left);
            self.append_run(alike, keeps);
            left -= alike;
            bits = bits.checked_shr(alike as u32).unwrap_or(0);
        }
    }

    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Returns the rows that are kept.
    pub(in crate::file::parquet) fn finish(mut self) -> KeptRows {
        if self.kept == 0 {
            return KeptRows::None;
        }
        if self.kept == self.rows {
            return KeptRows::All;
        }
        let rows = self.kept;
        if self.bits.is_some() {
            self.pack();
        }
        let selection = match self.bits {
            Some(mut bits) => RowSelection::from_boolean_buffer(bits.finish()),
            None => {
                let selectors = self.runs.iter().enumerate().map(|(at, rows)| match at % 2 {
                    0 => RowSelector::skip(*rows),
                    _ => RowSelector::select(*rows),
                });
                selectors.collect::<Vec<_>>().into()
            }
        };
        KeptRows::Some { rows, selection }
    }

    /// Turns the runs into bits, if the bits take less memory.
    fn pack(&mut self) {
        let are_dense = self.rows / ROWS_PER_RUN < self.runs.len();
        if self.bits.is_none() && !are_dense {
            return;
        }
        let bits = self.bits.get_or_insert_with(|| BooleanBufferBuilder::new(0));
        for (at, rows) in self.runs.drain(..).enumerate() {
            bits.append_n(rows, at % 2 == 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_that_are_appended_are_selected(
            runs in proptest::collection::vec((any::<bool>(), any::<bool>(), 1_usize..200), 1..60),
            times in prop_oneof![Just(1_usize), Just(100)],
        ) {
            let (mut mask, mut expected) = (Mask::default(), Vec::new());
            for (keeps, at_once, rows) in std::iter::repeat_n(runs, times).flatten() {
                let bits = if keeps { u64::MAX } else { 0 };
                if at_once {
                    mask.append_run(rows, keeps);
                } else {
                    (0..rows).step_by(64).for_each(|at| mask.append(bits, (rows - at).min(64)));
                }
                expected.extend(std::iter::repeat_n(keeps, rows));
            }
            let kept = expected.iter().filter(|keeps| **keeps).count();
            prop_assert_eq!(mask.kept(), kept);
            match mask.finish() {
                KeptRows::None => prop_assert_eq!(kept, 0),
                KeptRows::All => prop_assert_eq!(kept, expected.len()),
                KeptRows::Some { rows, selection } => {
                    let found: Vec<bool> = selection
                        .iter()
                        .flat_map(|run| std::iter::repeat_n(!run.skip, run.row_count))
                        .collect();
                    prop_assert_eq!(rows, kept);
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
