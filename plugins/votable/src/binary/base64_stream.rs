//! One base64 text over many pieces.

use base64::Engine;
use taploom_encoder::{Error, ErrorKind, Output, Result};

/// The vectorised engine, which looks for what the processor has, where there is one.
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

/// Encodes bytes piece by piece into one continuous base64 text, so that `=` stands at its end
/// alone; VOTable 1.4, 6.
pub(crate) struct Base64Stream {
    engine: Standard,
    text: Vec<u8>,
    lines: Lines,
}

impl Base64Stream {
    /// A text of nothing yet, in lines of so many characters or, for 0, in one.
    pub(crate) fn new(line_length: usize) -> Self {
        let lines = Lines { length: line_length, column: 0, text: Vec::new() };
        Self { engine: standard(), text: Vec::new(), lines }
    }

    /// Writes as many bytes as make whole groups of three, and leaves the others at the front of
    /// `bytes`, for the next piece.
    pub(crate) fn write(&mut self, bytes: &mut Vec<u8>, output: &mut Output) -> Result<()> {
        let whole = bytes.len() - bytes.len() % 3;
        self.encode(&bytes[..whole], output)?;
        bytes.copy_within(whole.., 0);
        bytes.truncate(bytes.len() - whole);
        Ok(())
    }

    /// Writes the last bytes, padded, and ends the last line.
    pub(crate) fn finish(&mut self, bytes: &[u8], output: &mut Output) -> Result<()> {
        self.encode(bytes, output)?;
        output.append(self.lines.end())
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.lines.text.capacity()
    }

    fn encode(&mut self, bytes: &[u8], output: &mut Output) -> Result<()> {
        let length = bytes.len().div_ceil(3) * 4;
        if self.text.len() < length {
            self.text.resize(length, 0);
        }
        let written = self.engine.encode_slice(bytes, &mut self.text).map_err(|error| {
            Error::new(ErrorKind::Internal, "the base64 buffer is too small").with_source(error)
        })?;
        output.append(self.lines.broken(&self.text[..written]))
    }
}

/// Breaks a text that comes in pieces into lines.
struct Lines {
    /// Characters of a line; 0 for no breaks.
    length: usize,
    /// Characters that the current line has.
    column: usize,
    text: Vec<u8>,
}

impl Lines {
    fn broken<'a>(&'a mut self, mut piece: &'a [u8]) -> &'a [u8] {
        if self.length == 0 {
            return piece;
        }
        self.text.clear();
        while !piece.is_empty() {
            let (line, rest) = piece.split_at(piece.len().min(self.length - self.column));
            self.text.extend_from_slice(line);
            self.column += line.len();
            if self.column == self.length {
                self.text.push(b'\n');
                self.column = 0;
            }
            piece = rest;
        }
        &self.text
    }

    /// What ends the last line, unless it has ended.
    fn end(&self) -> &'static [u8] {
        if self.column > 0 { b"\n" } else { b"" }
    }
}
