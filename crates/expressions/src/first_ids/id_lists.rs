//! Short lists of numbers, of which there may be many millions.
//!
//! All lists are in one vector. A list has room for 1, 2, 4, 8 or 16 numbers. When it needs more it moves, and its old
//! place is given to the next list that needs as much. A list of one number takes 9 bytes; a `Vec` would take 24 and a
//! separate allocation.

/// The longest list.
pub(super) const LONGEST: usize = 16;
/// How many sizes of places there are: 1, 2, 4, 8 and 16 numbers.
const SIZES: usize = LONGEST.ilog2() as usize + 1;

/// The lists.
#[derive(Debug, Default)]
pub(super) struct IdLists {
    /// Where each list begins.
    starts: Vec<u32>,
    lengths: Vec<u8>,
    numbers: Vec<u32>,
    /// Places that are free, by size.
    free: [Vec<u32>; SIZES],
    count: u64,
}

impl IdLists {
    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// How many numbers all lists have.
    pub(super) fn ids(&self) -> u64 {
        self.count
    }

    /// Adds an empty list.
    pub(super) fn push(&mut self) {
        self.starts.push(0);
        self.lengths.push(0);
    }

    /// The numbers of a list.
    #[inline]
    pub(super) fn get(&self, list: u32) -> Option<&[u32]> {
        let list = list as usize;
        let (start, length) = (*self.starts.get(list)? as usize, *self.lengths.get(list)? as usize);
        self.numbers.get(start..start + length)
    }

    /// Appends a number to a list that has less than [`LONGEST`]. `None` if there are too many numbers to be counted.
    pub(super) fn append(&mut self, list: u32, number: u32) -> Option<()> {
        let (start, length) =
            (self.starts.get_mut(list as usize)?, self.lengths.get_mut(list as usize)?);
        let (from, count) = (*start as usize, *length as usize);
        // A list with as many numbers as its place has room for has to move.
        if count == 0 || count.is_power_of_two() {
            let room = (count * 2).max(1);
            let size = room.ilog2() as usize;
            *start = match self.free.get_mut(size)?.pop() {
                Some(place) => place,
                None => {
                    let place = u32::try_from(self.numbers.len()).ok()?;
                    self.numbers.resize(self.numbers.len() + room, 0);
                    place
                }
            };
            self.numbers.copy_within(from..from + count, *start as usize);
            if count > 0 {
                let place = u32::try_from(from).ok()?;
                self.free.get_mut(count.ilog2() as usize)?.push(place);
            }
        }
        *self.numbers.get_mut(*start as usize + count)? = number;
        *length += 1;
        self.count += 1;
        Some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails panics")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_have_what_was_appended(
            appended in prop::collection::vec((0_usize..12, any::<u32>()), 0..300),
        ) {
            let (mut lists, mut expected) = (IdLists::default(), Vec::<Vec<u32>>::new());
            for (list, number) in appended {
                let list = list.min(expected.len());
                if list == expected.len() {
                    lists.push();
                    expected.push(Vec::new());
                }
                if expected[list].len() < LONGEST {
                    lists.append(u32::try_from(list).unwrap(), number).unwrap();
                    expected[list].push(number);
                }
                prop_assert_eq!(lists.len(), expected.len());
                for (list, expected) in expected.iter().enumerate() {
                    prop_assert_eq!(lists.get(u32::try_from(list).unwrap()), Some(&expected[..]));
                }
            }
            let ids: usize = expected.iter().map(Vec::len).sum();
            prop_assert_eq!(lists.ids(), ids as u64);
            // Places are used again: less than four times the numbers.
            prop_assert!(lists.numbers.len() <= 4 * ids);
        }
    }

    #[test]
    fn lists_of_one_number_take_one_place_each() {
        let mut lists = IdLists::default();
        for list in 0..1000 {
            lists.push();
            lists.append(list, list).unwrap();
        }
        assert_eq!(lists.numbers.len(), 1000);
    }
}
