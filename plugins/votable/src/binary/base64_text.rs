//! One base64 text, encoded in separate pieces.

use base64::Engine;
use fearless_simd::Level;
use taploom_format::{Error, ErrorKind, Output, Result};

use crate::binary::base64_wide::encode_prefix;

/// The vectorised engine, if there is one for the processor. It chooses its code at run time.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
type Standard = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
type Standard = base64::engine::GeneralPurpose;

fn standard() -> Standard {
    let config = base64::engine::general_purpose::PAD;
    #[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
    return Standard::standard(config);
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_feature = "neon")
    )))]
    return Standard::new(&base64::alphabet::STANDARD, config);
}

/// Encodes bytes as one continuous base64 text, with `=` only at the end; VOTable 1.4, section
/// 6.
pub(crate) struct Base64 {
    engine: Standard,
    /// Characters per line; 0 for one line.
    line_length: usize,
}

/// The position of a piece in the text, in bytes before encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position(u64);

/// The text of a piece, without the bytes that share a group of three with a neighbouring
/// piece.
#[derive(Default)]
pub(crate) struct PieceText {
    /// Room for the group shared with the previous piece, then the text.
    text: Vec<u8>,
    end: usize,
    /// The same text without line breaks.
    unbroken: Vec<u8>,
}

/// Four characters, each of which may end a line.
const JOINT: usize = 8;

impl Position {
    /// The position after this number of bytes.
    pub(crate) fn after(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }

    /// The number of bytes of a piece that complete the last group of the previous piece.
    fn joining(self, bytes: usize) -> usize {
        ((3 - self.0 % 3) % 3).min(bytes as u64) as usize
    }

    /// Characters before this position, in complete groups.
    fn characters(self) -> u64 {
        self.0 / 3 * 4
    }
}

impl Base64 {
    /// Encodes lines of this number of characters; 0 for one line.
    pub(crate) fn new(line_length: usize) -> Self {
        Self { engine: standard(), line_length }
    }

    /// Encodes the complete groups of a piece.
    pub(crate) fn encode(&self, at: Position, bytes: &[u8], to: &mut PieceText) -> Result<()> {
        let bytes = &bytes[at.joining(bytes.len())..];
        let bytes = &bytes[..bytes.len() - bytes.len() % 3];
        let length = bytes.len() / 3 * 4;
        if self.line_length == 0 {
            grow(&mut to.text, JOINT + length);
            self.encode_slice(bytes, &mut to.text[JOINT..])?;
            to.end = JOINT + length;
            return Ok(());
        }
        grow(&mut to.unbroken, length);
        self.encode_slice(bytes, &mut to.unbroken)?;
        to.text.clear();
        to.text.resize(JOINT, 0);
        let before = at.after(at.joining(usize::MAX)).characters();
        self.break_lines(before, &to.unbroken[..length], &mut to.text);
        to.end = to.text.len();
        Ok(())
    }

    fn encode_slice(&self, bytes: &[u8], to: &mut [u8]) -> Result<usize> {
        let done = encode_prefix(Level::new(), bytes, to);
        let rest = &mut to[done / 3 * 4..];
        self.engine.encode_slice(&bytes[done..], rest).map_or_else(
            |error| {
                let message = "the base64 buffer is too small";
                Err(Error::new(ErrorKind::Internal, message).with_source(error))
            },
            |length| Ok(done / 3 * 4 + length),
        )
    }

    /// Appends characters, and a line break after every full line; the number of characters
    /// before them is given.
    fn break_lines(&self, before: u64, mut characters: &[u8], to: &mut Vec<u8>) {
        if self.line_length == 0 {
            to.extend_from_slice(characters);
            return;
        }
        let mut column = (before % self.line_length as u64) as usize;
        while !characters.is_empty() {
            let left = self.line_length - column;
            let (line, rest) = characters.split_at(characters.len().min(left));
            to.extend_from_slice(line);
            if line.len() == left {
                to.push(b'\n');
            }
            column = 0;
            characters = rest;
        }
    }
}

