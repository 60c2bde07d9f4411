//! Pairs of codes that have been decided.

use taploom_expressions::KeptPairs;
use taploom_model::Result;

use super::table::{Proof, Table};

/// Bytes for pairs of codes. Two dictionaries with more pairs do without.
pub(super) const MEMO_MOST: usize = 4 << 20;

/// What was decided on pairs of codes of two dictionaries. A decision never changes.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The serial numbers of the tables.
    tables: Option<[u64; 2]>,
    /// For each pair 0, or what was decided.
    pairs: Vec<u8>,
    /// Pairs per group.
    stride: usize,
}

const DROPPED: u8 = 1;
const KEPT: u8 = 2;

impl Memo {
    /// Forgets all, at the beginning of a row group.
    pub(super) fn clear(&mut self) {
        self.tables = None;
    }

    /// Makes room for the pairs of two tables, if they are dictionaries and not too large.
    pub(super) fn open(&mut self, group: &Table, id: &Table) {
        let tables = [group.serial(), id.serial()];
        if self.tables == Some(tables) {
            return;
        }
        self.tables = Some(tables);
        self.pairs.clear();
        self.stride = id.len() + 1;
        let pairs = (group.len() + 1).saturating_mul(self.stride);
        let are_codes = group.proof() == Proof::Codes && id.proof() == Proof::Codes;
        if are_codes && pairs <= MEMO_MOST {
            self.pairs.resize(pairs, 0);
        }
    }

    /// Whether the rows with a pair of codes are kept.
    pub(super) fn decide(
        &mut self,
        kept: &mut KeptPairs,
        group: &mut Table,
        id: &mut Table,
        codes: [u32; 2],
    ) -> Result<bool> {
        let at = (codes[0] as usize).saturating_mul(self.stride) + codes[1] as usize;
        match self.pairs.get(at) {
            Some(&DROPPED) => return Ok(false),
            Some(&KEPT) => return Ok(true),
            _ => {}
        }
        let number = group.group(kept, codes[0])?;
        let keeps = id.decide(kept, number, codes[1])?;
        if let Some(pair) = self.pairs.get_mut(at) {
            *pair = if keeps { KEPT } else { DROPPED };
        }
        Ok(keeps)
    }
}
