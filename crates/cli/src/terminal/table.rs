//! Tables that fit into a width.

use unicode_width::UnicodeWidthStr;

use super::Width;
use super::text::{cut, shortened, wrapped};

/// Number of spaces between two columns.
const GAP: usize = 2;
/// Texts get at least this width, however many columns there are.
const LEAST_TEXT: usize = 16;
/// Maximum number of lines of a wrapped text.
const MOST_LINES: usize = 3;
/// Minimum width of a wrapped text.
const LEAST_LINES: usize = 14;
/// Maximum width of a text, even in a table of unlimited width.
const MOST_TEXT: usize = 60;

/// The alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text that may be cut.
    Left,
    /// Text that is wrapped into a few lines.
    Lines,
    /// Numbers and short words, right-aligned and never cut.
    Right,
    /// Numbers, aligned at their decimal points and never cut.
    Point,
}

/// A column of a [`Table`].
#[derive(Debug)]
pub(crate) struct TableColumn {
    /// Lines above the cells: the name and the unit.
    pub(crate) head: Vec<String>,
    /// One cell per row.
    pub(crate) cells: Vec<String>,
    /// The alignment of the cells.
    pub(crate) align: Align,
}

impl TableColumn {
    /// A column with one line above its cells.
    pub(crate) fn new(name: &str, align: Align, cells: Vec<String>) -> Self {
        Self { head: vec![name.to_owned()], cells, align }
    }

    fn name(&self) -> &str {
        self.head.first().map_or("", String::as_str)
    }

    fn has_cells(&self) -> bool {
        self.cells.iter().any(|cell| !cell.is_empty())
    }

    /// Shortens very long texts, and aligns numbers at their points.
    fn prepared(mut self) -> Self {
        for text in self.head.iter_mut().chain(&mut self.cells) {
            *text = shortened(std::mem::take(text));
        }
        if self.align == Align::Point {
            // A number with an exponent has its point elsewhere, and words have none.
            let tail = |cell: &str| match cell.bytes().all(|b| b"-.0123456789".contains(&b)) {
                true => cell.find('.').map_or(0, |point| cell.len() - point),
                false => 0,
            };
            let longest = self.cells.iter().map(|cell| tail(cell)).max().unwrap_or(0);
            for cell in &mut self.cells {
                if cell.bytes().next_back().is_some_and(|last| last.is_ascii_digit())
                    && !cell.contains('e')
                {
                    cell.push_str(&" ".repeat(longest - tail(cell)));
                }
            }
        }
        self
    }

    /// The width of the widest cell or head line.
    fn natural(&self) -> usize {
        self.widest_cell().max(self.widest_head())
    }

    fn widest_head(&self) -> usize {
        self.head.iter().map(|line| line.width()).max().unwrap_or(0)
    }

    fn widest_cell(&self) -> usize {
        self.cells.iter().map(|cell| cell.width()).max().unwrap_or(0)
    }

    /// The smallest width with which the column is shown.
    fn least(&self) -> usize {
        match self.align {
            Align::Left => self.natural().min(LEAST_TEXT),
            Align::Lines => self.natural().min(LEAST_LINES),
            Align::Right | Align::Point => {
                self.widest_cell().max(self.widest_head().min(LEAST_TEXT))
            }
        }
        .max(1)
    }

    /// The largest width that the column uses.
    fn most(&self, is_limited: bool) -> usize {
        match self.align {
            Align::Left => self.natural().min(MOST_TEXT),
            Align::Lines if !is_limited => self.natural().min(MOST_TEXT),
            Align::Lines | Align::Right | Align::Point => self.natural(),
        }
        .max(1)
    }

    /// The lines of a cell.
    fn lines(&self, cell: &str, width: usize) -> Vec<String> {
        match self.align {
            Align::Lines => {
                let mut lines = wrapped(cell, width);
                if lines.len() > MOST_LINES {
                    lines.truncate(MOST_LINES);
                    if let Some(last) = lines.last_mut() {
                        *last = cut(&format!("{last}…"), width);
                    }
                }
                lines
            }
            Align::Left | Align::Right | Align::Point => vec![cut(cell, width)],
        }
    }

    fn padded(&self, text: &str, width: usize) -> String {
        let room = " ".repeat(width.saturating_sub(text.width()));
        match self.align {
            Align::Left | Align::Lines => format!("{text}{room}"),
            Align::Right | Align::Point => format!("{room}{text}"),
        }
    }
}

/// A table of columns of equal length.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<TableColumn>,
}

impl Table {
    /// A table of these columns. Their cells must not have control characters.
    pub(crate) fn new(columns: Vec<TableColumn>) -> Self {
        Self { columns: columns.into_iter().map(TableColumn::prepared).collect() }
    }

