//! What the codes of a column mean, and what is known of them.

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
    /// What is known of each code. Empty as long as nothing is.
    slots: Vec<Slot>,
}

/// What is known of a code.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The number of the group or id.
    number: u32,
    /// How many ids had a number when this one was looked for in vain.
    asked: u32,
}

const NONE: u32 = u32::MAX;
const UNKNOWN: Slot = Slot { number: NONE, asked: NONE };

impl Table {
    /// No keys.
    pub(super) fn empty(keys: &KeyReader, data_type: &DataType) -> Result<Self> {
        Ok(Self::new(Proof::Bounds, 0, keys.of_array(&new_empty_array(data_type))?, 0))
    }

    pub(super) fn new(proof: Proof, serial: u64, keys: Keys, len: usize) -> Self {
        Self { proof, serial, keys, len, slots: Vec::new() }
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

    /// The number of a group, which gets one if it has none.
    pub(super) fn group(&mut self, kept: &mut KeptPairs, code: u32) -> Result<u32> {
        let known = self.slot(code).number;
        if known != NONE {
            return Ok(known);
        }
        let number = kept.group(self.key(code))?;
        self.slot(code).number = number;
        Ok(number)
    }

    /// Whether the rows of a group, given by its number, and of an id are kept.
    pub(super) fn decide(&mut self, kept: &mut KeptPairs, group: u32, code: u32) -> Result<bool> {
        let slot = *self.slot(code);
        if slot.number != NONE {
            return Ok(kept.decide_known(group, slot.number));
        }
        let known_ids = kept.known_ids();
        let is_full = kept.is_full(group);
        if is_full && slot.asked != NONE && slot.asked == known_ids {
            return Ok(false);
        }
        let key = self.key(code);
        let (keeps, number) = match kept.known_id(key) {
            Some(id) => (kept.decide_known(group, id), id),
            None if is_full => (false, NONE),
            None => {
                let keeps = kept.decide(group, key)?;
                (keeps, kept.known_id(key).unwrap_or(NONE))
            }
        };
        *self.slot(code) = Slot { number, asked: known_ids };
        Ok(keeps)
    }

    fn key(&self, code: u32) -> Key<'_> {
        match code as usize {
            at if at < self.len => self.keys.key(at),
            _ => Key::Null,
        }
    }

    fn slot(&mut self, code: u32) -> &mut Slot {
        let at = code as usize;
        if at >= self.slots.len() {
            self.slots.resize(self.len + 1, UNKNOWN);
        }
        // Codes are checked when they are read.
        &mut self.slots[at]
    }
}