fn grow(text: &mut Vec<u8>, length: usize) {
    if text.len() < length {
        text.resize(length, 0);
    }
}

impl PieceText {
    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.unbroken.capacity()
    }
}

/// Joins pieces, in order.
#[derive(Default)]
pub(crate) struct Joiner {
    at: Position,
    /// The bytes of an incomplete group.
    open: [u8; 3],
}

impl Joiner {
    /// Writes the text of the next piece; `bytes` are the bytes of the piece.
    pub(crate) fn append(
        &mut self,
        base64: &Base64,
        bytes: &[u8],
        piece: &mut PieceText,
        output: &mut Output,
    ) -> Result<()> {
        let (joining, rest) = bytes.split_at(self.at.joining(bytes.len()));
        let begun = (self.at.0 % 3) as usize;
        self.open[begun..begun + joining.len()].copy_from_slice(joining);
        let mut joint = Vec::with_capacity(JOINT);
        if begun > 0 && begun + joining.len() == 3 {
            let mut group = [0; 4];
            base64.encode_slice(&self.open, &mut group)?;
            base64.break_lines(self.at.characters(), &group, &mut joint);
        }
        let tail = &rest[rest.len() - rest.len() % 3..];
        // A piece too short to complete the group leaves no rest.
        self.open[..tail.len()].copy_from_slice(tail);
        self.at = self.at.after(bytes.len());
        // A single write, because the sink may be a file.
        let start = JOINT - joint.len();
        piece.text[start..JOINT].copy_from_slice(&joint);
        output.append(&piece.text[start..piece.end])
    }

    /// Writes the last bytes with padding, and ends the last line.
    pub(crate) fn finish(&self, base64: &Base64, output: &mut Output) -> Result<()> {
        let left = &self.open[..(self.at.0 % 3) as usize];
        let mut group = [0; 4];
        let length = base64.encode_slice(left, &mut group)?;
        let mut end = Vec::with_capacity(JOINT);
        base64.break_lines(self.at.characters(), &group[..length], &mut end);
        let characters = self.at.characters() + length as u64;
        if base64.line_length > 0 && !characters.is_multiple_of(base64.line_length as u64) {
            end.push(b'\n');
        }
        output.append(&end)
    }
}

#[cfg(test)]
mod tests {
    use taploom_testkit::SharedSink;

    use super::*;

    #[test]
    fn pieces_of_any_size_make_the_text_of_the_whole() {
        let bytes: Vec<u8> = (0..700_u32).map(|byte| (byte * 37 % 251) as u8).collect();
        let whole = base64::prelude::BASE64_STANDARD.encode(&bytes);
        for line_length in [0, 1, 3, 4, 64, 76, 1000] {
            let broken: Vec<u8> = match line_length {
                0 => whole.clone().into_bytes(),
                _ => whole
                    .as_bytes()
                    .chunks(line_length)
                    .flat_map(|line| [line, b"\n"].concat())
                    .collect(),
            };
            for size in [1, 2, 3, 4, 5, 7, 64, 199, 200, 700] {
                let (base64, shared) = (Base64::new(line_length), SharedSink::default());
                let mut output = Output::new(Box::new(shared.clone()));
                let (mut joiner, mut at) = (Joiner::default(), Position::default());
                let mut text = PieceText::default();
                for piece in bytes.chunks(size) {
                    base64.encode(at, piece, &mut text).unwrap();
                    at = at.after(piece.len());
                    joiner.append(&base64, piece, &mut text, &mut output).unwrap();
                }
                joiner.finish(&base64, &mut output).unwrap();
                let found = shared.bytes();
                let what = format!("pieces of {size}, lines of {line_length}");
                assert_eq!(
                    String::from_utf8_lossy(&found),
                    String::from_utf8_lossy(&broken),
                    "{what}"
                );
            }
        }
    }
}
