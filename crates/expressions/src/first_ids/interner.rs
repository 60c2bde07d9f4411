//! Numbers for distinct values.

use std::collections::HashMap;

use ahash::RandomState;
use taploom_model::{Error, ErrorKind, Result};

use super::keys::Key;

/// Numbers distinct values from 0.
#[derive(Debug, Default)]
pub(super) struct Interner {
    words: HashMap<u64, u32, RandomState>,
    bytes: HashMap<Box<[u8]>, u32, RandomState>,
    null: Option<u32>,
    next: u32,
}

impl Interner {
    /// How many values have been numbered.
    pub(super) fn count(&self) -> u32 {
        self.next
    }

    /// The number of a value, if it has been numbered.
    pub(super) fn known(&self, key: Key<'_>) -> Option<u32> {
        match key {
            Key::Null => self.null,
            Key::Word(word) => self.words.get(&word).copied(),
            Key::Bytes(bytes) => self.bytes.get(bytes).copied(),
        }
    }

    /// The number of a value; a new value gets the next one.
    pub(super) fn number_of(&mut self, key: Key<'_>) -> Result<u32> {
        if let Some(number) = self.known(key) {
            return Ok(number);
        }
        let number = self.next;
        self.next = number.checked_add(1).ok_or_else(|| {
            let message = "more than 4,294,967,295 groups or kept ids can't be told apart; take fewer ids of each group";
            Error::new(ErrorKind::Resources, message)
        })?;
        match key {
            Key::Null => self.null = Some(number),
            Key::Word(word) => {
                self.words.insert(word, number);
            }
            Key::Bytes(bytes) => {
                self.bytes.insert(bytes.into(), number);
            }
        }
        Ok(number)
    }
}
