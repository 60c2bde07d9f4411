//! The pairs of group and id that are kept.

use std::collections::HashSet;

use ahash::RandomState;
use taploom_model::Result;

use super::id_lists::{IdLists, LONGEST};
use super::interner::{Interner, too_many};
use super::keys::Key;

/// The pairs of group and id that are kept.
///
/// Groups and kept ids are numbered from 0. Other ids are not stored. A decision never changes: a kept pair
/// stays, and a pair is refused only when its group has all its ids.
///
/// # Memory
/// Memory grows only with the number of kept pairs, which is at most the number of groups times `number`. Other rows
/// and ids need none. A group takes 5 bytes, and each of its ids 4 to 8 (9 to 18 for a `number` above 16). In
/// addition, each distinct group and each distinct kept id takes 6 to 12 bytes in a hash table and its value: 8 bytes
/// for a number, and 8 bytes and the length for any other value. While a hash table grows, it is held twice.
#[derive(Debug)]
pub struct KeptPairs {
    /// Maximum number of ids that are kept per group.
    most: u32,
    groups: Interner,
    ids: Interner,
    pairs: Pairs,
}

/// Kept pairs of numbers.
#[derive(Debug)]
enum Pairs {
    /// The ids of each group.
    Lists(IdLists),
    /// Where a group may have more ids than a list can have.
    Set {
        /// Number of kept ids of each group.
        counts: Vec<u32>,
        /// The number of the group in the upper 32 bits, and the number of the id in the lower ones.
        pairs: HashSet<u64, RandomState>,
    },
}

impl KeptPairs {
    /// Starts without pairs; each group will have at most `number`.
    pub fn new(number: u32) -> Self {
        let pairs = if number as usize <= LONGEST {
            Pairs::Lists(IdLists::default())
        } else {
            Pairs::Set { counts: Vec::new(), pairs: HashSet::default() }
        };
        Self { most: number, groups: Interner::default(), ids: Interner::default(), pairs }
    }

    /// The number of a group; a new group gets the next one.
    ///
    /// # Errors
    /// [`ErrorKind::Resources`](taploom_model::ErrorKind::Resources) for more than 2^32 - 1 groups.
    pub fn group(&mut self, key: Key<'_>) -> Result<u32> {
        let number = self.groups.number_of(key)?;
        match &mut self.pairs {
            Pairs::Lists(lists) if number as usize == lists.len() => lists.push(),
            Pairs::Set { counts, .. } if number as usize == counts.len() => counts.push(0),
            _ => {}
        }
        Ok(number)
    }

    /// The number of an id, if any group keeps it.
    pub fn known_id(&self, key: Key<'_>) -> Option<u32> {
        self.ids.known(key)
    }

    /// How many ids are numbered. While this is unchanged, an id that [`known_id`](Self::known_id) did not
    /// find is still unknown.
    pub fn known_ids(&self) -> u32 {
        self.ids.count()
    }

    /// Whether a group has all its ids, so that it takes no new ones.
    pub fn is_full(&self, group: u32) -> bool {
        let count = match &self.pairs {
            Pairs::Lists(lists) => lists.get(group).map(<[u32]>::len),
            Pairs::Set { counts, .. } => counts.get(group as usize).map(|count| *count as usize),
        };
        count.is_none_or(|count| count >= self.most as usize)
    }

    /// Whether to keep the rows with this group (by its number) and this id. Keeps the pair if it is new
    /// and the group is not full.
    ///
    /// # Errors
    /// [`ErrorKind::Resources`](taploom_model::ErrorKind::Resources) for more than 2^32 - 1 kept ids or pairs.
    pub fn decide(&mut self, group: u32, id: Key<'_>) -> Result<bool> {
        if self.is_full(group) {
            return Ok(self.known_id(id).is_some_and(|id| self.contains(group, id)));
        }
        let id = self.ids.number_of(id)?;
        self.decide_known(group, id)
    }