    /// Removes columns without any text in their cells, except for the first column.
    pub(crate) fn without_empty_columns(mut self) -> Self {
        let mut is_first = true;
        self.columns.retain(|column| std::mem::take(&mut is_first) || column.has_cells());
        self
    }

    /// The table as text, with a sentence on hidden columns.
    pub(crate) fn text(&self, width: Width) -> String {
        let (mut text, shown) = self.fit(width.limit());
        let names: Vec<&str> = self.columns.iter().map(TableColumn::name).collect();
        text.push_str(&width.left_out(&names, shown));
        text
    }

    /// The lines of the table with as many of its first columns as fit (at least one), and their number.
    pub(crate) fn fit(&self, limit: Option<usize>) -> (String, usize) {
        let widths = self.widths(limit);
        let columns = || self.columns.iter().zip(widths.iter().copied());
        let mut text = String::new();
        let heads = self.columns.iter().map(|column| column.head.len()).max().unwrap_or(0);
        let shown = &self.columns[..widths.len()];
        let has_words = |line: usize| {
            shown.iter().any(|column| column.head.get(line).is_some_and(|head| !head.is_empty()))
        };
        for line in (0..heads).filter(|line| has_words(*line)) {
            let heads = columns().map(|(column, width)| {
                let head = column.head.get(line).map_or("", String::as_str);
                column.padded(&cut(head, width), width)
            });
            push_line(&mut text, heads);
        }
        push_line(&mut text, columns().map(|(_, width)| "─".repeat(width)));
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        for row in 0..rows {
            let cells: Vec<Vec<String>> =
                columns().map(|(column, width)| column.lines(&column.cells[row], width)).collect();
            for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let cells = columns().zip(&cells).map(|((column, width), lines)| {
                    column.padded(lines.get(line).map_or("", String::as_str), width)
                });
                push_line(&mut text, cells);
            }
        }
        (text, widths.len())
    }

    /// The widths of the columns that fit. Spare room is distributed among the texts.
    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let Some(limit) = limit else {
            return self.columns.iter().map(|column| column.most(false)).collect();
        };
        let mut widths = Vec::new();
        let mut taken = 0;
        for column in &self.columns {
            let gap = if widths.is_empty() { 0 } else { GAP };
            let least = column.least();
            if taken + gap + least > limit && !widths.is_empty() {
                break;
            }
            taken += gap + least;
            widths.push(least.min(limit.max(1)));
        }
        let most: Vec<usize> =
            self.columns[..widths.len()].iter().map(|column| column.most(true)).collect();
        let mut left = limit.saturating_sub(taken);
        let mut grew = true;
        while left > 0 && grew {
            grew = false;
            for (most, width) in most.iter().zip(&mut widths) {
                if left > 0 && *width < *most {
                    (*width, left, grew) = (*width + 1, left - 1, true);
                }
            }
        }
        widths
    }
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, align: Align, cells: &[&str]) -> TableColumn {
        TableColumn::new(name, align, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn points_and_wide_characters_stand_below_each_other() {
        let table = Table::new(vec![
            column("名", Align::Left, &["星", "Sirius"]),
            column("mag", Align::Point, &["-1.44", "12"]),
            column("n", Align::Right, &["null", "7"]),
        ]);
        let (text, shown) = table.fit(Some(80));
        let expected = "名        mag     n\n\
                        ──────  ─────  ────\n\
                        星      -1.44  null\n\
                        Sirius  12        7\n";
        assert_eq!((text.as_str(), shown), (expected, 3));
    }

    /// A column name can be as long as a file, and widths of texts are measured many times.
    #[test]
    fn long_texts_are_cut_before_they_are_measured() {
        let long = "a".repeat(2_000_000);
        let table = Table::new(vec![column(&long, Align::Lines, &[&long, "b"])]);
        let texts = table.columns.iter().flat_map(|column| column.head.iter().chain(&column.cells));
        assert_eq!(texts.map(|text| text.chars().count()).collect::<Vec<_>>(), [1001, 1001, 1]);
        assert!(table.text(Width(Some(80))).lines().all(|line| line.width() <= 80));
    }

    #[test]
    fn no_line_is_wider_than_the_limit_and_one_column_is_always_there() {
        let long = "x".repeat(100);
        let columns = || {
            vec![
                column("a", Align::Left, &[&long, "b"]),
                column("number", Align::Right, &["1234567890", "1"]),
                column("text", Align::Lines, &["one two three four five six seven", ""]),
            ]
        };
        for limit in 1..120 {
            let (text, shown) = Table::new(columns()).fit(Some(limit));
            assert!(shown >= 1);
            for line in text.lines() {
                assert!(line.width() <= limit, "{limit}: {line}");
            }
        }
        let (text, shown) = Table::new(columns()).fit(None);
        assert_eq!(
            (shown, text.lines().map(UnicodeWidthStr::width).max()),
            (3, Some(60 + 2 + 10 + 2 + 33))
        );
    }
}
