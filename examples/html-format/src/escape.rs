//! Escapes texts in HTML.

// ANCHOR: escape
/// Appends a text in an element; returns whether characters had to be replaced.
///
/// HTML has no carriage return, not even as a character reference (HTML, 13.2.5.80), and parsers turn
/// carriage returns into line feeds.
pub(crate) fn append_text(text: &str, to: &mut Vec<u8>) -> bool {
    let mut altered = false;
    for character in text.chars() {
        match character {
            '\r' => {
                altered = true;
                to.push(b'\n');
            }
            other if is_forbidden(other) => {
                altered = true;
                append_character('\u{fffd}', to);
            }
            other => append_character(other, to),
        }
    }
    altered
}
// ANCHOR_END: escape

/// Appends a text in an attribute within double quotes; returns whether characters had to be replaced.
pub(crate) fn append_attribute(text: &str, to: &mut Vec<u8>) -> bool {
    let mut altered = false;
    for (index, part) in text.split('"').enumerate() {
        to.extend_from_slice(if index == 0 { b"" } else { b"&quot;" });
        altered |= append_text(part, to);
    }
    altered
}

/// Appends JSON. Characters that HTML does not allow become JSON escapes in its strings.
pub(crate) fn append_json(json: &str, to: &mut Vec<u8>) {
    for character in json.chars() {
        if !is_forbidden(character) {
            append_character(character, to);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            to.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    }
}

fn append_character(character: char, to: &mut Vec<u8>) {
    match character {
        '&' => to.extend_from_slice(b"&amp;"),
        '<' => to.extend_from_slice(b"&lt;"),
        '>' => to.extend_from_slice(b"&gt;"),
        other => to.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Control characters except white space, and noncharacters: parse errors of HTML, 13.2.3.5.
fn is_forbidden(character: char) -> bool {
    let is_control = character.is_control() && !matches!(character, '\t' | '\n' | '\u{c}');
    let code = u32::from(character);
    is_control || (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_can_not_hold_is_replaced_in_texts_and_escaped_in_json() {
        for (text, html, altered) in [
            ("a<b & \"c\">", "a&lt;b &amp; \"c\"&gt;", false),
            ("a\r\nb", "a\n\nb", true),
            ("\0\u{85}\u{fffe}\u{fdd0}", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}", true),
            ("\t\n\u{c}é😀", "\t\n\u{c}é😀", false),
        ] {
            let mut to = Vec::new();
            assert_eq!(append_text(text, &mut to), altered, "{text:?}");
            assert_eq!(String::from_utf8(to).unwrap(), html);
        }
        let mut to = Vec::new();
        append_json("[\"\u{7f}\u{1ffff}\"]", &mut to);
        assert_eq!(to, br#"["\u007f\ud83f\udfff"]"#);
        to.clear();
        assert!(append_attribute("\"a\"\r", &mut to));
        assert_eq!(to, b"&quot;a&quot;\n");
    }
}
