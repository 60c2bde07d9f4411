//! Which messages of a partition are done.

use std::collections::BTreeSet;

/// Jobs end in another order than they came in, and Kafka remembers one position for each partition.
/// So the position is that of the first message that is not done, and the text that Kafka keeps beside
/// it says which of the messages behind it are not done either. Whoever takes the partition over
/// skips the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    /// All messages before this one are done, but those that are under way.
    end: i64,
    under_way: BTreeSet<i64>,
    /// Done, though they have not been taken in hand here: of a worker before.
    ended: BTreeSet<i64>,
}

/// What the text begins with.
const MARK: &str = "taploom";

impl Offsets {
    /// What a position and its text say.
    pub(crate) fn committed(position: i64, text: &str) -> Self {
        Self::parse(text)
            .filter(|offsets| offsets.position() == position)
            .unwrap_or(Self { end: position, ..Self::default() })
    }

    /// `taploom 57 12 15`: all before 57 are done but 12 and 15.
    fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix(MARK)?.split_whitespace().map(str::parse);
        let numbers = numbers.collect::<Result<Vec<i64>, _>>().ok()?;
        let (end, under_way) = numbers.split_first()?;
        let under_way = under_way.iter().copied().collect();
        Some(Self { end: *end, under_way, ended: BTreeSet::new() })
    }

    /// Takes a message in hand; `false` where it is done already.
    pub(crate) fn begin(&mut self, offset: i64) -> bool {
        if offset >= self.end {
            // Offsets have gaps: of what was compacted, and of the marks of transactions.
            self.end = offset + 1;
            if self.ended.remove(&offset) {
                return false;
            }
            self.under_way.insert(offset);
            return true;
        }
        self.under_way.contains(&offset)
    }

    /// Messages turn out to be done.
    pub(crate) fn have_ended(&mut self, offsets: BTreeSet<i64>) {
        self.under_way.retain(|offset| !offsets.contains(offset));
        self.ended.extend(offsets.into_iter().filter(|offset| *offset >= self.end));
    }

    /// A message is done.
    pub(crate) fn finish(&mut self, offset: i64) {
        self.under_way.remove(&offset);
    }

    /// Where to go on after a restart.
    pub(crate) fn position(&self) -> i64 {
        self.under_way.first().copied().unwrap_or(self.end)
    }

    /// The text beside the position. As long as there are messages under way.
    pub(crate) fn text(&self) -> String {
        let under_way = self.under_way.iter().map(|offset| format!(" {offset}"));
        format!("{MARK} {}{}", self.end, under_way.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_waits_for_the_first_and_the_text_for_none() {
        let mut offsets = Offsets::committed(10, "");
        for offset in [10, 11, 13, 14] {
            assert!(offsets.begin(offset));
        }
        offsets.finish(11);
        offsets.finish(14);
        assert_eq!((offsets.position(), offsets.text().as_str()), (10, "taploom 15 10 13"));

        let mut successor = Offsets::committed(10, "taploom 15 10 13");
        let begun: Vec<i64> = (10..17).filter(|&offset| successor.begin(offset)).collect();
        assert_eq!(begun, [10, 13, 15, 16]);
        for offset in begun {
            successor.finish(offset);
        }
        assert_eq!((successor.position(), successor.text().as_str()), (17, "taploom 17"));
    }

    #[test]
    fn what_has_ended_is_not_begun() {
        let mut offsets = Offsets::committed(10, "taploom 15 10 13");
        offsets.have_ended(BTreeSet::from([10, 12, 16]));
        let begun: Vec<i64> = (10..18).filter(|&offset| offsets.begin(offset)).collect();
        assert_eq!(begun, [13, 15, 17]);
        assert_eq!((offsets.position(), offsets.text().as_str()), (13, "taploom 18 13 15 17"));
    }

    #[test]
    fn the_text_of_others_is_passed_over() {
        for text in ["", "spark 12", "taploom", "taploom x", "taploom 9 3"] {
            assert_eq!(Offsets::committed(7, text), Offsets::committed(7, ""), "{text}");
        }
    }
}
