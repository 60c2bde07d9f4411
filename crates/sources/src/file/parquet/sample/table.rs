//! What the codes of a column mean, and what is known of them.
//!
//! # Filters
//!
//! Once a group has all its ids, the rows of other ids can be dropped, and nearly all rows are such. A *mark* is a number
//! from 0 to 62 that an id has by its number. A group that is full has a *filter* with a bit for the mark of each of its ids.
//! A row whose bit is not set is dropped without another look; with 10 ids of 1,000, six of seven rows are. Ids whose
//! number is not known have the mark 63, and that bit is set in every filter. Groups that are not full, or not known, have
//! all bits.

use arrow_array::new_empty_array;
use arrow_schema::DataType;
use taploom_expressions::{KeptPairs, Key, KeyReader, Keys};
use taploom_model::Result;

/// How the keys of rows are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// A row group or page has one key, by its bounds.
    Bounds,
    /// By the codes of a dictionary.
    Codes,
    /// The values were decoded.
    Values,
}

/// The keys that codes stand for: a code is the position of a key, and the code after the last one is null.
#[derive(Debug)]
pub(super) struct Table {
    proof: Proof,
    /// Tells the tables of a column chunk apart.
    serial: u64,
    keys: Keys,
    len: usize,
    /// By code, the number of the group or id, or [`NONE`]. Empty as long as nothing is known.
    numbers: Vec<u32>,
    /// By the code of a group, its filter.
    filters: Vec<u64>,
    /// By the code of an id, its mark.
    marks: Vec<u8>,
    /// By the code of an id, how many ids had a number when it was looked for in vain.
    asked: Vec<u32>,
}

const NONE: u32 = u32::MAX;
/// The filter of a group that is not full.
const ANY_ID: u64 = u64::MAX;
/// The mark of an id that is not known.
const UNKNOWN: u8 = 63;

impl Table {
    /// No keys.
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

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The code that stands for null.
    pub(super) fn null(&self) -> u32 {
        u32::try_from(self.len).unwrap_or(NONE)
    }

    /// The end of the run of equal keys that begins at a position.
    pub(super) fn end_of_run(&self, start: usize) -> usize {
        let mut end = start + 1;
        while end < self.len && self.keys.is_same(start, end) {
            end += 1;
        }
        end
    }

    /// The filter of a group.
    #[inline]
    pub(super) fn filter(&self, code: u32) -> u64 {
        self.filters.get(code as usize).copied().unwrap_or(ANY_ID)
    }

    /// The mark of an id.
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

/// Whether a row is kept, by the codes of its group and id.
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
    // Codes are checked when they are read.
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

/// The mark of an id with a number.
fn mark(number: u32) -> u8 {
    // Below 63.
    (number % u32::from(UNKNOWN)) as u8
}
