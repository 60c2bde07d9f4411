//! The keys that the codes of a column stand for, and what is known about each key.
//!
//! # Filters
//!
//! Once a group is full, that is, once it has all its ids, rows with other ids can be dropped, and nearly all rows
//! are of this kind. A filter recognises most of them quickly. Each id has a *mark*: its number modulo 63. Each full
//! group has a *filter* of 64 bits, in which the marks of its ids are set. A row is dropped if the filter of its
//! group does not have the mark of its id; with 10 ids out of 1,000, that drops six of seven rows. Ids whose number
//! is not known yet have the mark 63, which is set in every filter. Groups that are not full, or not known yet, have
//! a filter with all bits set.

use arrow_array::new_empty_array;
use arrow_schema::DataType;
use taploom_expressions::{KeptPairs, Key, KeyReader, Keys};
use taploom_model::Result;

/// How the keys of rows are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// From bounds, which show that a row group or page has a single key.
    Bounds,
    /// From dictionary codes.
    Codes,
    /// From decoded values.
    Values,
}

/// The keys that codes stand for. A code is the position of a key; the code after the last key stands for null.
#[derive(Debug)]
pub(super) struct Table {
    proof: Proof,
    /// Distinguishes the tables of a column chunk.
    serial: u64,
    keys: Keys,
    len: usize,
    /// For each code, the number of the group or id, or [`NONE`] if it is not known. Empty before the first row is
    /// decided.
    numbers: Vec<u32>,
    /// For each code of a group, its filter.
    filters: Vec<u64>,
    /// For each code of an id, its mark.
    marks: Vec<u8>,
    /// For each code of an id that has no number: how many ids had one when this id was last looked up.
    asked: Vec<u32>,
}

const NONE: u32 = u32::MAX;
/// The filter of a group that is not full.
const ANY_ID: u64 = u64::MAX;
/// The mark of an id that is not known.
const UNKNOWN: u8 = 63;

impl Table {
    /// A table without keys.
    pub(super) fn empty(keys: &KeyReader, data_type: &DataType) -> Result<Self> {
        Ok(Self::new(Proof::Bounds, 0, keys.of_array(&new_empty_array(data_type))?, 0))
    }

    pub(super) fn new(proof: Proof, serial: u64, keys: Keys, len: usize) -> Self {
        let (numbers, filters, marks, asked) = Default::default();
        Self { proof, serial, keys, len, numbers, filters, marks, asked }
    }

    pub(super) fn proof(&self) -> Proof {
        self.proof
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The code that stands for null.
    pub(super) fn null(&self) -> u32 {
        u32::try_from(self.len).unwrap_or(NONE)
    }

    /// The end of the run of equal keys that begins at `start`.
    pub(super) fn end_of_run(&self, start: usize) -> usize {
        let mut end = start + 1;
        while end < self.len && self.keys.is_same(start, end) {
            end += 1;
        }
        end
    }

    /// The filter of the group with this code.
    #[inline]
    pub(super) fn filter(&self, code: u32) -> u64 {
        self.filters.get(code as usize).copied().unwrap_or(ANY_ID)
    }

    /// The mark of the id with this code.
    #[inline]
    pub(super) fn mark(&self, code: u32) -> u8 {
        self.marks.get(code as usize).copied().unwrap_or(UNKNOWN)
    }

    fn key(&self, code: u32) -> Key<'_> {
        match code as usize {
            at if at < self.len => self.keys.key(at),
            _ => Key::Null,
        }
    }
}

/// Decides whether a row is kept, given the codes of its group and of its id.
pub(super) fn decide(
    kept: &mut KeptPairs,
    (groups, group): (&mut Table, u32),
    (ids, id): (&mut Table, u32),
) -> Result<bool> {
    if groups.numbers.is_empty() {
        groups.numbers.resize(groups.len + 1, NONE);
        groups.filters.resize(groups.len + 1, ANY_ID);
    }
    if ids.numbers.is_empty() {
        ids.numbers.resize(ids.len + 1, NONE);
        ids.marks.resize(ids.len + 1, UNKNOWN);
        ids.asked.resize(ids.len + 1, NONE);
    }
    // These indices exist: codes are checked when they are read.
    let (group_at, id_at) = (group as usize, id as usize);
    let mut number = groups.numbers[group_at];
    if number == NONE {
        number = kept.group(groups.key(group))?;
        groups.numbers[group_at] = number;
    }
    let known = ids.numbers[id_at];
    if known != NONE {
        let keeps = kept.decide_known(number, known)?;
        if groups.filters[group_at] == ANY_ID
            && let Some(full) = kept.ids_of_full(number)
        {
            groups.filters[group_at] =
                full.iter().fold(1_u64 << UNKNOWN, |bits, id| bits | 1 << mark(*id));
        }
        return Ok(keeps);
    }
    let known_ids = kept.known_ids();
    let is_full = kept.is_full(number);
    if is_full && ids.asked[id_at] == known_ids {
        return Ok(false);
    }
    let key = ids.key(id);
    let (keeps, known) = match kept.known_id(key) {
        Some(known) => (kept.decide_known(number, known)?, known),
        None if is_full => (false, NONE),
        None => {
            let keeps = kept.decide(number, key)?;
            (keeps, kept.known_id(key).unwrap_or(NONE))
        }
    };
    ids.numbers[id_at] = known;
    ids.asked[id_at] = known_ids;
    if known != NONE {
        ids.marks[id_at] = mark(known);
    }
    Ok(keeps)
}

/// The mark of the id with this number: 0 to 62.
fn mark(number: u32) -> u8 {
    (number % u32::from(UNKNOWN)) as u8
}