    /// As [`decide`](Self::decide), for an id whose number is known.
    ///
    /// # Errors
    /// [`ErrorKind::Resources`](taploom_model::ErrorKind::Resources) for more than 2^32 - 1 kept pairs.
    pub fn decide_known(&mut self, group: u32, id: u32) -> Result<bool> {
        if self.contains(group, id) {
            return Ok(true);
        }
        if self.is_full(group) {
            return Ok(false);
        }
        match &mut self.pairs {
            Pairs::Lists(lists) => lists.append(group, id).ok_or_else(too_many)?,
            Pairs::Set { counts, pairs } => {
                pairs.insert(pair(group, id));
                if let Some(count) = counts.get_mut(group as usize) {
                    *count += 1;
                }
            }
        }
        Ok(true)
    }

    /// The ids of a group that has all its ids, if these are few.
    pub fn ids_of_full(&self, group: u32) -> Option<&[u32]> {
        match &self.pairs {
            Pairs::Lists(lists) => lists.get(group).filter(|ids| ids.len() >= self.most as usize),
            Pairs::Set { .. } => None,
        }
    }

    /// Groups so far.
    pub fn groups(&self) -> u64 {
        match &self.pairs {
            Pairs::Lists(lists) => lists.len() as u64,
            Pairs::Set { counts, .. } => counts.len() as u64,
        }
    }

    /// Kept pairs so far.
    pub fn pairs(&self) -> u64 {
        match &self.pairs {
            Pairs::Lists(lists) => lists.ids(),
            Pairs::Set { pairs, .. } => pairs.len() as u64,
        }
    }

    fn contains(&self, group: u32, id: u32) -> bool {
        match &self.pairs {
            Pairs::Lists(lists) => lists.get(group).is_some_and(|ids| ids.contains(&id)),
            Pairs::Set { pairs, .. } => pairs.contains(&pair(group, id)),
        }
    }
}

fn pair(group: u32, id: u32) -> u64 {
    u64::from(group) << 32 | u64::from(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A set of ids for each group, filled in the order of the rows.
        #[test]
        fn pairs_are_those_of_a_plain_loop(
            rows in prop::collection::vec((0_u64..20, 0_u64..60), 0..800),
            number in prop_oneof![0_u32..4, Just(LONGEST as u32), Just(LONGEST as u32 + 1), Just(1000)],
            is_text in any::<bool>(),
        ) {
            let mut kept = KeptPairs::new(number);
            let mut expected: HashMap<u64, HashSet<u64>> = HashMap::new();
            for (group, id) in rows {
                let texts = [group, id].map(|value| format!("{value:030}"));
                let keys = match (is_text, &texts) {
                    (true, [group, id]) => [Key::Bytes(group.as_bytes()), Key::Bytes(id.as_bytes())],
                    (false, _) => [group, id].map(Key::Word),
                };
                let keys = [(group, keys[0]), (id, keys[1])]
                    .map(|(value, key)| if value == 7 { Key::Null } else { key });
                let ids = expected.entry(group).or_default();
                if ids.len() < number as usize {
                    ids.insert(id);
                }
                let number_of_group = kept.group(keys[0]).unwrap();
                prop_assert_eq!(kept.decide(number_of_group, keys[1]).unwrap(), ids.contains(&id));
                prop_assert_eq!(kept.is_full(number_of_group), ids.len() >= number as usize);
                if let Some(known) = kept.known_id(keys[1]) {
                    prop_assert_eq!(kept.decide_known(number_of_group, known).unwrap(), ids.contains(&id));
                }
                let few = ids.len() >= number as usize && number as usize <= LONGEST;
                prop_assert_eq!(kept.ids_of_full(number_of_group).map(<[u32]>::len), few.then_some(ids.len()));
            }
            prop_assert_eq!(kept.groups(), expected.len() as u64);
            prop_assert_eq!(kept.pairs(), expected.values().map(|ids| ids.len() as u64).sum::<u64>());
        }
    }
}
