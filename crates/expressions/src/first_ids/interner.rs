//! Gives numbers to distinct values.

use ahash::RandomState;
use hashbrown::HashTable;
use taploom_model::{Error, ErrorKind, Result};

use super::keys::Key;

/// Gives numbers from 0 on to distinct values.
///
/// One vector holds the values in the order of their numbers, and the hash tables hold only the numbers. A map of boxed
/// texts would take twice the memory.
#[derive(Debug, Default)]
pub(super) struct Interner {
    hasher: RandomState,
    /// The numbers of the values. A column has either words or bytes, so one of the tables is empty.
    numbers_of_words: HashTable<u32>,
    numbers_of_bytes: HashTable<u32>,
    /// The word with each number. The number of null has an arbitrary word.
    words: Vec<u64>,
    bytes: Texts,
    null: Option<u32>,
    next: u32,
}

/// The bytes with each number. The number of null has no bytes.
#[derive(Debug, Default)]
struct Texts {
    /// The end of each value in `bytes`, where the next value begins.
    ends: Vec<u64>,
    bytes: Vec<u8>,
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
            Key::Word(word) => {
                let is_same = |number: &u32| self.words.get(*number as usize) == Some(&word);
                self.numbers_of_words.find(self.hasher.hash_one(word), is_same).copied()
            }
            Key::Bytes(bytes) => {
                let is_same = |number: &u32| self.bytes.get(*number) == bytes;
                self.numbers_of_bytes.find(self.hasher.hash_one(bytes), is_same).copied()
            }
        }
    }

    /// The number of a value; a new value gets the next one.
    pub(super) fn number_of(&mut self, key: Key<'_>) -> Result<u32> {
        if let Some(number) = self.known(key) {
            return Ok(number);
        }
        let number = self.next;
        self.next = number.checked_add(1).ok_or_else(too_many)?;
        let Self { hasher, words, bytes: texts, .. } = self;
        match key {
            Key::Null => self.null = Some(number),
            Key::Word(word) => {
                words.resize(number as usize, 0);
                words.push(word);
                let hash = |number: &u32| {
                    hasher.hash_one(words.get(*number as usize).copied().unwrap_or(0))
                };
                self.numbers_of_words.insert_unique(hasher.hash_one(word), number, hash);
            }
            Key::Bytes(bytes) => {
                texts.push(number, bytes);
                let hash = |number: &u32| hasher.hash_one(texts.get(*number));
                self.numbers_of_bytes.insert_unique(hasher.hash_one(bytes), number, hash);
            }
        }
        Ok(number)
    }
}

impl Texts {
    fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.copied().unwrap_or(0) as usize;
        let end = self.ends.get(number).copied().unwrap_or(0) as usize;
        self.bytes.get(start..end).unwrap_or(&[])
    }

    fn push(&mut self, number: u32, value: &[u8]) {
        self.ends.resize(number as usize, self.bytes.len() as u64);
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as u64);
    }
}

/// The error for more values than a number can count.
pub(super) fn too_many() -> Error {
    let message = "more than 4,294,967,295 groups or kept ids can't be told apart; take fewer ids of each group";
    Error::new(ErrorKind::Resources, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_have_numbers_of_their_own() {
        let mut interner = Interner::default();
        let texts: Vec<Vec<u8>> =
            (0..500_u64).map(|n| n.to_string().repeat(n as usize % 4).into()).collect();
        let mut keys: Vec<Key<'_>> = (0..500).map(Key::Word).collect();
        keys.insert(3, Key::Null);
        keys.extend(texts.iter().map(|text| Key::Bytes(text)));
        let mut expected: Vec<Key<'_>> = Vec::new();
        for key in keys.iter().chain(&keys) {
            let known = expected.iter().position(|other| other == key);
            assert_eq!(interner.known(*key), known.map(|number| number as u32));
            let number = interner.number_of(*key).unwrap() as usize;
            assert_eq!(number, known.unwrap_or(expected.len()));
            if known.is_none() {
                expected.push(*key);
            }
        }
        assert_eq!(interner.count() as usize, expected.len());
    }
}
