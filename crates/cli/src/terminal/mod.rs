//! Text for terminals.

mod numbers;
mod table;
mod text;

use std::io::IsTerminal;

use unicode_width::UnicodeWidthStr;

pub(crate) use self::numbers::{bytes, grouped, grouped_by, rounded};
pub(crate) use self::table::{Align, Table, TableColumn};
pub(crate) use self::text::{cut, harmless, needs_quotes, shown_name, wrapped};

/// The width if standard output is not a terminal, or the terminal does not report its width.
const USUAL_WIDTH: usize = 80;

/// The maximum width of a table in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Width(Option<usize>);

impl Width {
    /// The width that `--width` gives (0 means unlimited), otherwise the terminal's.
    pub(crate) fn of(option: Option<u64>) -> Self {
        match option {
            Some(0) => Self(None),
            Some(width) => Self(Some(usize::try_from(width).unwrap_or(usize::MAX))),
            None if std::io::stdout().is_terminal() => {
                let size = terminal_size::terminal_size();
                let width = size.map(|(width, _)| usize::from(width.0));
                Self(width.filter(|width| *width > 0).or(Some(USUAL_WIDTH)))
            }
            None => Self(Some(USUAL_WIDTH)),
        }
    }

    /// The limit; `None` if it is unlimited.
    pub(crate) fn limit(self) -> Option<usize> {
        self.0
    }

    /// A sentence on which columns of a table are hidden, after the first `shown` ones, and how to see
    /// them.
    pub(crate) fn left_out(self, columns: &[&str], shown: usize) -> String {
        /// Maximum number of names in the sentence.
        const MOST_NAMES: usize = 12;
        let names = columns.get(shown..).unwrap_or_default();
        if names.is_empty() {
            return String::new();
        }
        let mut listed = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
        if names.len() > MOST_NAMES {
            listed.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
        }
        let said = format!(
            "{} of {} columns left out: {listed}. To see them: --width 0 (| less -S), or --json",
            names.len(),
            columns.len()
        );
        self.paragraph(&harmless(&said), "")
    }

    /// Breaks a text into lines that fit, each with this indentation.
    pub(crate) fn paragraph(self, text: &str, indent: &str) -> String {
        let room = self.0.map_or(usize::MAX, |width| width.saturating_sub(indent.len()).max(20));
        let lines = wrapped(text, room).into_iter();
        lines.map(|line| format!("{indent}{line}\n")).collect()
    }

    /// Breaks a command between its parts into lines that fit. A shell joins them.
    pub(crate) fn command(self, parts: &[String], indent: &str) -> String {
        const END: &str = " \\\n";
        let room = self.0.unwrap_or(usize::MAX);
        let mut text = indent.to_owned();
        let mut used = indent.len();
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            // Two columns for the end of the line.
            let more = 1 + part.width() + if is_last { 0 } else { 2 };
            if index > 0 && used.saturating_add(more) > room {
                text.push_str(END);
                text.push_str(indent);
                text.push_str("  ");
                used = indent.len() + 2;
            } else if index > 0 {
                text.push(' ');
                used += 1;
            }
            text.push_str(part);
            used += part.width();
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_broken_into_lines_that_fit() {
        let parts = ["encode a.parquet", "-f csv", "--option 'a b'", "-o a.csv"].map(String::from);
        let command = |width| Width(width).command(&parts, "  ");
        assert_eq!(command(None), "  encode a.parquet -f csv --option 'a b' -o a.csv\n");
        assert_eq!(
            command(Some(27)),
            "  encode a.parquet -f csv \\\n    --option 'a b' -o a.csv\n"
        );
        for width in 20..60 {
            let text = command(Some(width));
            assert!(text.lines().all(|line| line.len() <= width), "{width}: {text}");
            let joined = text.replace("\\\n", "");
            let words: Vec<&str> = joined.split_whitespace().collect();
            assert_eq!(words.join(" "), parts.join(" "));
        }
    }
}
