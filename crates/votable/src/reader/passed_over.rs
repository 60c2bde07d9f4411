//! What a document says and the reader does not carry.

use std::collections::HashMap;

/// Kinds that are told apart; more are counted.
const KINDS: usize = 200;

/// Characters of a foreign name that are shown.
const SHOWN: usize = 60;

/// Constructs by kind, each with the place of the first.
#[derive(Default)]
pub(super) struct PassedOver {
    places: HashMap<String, usize>,
    kinds: Vec<Kind>,
    more: u64,
}

struct Kind {
    construct: String,
    first: u64,
    times: u64,
}

impl PassedOver {
    pub(super) fn add(&mut self, construct: String, at: u64) {
        if let Some(kind) = self.places.get(&construct).and_then(|place| self.kinds.get_mut(*place))
        {
            kind.times += 1;
        } else if self.kinds.len() < KINDS {
            self.places.insert(construct.clone(), self.kinds.len());
            self.kinds.push(Kind { construct, first: at, times: 1 });
        } else {
            self.more += 1;
        }
    }

    /// One line a kind.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.kinds.iter().map(|Kind { construct, first, times }| match times {
            1 => format!("{construct} (at byte {first})"),
            _ => format!("{construct} ({times} times, first at byte {first})"),
        });
        let more = (self.more > 0).then(|| format!("{} constructs of other kinds", self.more));
        lines.chain(more).collect()
    }
}

/// A name from a document as a message shows it.
pub(super) fn shown(name: &str) -> String {
    let mut characters = name.chars();
    let start: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}
