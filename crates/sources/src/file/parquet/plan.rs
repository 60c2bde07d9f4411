//! Plans how to read a row group within the memory limit.

use super::cost::ColumnCost;

/// The memory limit, divided into shares, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    /// For the readers that are open at a time, and the largest page that one of them is decompressing.
    pub(super) open: u64,
    /// For the readers that stay open while the staged columns are read back.
    pub(super) live: u64,
    /// For the rows of a batch.
    pub(super) rows: u64,
    /// For rows of a group of columns before they are staged, and for bytes to be written to scratch.
    pub(super) staged: u64,
}

impl Shares {
    pub(super) fn of(memory: usize) -> Self {
        let part = memory as u64 / 16;
        Self { open: 11 * part, live: 6 * part, rows: 4 * part, staged: part }
    }
}

/// How to read a row group.
#[derive(Debug, PartialEq)]
pub(super) enum ReadPlan {
    /// All columns side by side.
    Together {
        /// Number of rows of a batch.
        rows: usize,
    },
    /// A few columns at a time, staged in scratch.
    Transposed(Transposition),
}

/// The division of the columns into groups.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Transposition {
    /// Columns whose readers stay open, because they take little memory or can't be staged.
    pub(super) live: Vec<usize>,
    /// Groups of columns that are staged one after the other.
    pub(super) groups: Vec<ColumnGroup>,
    /// Number of rows of each strip, and of a batch.
    pub(super) rows: usize,
    /// Size of a write to scratch in bytes.
    pub(super) write_bytes: usize,
}

/// Columns that are read and staged together.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ColumnGroup {
    /// Positions in the schema, ascending.
    pub(super) columns: Vec<usize>,
    /// Number of rows that are decoded at a time: a multiple of the rows of a strip.
    pub(super) rows: usize,
}

impl ReadPlan {
    /// Plans the reading. `may_stage` tells whether a column can be staged and restored.
    pub(super) fn new(
        costs: &[ColumnCost],
        shares: &Shares,
        most_rows: usize,
        may_stage: impl Fn(usize) -> bool,
    ) -> Self {
        let row: f64 = costs.iter().map(|cost| cost.row).sum();
        if open(costs.iter()) <= shares.open {
            return Self::Together { rows: rows_in(shares.rows, row, most_rows) };
        }
        // The wanted batch size does not limit strips, because small strips take longer to read.
        let rows = rows_in(shares.rows, row, usize::MAX);
        let live = live(costs, shares, may_stage);
        let mut groups = Vec::new();
        let mut group: Vec<usize> = Vec::new();
        let staged = (0..costs.len()).filter(|column| !live[*column]);
        for column in staged {
            group.push(column);
            if group.len() > 1 && open(group.iter().map(|at| &costs[*at])) > shares.open {
                let next = group.split_off(group.len() - 1);
                let full = std::mem::replace(&mut group, next);
                groups.push(ColumnGroup::new(full, costs, shares, rows));
            }
        }
        if !group.is_empty() {
            groups.push(ColumnGroup::new(group, costs, shares, rows));
        }
        let live = (0..costs.len()).filter(|column| live[*column]).collect();
        let write_bytes = MOST_WRITTEN.min(usize::try_from(shares.staged).unwrap_or(usize::MAX));
        Self::Transposed(Transposition { live, groups, rows, write_bytes })
    }
}

impl ColumnGroup {
    fn new(columns: Vec<usize>, costs: &[ColumnCost], shares: &Shares, strip: usize) -> Self {
        let row: f64 = columns.iter().map(|column| costs[*column].row).sum();
        let strips = rows_in(shares.staged, row, MOST_DECODED).div_ceil(strip).max(1);
        Self { columns, rows: strip.saturating_mul(strips) }
    }
}

