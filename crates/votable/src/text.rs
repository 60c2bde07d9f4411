//! The characters that XML can hold.

use std::borrow::Cow;

use taploom_model::{Column, ResultSchema};

/// Replaces characters that XML 1.0 can't hold, not even as references, by U+FFFD. These are U+FFFE, U+FFFF
/// and the control characters except tab, line feed and carriage return; XML 1.0, 2.2.
///
/// ```
/// assert_eq!(taploom_votable::xml_characters("a\u{0}b\tc"), "a\u{FFFD}b\tc");
/// ```
pub fn xml_characters(text: &str) -> Cow<'_, str> {
    if text.contains(is_forbidden) {
        Cow::Owned(text.replace(is_forbidden, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether XML 1.0 can't hold a character.
pub(crate) fn is_forbidden(c: char) -> bool {
    let is_control = matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}');
    is_control || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The first character that XML can't hold, as messages show it.
pub(crate) fn forbidden(text: &str) -> Option<String> {
    if !may_have_forbidden(text.as_bytes()) {
        return None;
    }
    let found = text.chars().find(|c| is_forbidden(*c))?;
    Some(format!("the character U+{:04X}, which XML does not allow", u32::from(found)))
}

/// Whether a byte is a control character, or the first one of U+F000 to U+FFFF. The compiler turns the loop into vector
/// instructions, which take a fraction of the time that it takes to look at each character.
fn may_have_forbidden(bytes: &[u8]) -> bool {
    let found = bytes.iter().fold(0_u8, |found, byte| {
        let is_space = (*byte == b'\t') | (*byte == b'\n') | (*byte == b'\r');
        found | u8::from((*byte < b' ') & !is_space) | u8::from(*byte == 0xef)
    });
    found != 0
}

/// The number of columns whose name has characters that XML can't hold.
pub fn altered_names(schema: &ResultSchema) -> u64 {
    let names = schema.columns().iter().map(Column::name);
    names.filter(|name| xml_characters(name) != *name).count() as u64
}
