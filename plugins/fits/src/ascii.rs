//! Text within the characters that FITS has; FITS 4.0, 7.3.3.1 and 4.2.1.

use std::borrow::Cow;

/// What stands for a character that FITS does not have.
const REPLACEMENT: char = '?';

/// Appends a text; returns whether characters had to be replaced.
pub(crate) fn append_ascii(text: &str, to: &mut Vec<u8>) -> bool {
    let ascii = ascii(text);
    to.extend_from_slice(ascii.as_bytes());
    matches!(ascii, Cow::Owned(_))
}

/// The name of a column: spaces at the end of a string mean nothing (FITS 4.0, 4.2.1.1), so names that
/// differ in them alone are the same. One of nothing else is `_`, for astropy reads no table in which a
/// name is empty.
pub(crate) fn name_of(name: &str) -> String {
    match ascii(name).trim_end_matches(' ') {
        "" => "_".to_owned(),
        name => name.to_owned(),
    }
}

/// A text with a question mark for every character outside of 32 to 126; owned where there is one.
pub(crate) fn ascii(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let characters = text.chars();
    Cow::Owned(characters.map(|c| if matches!(c, ' '..='~') { c } else { REPLACEMENT }).collect())
}