/// Memory of readers that are open at the same time.
fn open<'a>(costs: impl Iterator<Item = &'a ColumnCost>) -> u64 {
    let (open, passing) = costs.fold((0, 0), |(open, passing): (u64, u64), cost| {
        (open.saturating_add(cost.open), passing.max(cost.passing))
    });
    open.saturating_add(passing)
}

/// Maximum number of rows that are decoded at a time for scratch. Larger values are not faster.
const MOST_DECODED: usize = 8192;
/// Maximum size of a write to scratch in bytes. Larger values are not faster.
const MOST_WRITTEN: usize = 256 << 10;

/// The number of rows of `row` bytes that fit into a share: at least 1, and at most `most`.
fn rows_in(share: u64, row: f64, most: usize) -> usize {
    let rows = share as f64 / row.max(f64::MIN_POSITIVE);
    // The cast saturates.
    (rows as usize).clamp(1, most.max(1))
}

/// Which columns stay open: columns that can't be staged, then the cheapest ones.
fn live(costs: &[ColumnCost], shares: &Shares, may_stage: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut live: Vec<bool> = (0..costs.len()).map(|column| !may_stage(column)).collect();
    let (kept, mut columns): (Vec<usize>, Vec<usize>) =
        (0..costs.len()).partition(|column| live[*column]);
    let cost = |column: usize| costs[column].open.saturating_add(costs[column].passing);
    columns.sort_by_key(|column| cost(*column));
    let mut sum: u64 = kept.into_iter().map(cost).sum();
    for column in columns {
        sum = sum.saturating_add(cost(column));
        if sum > shares.live {
            break;
        }
        live[column] = true;
    }
    live
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test that fails panics")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Every column is read once. Readers that are open at the same time take at most their share,
        /// unless there is only one.
        #[test]
        fn all_columns_are_read_within_the_shares(
            costs in proptest::collection::vec((0_u64..3 << 20, 0_u64..1 << 20, 0.0..1e6_f64), 0..60),
            memory in 0_usize..16 << 20,
            unstaged in 0_usize..60,
        ) {
            let costs: Vec<ColumnCost> =
                costs.into_iter().map(|(open, passing, row)| ColumnCost { open, passing, row }).collect();
            let shares = Shares::of(memory);
            let open = |columns: &[usize]| open(columns.iter().map(|at| &costs[*at]));
            let all: Vec<usize> = (0..costs.len()).collect();
            match ReadPlan::new(&costs, &shares, 2000, |column| column != unstaged) {
                ReadPlan::Together { rows } => {
                    prop_assert!(open(&all) <= shares.open && (1..=2000).contains(&rows));
                }
                ReadPlan::Transposed(plan) => {
                    prop_assert!(open(&all) > shares.open);
                    let optional: Vec<usize> =
                        plan.live.iter().copied().filter(|column| *column != unstaged).collect();
                    prop_assert!(optional.is_empty() || open(&plan.live) <= shares.live);
                    let mut columns = plan.live.clone();
                    for group in &plan.groups {
                        prop_assert!(group.columns.len() == 1 || open(&group.columns) <= shares.open);
                        prop_assert!(group.columns.is_sorted() && group.rows % plan.rows == 0);
                        columns.extend(&group.columns);
                    }
                    columns.sort_unstable();
                    prop_assert_eq!(columns, all);
                }
            }
        }
    }

    #[test]
    fn cheap_columns_stay_open_and_dear_ones_are_put_aside() {
        let cost = |open| ColumnCost { open, passing: 0, row: 8.0 };
        let costs = [cost(4 << 20), cost(1 << 10), cost(4 << 20), cost(1 << 10), cost(1 << 20)];
        let ReadPlan::Transposed(plan) =
            ReadPlan::new(&costs, &Shares::of(8 << 20), 2000, |_| true)
        else {
            panic!("the columns fit");
        };
        assert_eq!(plan.live, [1, 3, 4]);
        let groups: Vec<_> = plan.groups.iter().map(|group| &group.columns[..]).collect();
        assert_eq!(groups, [[0], [2]]);
    }
}
