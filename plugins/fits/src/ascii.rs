//! Text in the characters that FITS has; FITS 4.0, sections 7.3.3.1 and 4.2.1.

use std::borrow::Cow;

/// Replaces a character that FITS does not have.
const REPLACEMENT: char = '?';

/// Appends a text; returns whether characters had to be replaced.
pub(crate) fn append_ascii(text: &str, to: &mut Vec<u8>) -> bool {
    let ascii = ascii(text);
    to.extend_from_slice(ascii.as_bytes());
    matches!(ascii, Cow::Owned(_))
}

/// The name of a column. Spaces at the end of a string have no meaning (FITS 4.0, section
/// 4.2.1.1), so names that differ only in them are equal. A name that is nothing but spaces
/// becomes `_`, because astropy reads no table with an empty name.
pub(crate) fn name_of(name: &str) -> String {
    match ascii(name).trim_end_matches(' ') {
        "" => "_".to_owned(),
        name => name.to_owned(),
    }
}

/// A text with a question mark for every character outside 32 to 126; a copy only if there is
/// such a character.
pub(crate) fn ascii(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let characters = text.chars();
    Cow::Owned(characters.map(|c| if matches!(c, ' '..='~') { c } else { REPLACEMENT }).collect())
}
