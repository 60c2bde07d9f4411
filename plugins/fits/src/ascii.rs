//! Text in the characters that FITS allows; FITS 4.0, sections 7.3.3.1 and 4.2.1.

use std::borrow::Cow;

/// Replaces a character that FITS does not allow.
const REPLACEMENT: char = '?';

/// Appends a text; returns whether characters had to be replaced.
pub(crate) fn append_ascii(text: &str, to: &mut Vec<u8>) -> bool {
    let ascii = ascii(text);
    to.extend_from_slice(ascii.as_bytes());
    matches!(ascii, Cow::Owned(_))
}

/// The name of a column. Spaces at the end of a string have no meaning (FITS 4.0, section 4.2.1.1),
/// so names that differ only in such spaces are equal. A name of only spaces becomes `_`, because
/// astropy can't read a table with an empty name.
pub(crate) fn name_of(name: &str) -> String {
    match ascii(name).trim_end_matches(' ') {
        "" => "_".to_owned(),
        name => name.to_owned(),
    }
}

/// Replaces every character outside 32 to 126 by a question mark. The text is copied only if it has
/// such a character.
pub(crate) fn ascii(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let characters = text.chars();
    Cow::Owned(characters.map(|c| if matches!(c, ' '..='~') { c } else { REPLACEMENT }).collect())
}
