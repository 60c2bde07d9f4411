//! The tables of `docs/src/readers-parquet.md`.

use std::fmt::Write as _;

use taploom_tests::Reader;

/// The result of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It reads all cells correctly, and its filters find the same rows as a scan.
    Yes,
    /// It reads all cells; it has no filter, or none for this type.
    NoFilter,
    /// It refuses the file, reads other cells, or its filters find other rows.
    No(String),
}

/// Tables in Markdown, whose cells refer to the reasons below the tables.
#[derive(Default)]
pub(crate) struct Page {
    text: String,
    reasons: Vec<((Reader, String), String)>,
}

/// Two reasons of a reader count as the same if they begin with this number of equal characters, digits aside.
const ALIKE: usize = 40;
/// Characters of a reason that are shown.
const MOST: usize = 180;

impl Page {
    pub(crate) fn heading(&mut self, heading: &str) {
        let _ = writeln!(self.text, "\n## {heading}\n");
    }

    pub(crate) fn head(&mut self, first: &[&str], readers: &[Reader]) {
        let names: Vec<String> = readers.iter().map(|reader| reader.title()).collect();
        let _ = writeln!(self.text, "| {} | {} |", first.join(" | "), names.join(" | "));
        let _ = writeln!(self.text, "|{}", "---|".repeat(first.len() + names.len()));
    }

    pub(crate) fn row(&mut self, first: &[&str], readers: &[Reader], cells: &[Cell]) {
        let _ = write!(self.text, "| {} |", first.join(" | "));
        for (reader, cell) in readers.iter().zip(cells) {
            let shown = match cell {
                Cell::Yes => "yes".to_owned(),
                Cell::NoFilter => "yes, no filter".to_owned(),
                Cell::No(why) => format!("no {}", self.number(*reader, why)),
            };
            let _ = write!(self.text, " {shown} |");
        }
        self.text.push('\n');
    }

    /// The number of a reason. Reasons that differ only in their values share one.
    fn number(&mut self, reader: Reader, why: &str) -> usize {
        let kind = why.chars().filter(|c| !c.is_numeric()).take(ALIKE).collect();
        let kind = (reader, kind);
        let known = self.reasons.iter().position(|(other, _)| *other == kind);
        known.unwrap_or_else(|| {
            self.reasons.push((kind, why.to_owned()));
            self.reasons.len() - 1
        }) + 1
    }

    /// All tables, and the reasons to which the numbers refer.
    pub(crate) fn finish(mut self) -> String {
        self.heading("What is not read");
        for (index, ((reader, _), why)) in self.reasons.iter().enumerate() {
            let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            let why: String = why.chars().map(shown).take(MOST).collect();
            let _ = writeln!(
                self.text,
                "{}. {}: {}",
                index + 1,
                reader.title(),
                why.replace('|', "\\|")
            );
        }
        self.text
    }
}
