//! Makes arbitrary text safe for a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Replaces characters by U+FFFD that would change the terminal, the order of the text or its alignment, or that a
/// terminal does not show: control characters, line separators, marks of bidirectional text, invisible characters, and
/// combining marks without a character before them.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // At the beginning, a mark would be combined with the character that the terminal shows before the text.
    let mut is_after_character = false;
    for c in text.chars() {
        let is_mark = c.width() == Some(0);
        let is_harmless = !is_hidden(c) && (is_after_character || !is_mark);
        is_after_character = is_harmless && (is_mark || !c.is_whitespace());
        shown.push(if is_harmless { c } else { char::REPLACEMENT_CHARACTER });
    }
    shown
}

/// Whether a terminal would execute a character, or show nothing for it. Except for control characters, line separators
/// and annotations, these have the property Default_Ignorable_Code_Point of Unicode.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text is only visible in quotes, at least in part: it is empty, or has space at its beginning or end.
pub(crate) fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.trim().len() < text.len()
}

/// The name of a column, in quotes if it would not be visible without them.
pub(crate) fn shown_name(name: &str) -> String {
    let shown = harmless(name);
    if needs_quotes(name) { format!("\"{shown}\"") } else { shown }
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
            ("a\u{200b}b\u{ad}\u{feff}", "a\u{fffd}b\u{fffd}\u{fffd}"),
            ("cafe\u{301}", "cafe\u{301}"),
            ("e\u{308}\u{301}", "e\u{308}\u{301}"),
            ("\u{301}a", "\u{fffd}a"),
            ("a \u{301}\u{301}", "a \u{fffd}\u{fffd}"),
            ("a\u{1b}\u{301}", "a\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    /// Every character is shown in its own columns of the terminal, or is combined with one that is.
    #[test]
    fn no_text_begins_with_a_character_of_no_width() {
        for c in '\0'..=char::MAX {
            let shown = harmless(c.encode_utf8(&mut [0; 4]));
            assert!(shown.width() > 0, "{c:?}");
        }
    }

    #[test]
    fn names_that_would_not_be_seen_are_quoted() {
        for (name, shown) in [
            ("", "\"\""),
            (" ", "\" \""),
            ("ra ", "\"ra \""),
            ("\u{a0}ra", "\"\u{a0}ra\""),
            ("ra", "ra"),
            ("right ascension", "right ascension"),
            ("\u{200b}", "\u{fffd}"),
        ] {
            assert_eq!(shown_name(name), shown);
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
