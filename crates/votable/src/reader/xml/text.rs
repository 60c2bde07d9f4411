//! Reads text between tags in pieces, so that long texts need not be held in memory.

use std::borrow::Cow;
use std::io::Read;

use memchr::{memchr2, memchr3};
use quick_xml::escape::unescape;
use taploom_model::Result;

use super::{CALM, Node, Xml, damaged, is_space, unreadable};
use crate::text::forbidden;

/// The longest reference that is resolved, in bytes.
pub(in crate::reader) const REFERENCE: usize = 16;

impl<R: Read> Xml<R> {
    /// The text of the element that was just opened, up to its end. Elements inside it are skipped.
    pub(in crate::reader) fn text(&mut self) -> Result<String> {
        let mut text = Vec::new();
        while !self.closes {
            let limit = self.left.saturating_add(1);
            self.append_text(&mut text, limit)?;
            self.charge(text.len())?;
            match self.markup()? {
                Node::Open(tag) => self.pass_over(&tag)?,
                Node::Close | Node::End => return self.checked(text),
            }
        }
        self.closes = false;
        self.depth -= 1;
        Ok(String::new())
    }

    /// Appends a piece of the text that follows, until `text` has `most` bytes (then it returns `true`) or
    /// a tag follows (then `false`). References are resolved, CDATA sections are unwrapped, and line ends
    /// are normalised (XML 1.0, 2.11).
    pub(in crate::reader) fn append_text(
        &mut self,
        text: &mut Vec<u8>,
        most: usize,
    ) -> Result<bool> {
        if self.closes {
            return Ok(false);
        }
        while text.len() < most {
            let room = most - text.len();
            let in_cdata = self.in_cdata;
            let input = self.reader.get_mut();
            let available = input.available().map_err(unreadable)?;
            let special = match in_cdata {
                true => memchr2(b']', b'\r', available),
                false => memchr3(b'<', b'&', b'\r', available),
            };
            match special {
                _ if available.is_empty() => {
                    if self.depth == 0 {
                        return Ok(false);
                    }
                    return Err(self.cut_short());
                }
                Some(0) => {}
                plain => {
                    let length = plain.unwrap_or(available.len()).min(room);
                    text.extend_from_slice(&available[..length]);
                    input.take(length);
                    continue;
                }
            }
            match input.peek(9).map_err(unreadable)? {
                [b'\r', b'\n', ..] => input.take(1),
                [b'\r', ..] => {
                    input.take(1);
                    text.push(b'\n');
                }
                [b']', b']', b'>', ..] => {
                    input.take(3);
                    self.in_cdata = false;
                }
                [b']', ..] => {
                    input.take(1);
                    text.push(b']');
                }
                [b'<', b'!', b'-', b'-', ..] => {
                    input.take(4);
                    self.skip_past(b"-->")?;
                }
                [b'<', b'?', ..] => {
                    input.take(2);
                    self.skip_past(b"?>")?;
                }
                b"<![CDATA[" => {
                    input.take(9);
                    self.in_cdata = true;
                }
                beginning if beginning.starts_with(b"<![CDATA[") => {
                    input.take(9);
                    self.in_cdata = true;
                }
                [b'<', ..] => return Ok(false),
                _ => self.reference(text)?,
            }
        }
        Ok(true)
    }

    fn checked(&self, bytes: Vec<u8>) -> Result<String> {
        let text = String::from_utf8(bytes).map_err(|error| {
            damaged(&format!("text that ends at byte {} is not UTF-8", self.position()))
                .with_source(error.utf8_error())
        })?;
        match forbidden(&text) {
            None => Ok(text),
            Some(character) => {
                Err(damaged(&format!("text that ends at byte {} has {character}", self.position())))
            }
        }
    }

    /// Reads text up to the next tag, and says whether it was only white space.
    pub(super) fn skip_text(&mut self) -> Result<bool> {
        let (mut text, mut is_only_space) = (Vec::new(), true);
        loop {
            let more = self.append_text(&mut text, CALM)?;
            is_only_space &= text.iter().all(|byte| is_space(char::from(*byte)));
            text.clear();
            if !more {
                return Ok(is_only_space);
            }
        }
    }

    fn skip_past(&mut self, end: &[u8]) -> Result<()> {
        loop {
            let input = self.reader.get_mut();
            let available = input.peek(end.len()).map_err(unreadable)?;
            if available.len() < end.len() {
                return Err(self.cut_short());
            }
            if let Some(place) = memchr::memmem::find(available, end) {
                input.take(place + end.len());
                return Ok(());
            }
            // The first bytes of the end may be at the end of the buffer.
            let passed = available.len() - (end.len() - 1);
            input.take(passed);
        }
    }

    /// Resolves a reference to a character or to one of the five entities of XML.
    fn reference(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let at = self.position();
        let input = self.reader.get_mut();
        let available = input.peek(REFERENCE).map_err(unreadable)?;
        let Some((length, resolved)) = resolved(available) else {
            return Err(damaged(&match reference_to_none(available) {
                Some(reference) => {
                    format!("the reference {reference} at byte {at} is to no character of XML")
                }
                None => format!(
                    "an & at byte {at} does not begin a reference to a character or to one of the entities of XML"
                ),
            }));
        };
        text.extend_from_slice(resolved.as_bytes());
        input.take(length);
        Ok(())
    }
}

/// The length of the reference at the beginning of these bytes, and what it stands for. `None` if it does not stand for a
/// character that XML allows.
pub(in crate::reader) fn resolved(bytes: &[u8]) -> Option<(usize, Cow<'_, str>)> {
    let reference = reference(bytes)?;
    let resolved = unescape(reference).ok()?;
    forbidden(&resolved).is_none().then_some((reference.len(), resolved))
}

/// The reference at the beginning of these bytes.
fn reference(bytes: &[u8]) -> Option<&str> {
    let bytes = &bytes[..bytes.len().min(REFERENCE)];
    let length = bytes.iter().position(|byte| *byte == b';')? + 1;
    std::str::from_utf8(&bytes[..length]).ok()
}

/// The reference at the beginning of these bytes, if it is a number that [`resolved`] does not resolve.
fn reference_to_none(bytes: &[u8]) -> Option<&str> {
    let reference = reference(bytes)?;
    let number = reference.strip_prefix("&#")?.strip_suffix(';')?;
    let is_number = match number.strip_prefix('x') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()),
    };
    is_number.then_some(reference)
}
