//! Decodes the bytes of a STREAM from base64, piece by piece.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use taploom_model::Result;

use super::xml::{Xml, damaged};

/// The number of characters that are decoded at a time.
const PIECE: usize = 64 * 1024;

/// A base64 text with padding (RFC 4648, 4), which can have white space anywhere.
#[derive(Default)]
pub(super) struct Base64Text {
    piece: Vec<u8>,
    characters: Vec<u8>,
    bytes: Vec<u8>,
    start: usize,
    padded: bool,
    ended: bool,
}

impl Base64Text {
    /// The next bytes: at least the given number, or fewer if the text ends. Memory grows with the bytes
    /// that arrive, not with the number asked for.
    pub(super) fn peek<R: Read>(&mut self, xml: &mut Xml<R>, least: usize) -> Result<&[u8]> {
        while self.bytes.len() - self.start < least && !self.ended {
            self.bytes.drain(..self.start);
            self.start = 0;
            self.decode_piece(xml)?;
        }
        Ok(&self.bytes[self.start..])
    }

    /// Consumes bytes that were peeked at.
    pub(super) fn take(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.bytes.len());
    }

    fn decode_piece<R: Read>(&mut self, xml: &mut Xml<R>) -> Result<()> {
        self.piece.clear();
        self.ended = !xml.append_text(&mut self.piece, PIECE)?;
        let characters = self.piece.iter().filter(|byte| !byte.is_ascii_whitespace());
        self.characters.extend(characters);
        let wrong =
            || damaged(&format!("the STREAM is not valid base64 before byte {}", xml.position()));
        if self.padded && !self.characters.is_empty() {
            return Err(wrong());
        }
        let whole = self.characters.len() - self.characters.len() % 4;
        let held = self.bytes.len();
        self.bytes.resize(held + whole / 4 * 3, 0);
        let written = STANDARD.decode_slice(&self.characters[..whole], &mut self.bytes[held..]);
        let written = written.map_err(|error| wrong().with_source(error))?;
        self.bytes.truncate(held + written);
        self.padded = self.characters[..whole].ends_with(b"=");
        self.characters.drain(..whole);
        if self.ended && !self.characters.is_empty() {
            return Err(damaged(&format!(
                "the base64 of the STREAM ends within a group of four characters at byte {}",
                xml.position()
            )));
        }
        Ok(())
    }
}
