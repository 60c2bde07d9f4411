//! Makes arbitrary text safe for a terminal.

use unicode_width::UnicodeWidthStr;

/// Replaces characters that would change the terminal, or the order in which text is shown, by U+FFFD:
/// control characters, line separators, and marks of bidirectional text.
pub(crate) fn harmless(text: &str) -> String {
    let changes = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(changes, "\u{fffd}")
}

/// Maximum number of characters of a text in a table.
const MOST_CHARACTERS: usize = 1000;

/// Shortens a text that no table would show completely, because widths of texts are measured many times.
pub(crate) fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Cuts a text to a width of at least 1. An ellipsis replaces the removed part.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    format!("{}…", &text[..prefix(text, width.saturating_sub(1))])
}

/// Breaks a text into lines that are at most `width` wide: at spaces, after semicolons and commas, and
/// within words that are wider than a line.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive([' ', ';', ',']) {
        let mut word = word;
        if !line.is_empty() && line.width() + word.trim_end().width() > width {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        while word.trim_end().width() > width {
            // The width may be 1, and a character may take two columns.
            let first = word.chars().next().map_or(0, char::len_utf8);
            let (start, rest) = word.split_at(prefix(word, width).max(first));
            lines.push(start.to_owned());
            word = rest;
        }
        line.push_str(word);
    }
    if lines.is_empty() || !line.trim_end().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The number of bytes of the longest prefix that is at most `width` wide.
fn prefix(text: &str, width: usize) -> usize {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.take_while(|end| text[..*end].width() <= width).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_reaches_the_terminal_as_a_command() {
        for (text, shown) in [
            ("a\u{1b}[31mb", "a\u{fffd}[31mb"),
            ("a\r\nb\tc\u{9b}d", "a\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}d"),
            ("abc\u{202e}def\u{2028}\u{2066}", "abc\u{fffd}def\u{fffd}\u{fffd}"),
            ("α Cen 星", "α Cen 星"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn texts_are_cut_by_their_width() {
        for (text, width, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("星星星", 6, "星星星"),
            ("星星星", 5, "星星…"),
            ("星星星", 4, "星…"),
            ("星星星", 2, "…"),
            ("abc", 1, "…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
        ] {
            assert_eq!(cut(text, width), shown);
            assert!(cut(text, width).width() <= width);
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("phot.mag;em.opt.V", 10), ["phot.mag;", "em.opt.V"]);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 3), [""]);
        assert_eq!(wrapped("星星星", 4), ["星星", "星"]);
    }
}
