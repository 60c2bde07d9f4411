//! Decodes the bytes of a STREAM from base64, piece by piece.

use std::io::Read;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, DecodeSliceError, Engine};
use taploom_model::{Error, Result};

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
    /// Why no more can be decoded, once the bytes before it are taken.
    failure: Option<Error>,
}

impl Base64Text {
    /// The next bytes: at least the given number, or fewer if the text ends. Memory grows with the bytes
    /// that arrive, not with the number asked for.
    pub(super) fn peek<R: Read>(&mut self, xml: &mut Xml<R>, least: usize) -> Result<&[u8]> {
        while self.bytes.len() - self.start < least {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.ended {
                break;
            }
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
        match xml.append_text(&mut self.piece, PIECE) {
            Ok(more) => self.ended = !more,
            // The rows before the damage are whole.
            Err(error) => self.failure = Some(error),
        }
        let characters = self.piece.iter().filter(|byte| !byte.is_ascii_whitespace());
        self.characters.extend(characters);
        let wrong =
            || damaged(&format!("the STREAM is not valid base64 before byte {}", xml.position()));
        if self.padded && !self.characters.is_empty() {
            self.failure = Some(wrong());
            return Ok(());
        }
        let whole = self.characters.len() - self.characters.len() % 4;
        let held = self.bytes.len();
        self.bytes.resize(held + whole / 4 * 3, 0);
        let written = STANDARD.decode_slice(&self.characters[..whole], &mut self.bytes[held..]);
        let written = written.or_else(|error| {
            let DecodeSliceError::DecodeError(DecodeError::InvalidByte(at, _)) = error else {
                return Err(wrong().with_source(error));
            };
            self.failure = Some(wrong().with_source(error));
            let good = &self.characters[..at / 4 * 4];
            Ok(STANDARD.decode_slice(good, &mut self.bytes[held..]).unwrap_or(0))
        })?;
        self.bytes.truncate(held + written);
        self.padded = self.characters[..whole].ends_with(b"=");
        self.characters.drain(..whole);
        if self.ended && !self.characters.is_empty() {
            self.failure = Some(damaged(&format!(
                "the base64 of the STREAM ends within a group of four characters at byte {}",
                xml.position()
            )));
        }
        Ok(())
    }
}
