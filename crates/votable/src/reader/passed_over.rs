//! Notes on parts of a document that the reader leaves out.

use std::collections::HashMap;

/// The number of different constructs that are listed. Further ones are only counted.
const LISTED: usize = 200;

/// The number of characters of a foreign text that a message shows.
const SHOWN: usize = 100;

/// The constructs that were left out, each with the place of its first occurrence.
#[derive(Default)]
pub(super) struct PassedOver {
    places: HashMap<String, usize>,
    constructs: Vec<LeftOut>,
    more: u64,
}

struct LeftOut {
    construct: String,
    first: u64,
    times: u64,
}

impl PassedOver {
    pub(super) fn add(&mut self, construct: String, at: u64) {
        if let Some(known) =
            self.places.get(&construct).and_then(|place| self.constructs.get_mut(*place))
        {
            known.times += 1;
        } else if self.constructs.len() < LISTED {
            self.places.insert(construct.clone(), self.constructs.len());
            self.constructs.push(LeftOut { construct, first: at, times: 1 });
        } else {
            self.more += 1;
        }
    }

    /// Adds the constructs of a part of the document that was read before.
    pub(super) fn absorb(&mut self, part: Self) {
        for LeftOut { construct, first, times } in part.constructs {
            self.add(construct.clone(), first);
            if let Some(known) =
                self.places.get(&construct).and_then(|place| self.constructs.get_mut(*place))
            {
                known.times += times - 1;
            }
        }
        self.more += part.more;
    }

    /// One line for each construct.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.constructs.iter().map(|LeftOut { construct, first, times }| match times {
            1 => format!("{construct} (at byte {first})"),
            _ => format!("{construct} ({times} times, first at byte {first})"),
        });
        let more = (self.more > 0).then(|| format!("{} other constructs", self.more));
        lines.chain(more).collect()
    }
}

/// A text from a document, shortened for a message.
pub(super) fn shown(name: &str) -> String {
    let mut characters = name.chars();
    let start: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}
