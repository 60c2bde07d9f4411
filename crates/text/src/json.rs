//! Strings in JSON.

use std::ops::Range;

use arrow_array::{Array, StringArray};

/// Appends a string with its quotes; RFC 8259, 7.
///
/// ```
/// let mut text = Vec::new();
/// taploom_text::append_json_string("5\" \n", &mut text);
/// assert_eq!(text, br#""5\" \n""#);
/// ```
pub fn append_json_string(string: &str, to: &mut Vec<u8>) {
    let written = serde_json::to_writer(to, string);
    debug_assert!(written.is_ok(), "a Vec takes what is written, and every string is JSON");
}

/// Appends the strings of `array` in `range`, such as the strings of one list, as a JSON array.
///
/// ```
/// use arrow_array::StringArray;
///
/// let mut text = Vec::new();
/// let strings = StringArray::from(vec![Some("a"), None, Some("")]);
/// taploom_text::append_json_strings(&strings, 0..3, &mut text);
/// assert_eq!(text, br#"["a",null,""]"#);
/// ```
pub fn append_json_strings(array: &StringArray, range: Range<usize>, to: &mut Vec<u8>) {
    to.push(b'[');
    let first = range.start;
    for index in range {
        if index > first {
            to.push(b',');
        }
        if array.is_null(index) {
            to.extend_from_slice(b"null");
        } else {
            append_json_string(array.value(index), to);
        }
    }
    to.push(b']');
}
