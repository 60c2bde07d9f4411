//! Text in XML.

use quick_xml::escape::partial_escape;
use taploom_format::CellLosses;
use taploom_text::Escaping;
use taploom_votable::xml_characters;

use crate::charset::Charset;

/// How a string is written.
pub(crate) struct Text {
    pub(crate) charset: Charset,
    /// Maximum number of units.
    pub(crate) most: usize,
}

/// The losses in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) units: usize,
    pub(crate) losses: CellLosses,
}

impl Text {
    /// Strings that are the same in XML: plain ASCII that fits. A byte is at most one unit.
    pub(crate) fn escaping(&self) -> Escaping<impl Fn(u8) -> bool, impl Fn(&[u8]) -> bool> {
        let most = self.most;
        Escaping { quotes: "", is_special, is_plain: move |text: &[u8]| text.len() <= most }
    }

    /// Appends a string: characters that XML can't hold are replaced, then it is cut and
    /// escaped.
    pub(crate) fn append(&self, text: &str, to: &mut Vec<u8>) -> Appended {
        let mut losses = CellLosses::default();
        // A byte is at most one unit.
        if text.len() <= self.most && !text.bytes().any(is_special) {
            to.extend_from_slice(text.as_bytes());
            return Appended { units: text.len(), losses };
        }
        let replaced = xml_characters(text);
        losses.altered = u64::from(replaced != text);
        // In the other order, U+FFFD might not fit.
        let fitting = self.charset.fit(&replaced, self.most);
        losses.truncated = u64::from(fitting.text.len() < replaced.len());
        to.extend_from_slice(partial_escape(fitting.text).as_bytes());
        Appended { units: fitting.units, losses }
    }
}

/// Whether a byte may have to be changed: all but the bytes of ASCII that XML holds unchanged. A carriage return would
/// become a line feed (XML 1.0, section 2.11).
fn is_special(byte: u8) -> bool {
    let is_control = (byte < 0x20) & (byte != b'\t') & (byte != b'\n');
    is_control | (byte >= 0x7f) | (byte == b'&') | (byte == b'<') | (byte == b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(charset: Charset, most: usize, text: &str) -> (String, usize, CellLosses) {
        let mut to = Vec::new();
        let appended = Text { charset, most }.append(text, &mut to);
        (String::from_utf8(to).unwrap(), appended.units, appended.losses)
    }

    #[test]
    fn text_is_replaced_cut_and_escaped_in_this_order() {
        let none = CellLosses::default();
        let truncated = CellLosses { truncated: 1, ..none };
        let altered = CellLosses { altered: 1, ..none };
        for (charset, most, text, expected) in [
            (Charset::Utf8, 9, "a\tb\n", ("a\tb\n", 4, none)),
            (Charset::Utf8, 3, "<&>", ("&lt;&amp;&gt;", 3, none)),
            (Charset::Utf8, 3, "a\r\n", ("a&#13;\n", 3, none)),
            (Charset::Utf8, 2, "aé", ("a", 1, truncated)),
            (Charset::Utf16, 2, "aé", ("aé", 2, none)),
            (Charset::Utf16, 2, "a😀", ("a", 1, truncated)),
            (Charset::Utf16, 2, "a\0", ("a\u{fffd}", 2, altered)),
            (Charset::Utf8, 3, "a\0", ("a", 1, CellLosses { truncated: 1, altered: 1 })),
        ] {
            let (written, units, losses) = append(charset, most, text);
            assert_eq!((written.as_str(), units, losses), expected, "{text:?} in {most}");
        }
    }
}
