//! Decides rows from the codes of their group and of their id.

use taploom_expressions::KeptPairs;
use taploom_model::Result;

use super::column::{Codes, KeyChunk};
use super::mask::Mask;
use super::table::decide;

/// Number of rows that are filtered at a time, one bit per row.
const WORD: usize = 64;

/// Decides the rows of a row group, from the first to the last.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The last row, and whether it is kept.
    last: Option<(Row, bool)>,
    /// Number of runs of rows with the same group and the same id.
    pub(super) runs: u64,
}

/// The codes of a row, and the serial numbers of the tables that they belong to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    tables: [u64; 2],
    codes: [u32; 2],
}

impl Pairs {
    /// Decides the next `rows` rows. Both columns must have at least this number of rows [`left`](KeyChunk::left).
    pub(super) fn decide(
        &mut self,
        kept: &mut KeptPairs,
        group: &mut KeyChunk<'_>,
        id: &mut KeyChunk<'_>,
        rows: usize,
        mask: &mut Mask,
    ) -> Result<()> {
        let (group_codes, groups) = group.codes_and_table();
        let (id_codes, ids) = id.codes_and_table();
        let tables = [groups.serial(), ids.serial()];
        if let (Codes::Repeated(group), Codes::Repeated(id)) = (group_codes, id_codes) {
            let row = Row { tables, codes: [group, id] };
            let keeps = match self.last {
                Some((last, keeps)) if last == row => keeps,
                _ => {
                    self.runs += 1;
                    decide(kept, (&mut *groups, group), (&mut *ids, id))?
                }
            };
            self.last = Some((row, keeps));
            mask.append_run(rows, keeps);
            return Ok(());
        }
        let mut keeps_last = false;
        for start in (0..rows).step_by(WORD) {
            let count = WORD.min(rows - start);
            let group_codes = group_codes.slice(start, count);
            let id_codes = id_codes.slice(start, count);
            let mut left = match (group_codes, id_codes) {
                (Codes::Repeated(group), Codes::Each(id)) => {
                    let filter = groups.filter(group);
                    passing(std::iter::repeat(filter).zip(id.iter().map(|id| ids.mark(*id))))
                }
                (Codes::Each(group), Codes::Repeated(id)) => {
                    let mark = ids.mark(id);
                    passing(group.iter().map(|group| (groups.filter(*group), mark)))
                }
                (Codes::Each(group), Codes::Each(id)) => {
                    let pairs = group.iter().zip(id);
                    passing(pairs.map(|(group, id)| (groups.filter(*group), ids.mark(*id))))
                }
                (Codes::Repeated(group), Codes::Repeated(id)) => {
                    let pair = (groups.filter(group), ids.mark(id));
                    passing(std::iter::repeat_n(pair, count))
                }
            };
            let mut bits = 0;
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                left &= left - 1;
                let codes = (group_codes.at(at), id_codes.at(at));
                bits |=
                    u64::from(decide(kept, (&mut *groups, codes.0), (&mut *ids, codes.1))?) << at;
            }
            mask.append(bits, count);
            keeps_last = bits >> (count - 1) & 1 == 1;
        }
        let row = |at: usize| Row { tables, codes: [group_codes.at(at), id_codes.at(at)] };
        let is_new = self.last.is_none_or(|(last, _)| last != row(0));
        self.runs += u64::from(is_new) + changes(group_codes, id_codes, rows);
        self.last = Some((row(rows.saturating_sub(1)), keeps_last));
        Ok(())
    }
}

/// Filters up to 64 rows, each given as the filter of its group and the mark of its id. Bit `n` of the result is set
/// if row `n` may be kept.
#[inline]
fn passing(rows: impl Iterator<Item = (u64, u8)>) -> u64 {
    rows.enumerate().fold(0, |bits, (at, (filter, mark))| bits | (filter >> (mark & 63) & 1) << at)
}

/// Counts the rows whose codes differ from the codes of the row before.
fn changes(groups: Codes<'_>, ids: Codes<'_>, rows: usize) -> u64 {
    fn of(codes: &[u32]) -> impl Iterator<Item = bool> {
        codes.iter().zip(codes.iter().skip(1)).map(|(one, next)| one != next)
    }
    let changes = match (groups.slice(0, rows), ids.slice(0, rows)) {
        (Codes::Repeated(_), Codes::Repeated(_)) => 0,
        (Codes::Each(codes), Codes::Repeated(_)) | (Codes::Repeated(_), Codes::Each(codes)) => {
            of(codes).filter(|changes| *changes).count()
        }
        (Codes::Each(groups), Codes::Each(ids)) => {
            of(groups).zip(of(ids)).filter(|(group, id)| group | id).count()
        }
    };
    changes as u64
}

impl<'a> Codes<'a> {
    /// The codes of `count` rows from `start` on.
    #[inline]
    fn slice(self, start: usize, count: usize) -> Self {
        match self {
            Self::Repeated(code) => Self::Repeated(code),
            Self::Each(codes) => Self::Each(codes.get(start..start + count).unwrap_or(&[])),
        }
    }

    /// The code of `row`, which must exist.
    #[inline]
    fn at(self, row: usize) -> u32 {
        match self {
            Self::Repeated(code) => code,
            Self::Each(codes) => codes.get(row).copied().unwrap_or(0),
        }
    }
}
