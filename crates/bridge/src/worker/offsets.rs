//! Tracks which messages of a partition are done.
//!
//! **The problem.** Jobs do not end in the order in which they arrive, but Kafka stores only one position for
//! each partition. If a worker commits the position of the first unfinished message, the next worker repeats
//! every later job that has already ended.
//!
//! **The idea.** Kafka stores a text beside each position. The text lists the later messages that are still
//! unfinished, so the next worker skips those that have ended: `taploom 57 12 15` says that every message before
//! 57 is done except 12 and 15.
//!
//! **The limits.** The text grows with the number of unfinished messages, about 8 bytes for each. Kafka accepts 4 KiB by
//! default, so a longer list is cut: `taploom 40 12 15` says nothing of the messages from 40 on. The next worker finds the
//! ones among them that have ended by their statuses.

use std::collections::BTreeSet;
use std::fmt::Write;

/// The messages of one partition that are done, in progress, or known to have ended elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    /// All messages before this offset are done, except those in `under_way`.
    end: i64,
    under_way: BTreeSet<i64>,
    /// Messages after `end` whose jobs ended on an earlier worker.
    ended: BTreeSet<i64>,
}

/// Length of the list after which it is cut, in bytes.
const MOST_TEXT: usize = 3500;

/// The first word of the text.
const MARK: &str = "taploom";

impl Offsets {
    /// Reads a committed position and its text. A text of other software is ignored.
    pub(crate) fn committed(position: i64, text: &str) -> Self {
        Self::parse(text)
            .filter(|offsets| offsets.position() == position)
            .unwrap_or(Self { end: position, ..Self::default() })
    }

    /// Parses `taploom 57 12 15`: every message before 57 is done except 12 and 15.
    fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix(MARK)?.split_whitespace().map(str::parse);
        let numbers = numbers.collect::<Result<Vec<i64>, _>>().ok()?;
        let (end, under_way) = numbers.split_first()?;
        let under_way = under_way.iter().copied().collect();
        Some(Self { end: *end, under_way, ended: BTreeSet::new() })
    }

    /// Marks a message as begun. Returns `false` if it is done already.
    pub(crate) fn begin(&mut self, offset: i64) -> bool {
        if offset >= self.end {
            // Offsets have gaps, left by compaction and by transaction markers.
            self.end = offset + 1;
            if self.ended.remove(&offset) {
                return false;
            }
            self.under_way.insert(offset);
            return true;
        }
        self.under_way.contains(&offset)
    }

    /// Marks messages as done whose final statuses were found.
    pub(crate) fn have_ended(&mut self, offsets: BTreeSet<i64>) {
        self.under_way.retain(|offset| !offsets.contains(offset));
        self.ended.extend(offsets.into_iter().filter(|offset| *offset >= self.end));
    }

    /// Marks a message as done.
    pub(crate) fn finish(&mut self, offset: i64) {
        self.under_way.remove(&offset);
    }

    /// The position to commit: a restart continues there.
    pub(crate) fn position(&self) -> i64 {
        self.under_way.first().copied().unwrap_or(self.end)
    }

    /// The text to commit with the position.
    pub(crate) fn text(&self) -> String {
        let (mut list, mut end) = (String::new(), self.end);
        for offset in &self.under_way {
            if list.len() > MOST_TEXT {
                end = *offset;
                break;
            }
            let _ = write!(list, " {offset}");
        }
        format!("{MARK} {end}{list}")
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
    fn a_long_text_is_cut_where_statuses_go_on() {
        let mut offsets = Offsets::committed(1_000_000, "");
        for offset in 1_000_000..1_002_000 {
            assert!(offsets.begin(offset));
        }
        let ended: BTreeSet<i64> =
            (1_000_000..1_002_000).filter(|offset| offset % 2 == 1).collect();
        ended.iter().for_each(|offset| offsets.finish(*offset));
        let text = offsets.text();
        assert!(text.len() < 4096, "{}", text.len());
        let mut successor = Offsets::committed(offsets.position(), &text);
        assert!(successor.end < 1_002_000);
        successor.have_ended(ended);
        let begun = (1_000_000..1_002_000).filter(|offset| successor.begin(*offset));
        assert!(begun.eq((1_000_000..1_002_000).step_by(2)));
    }

    #[test]
    fn the_text_of_others_is_passed_over() {
        for text in ["", "spark 12", "taploom", "taploom x", "taploom 9 3"] {
            assert_eq!(Offsets::committed(7, text), Offsets::committed(7, ""), "{text}");
        }
    }
}
