//! One base64 text over many pieces.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use taploom_encoder::{Error, ErrorKind, Output, Result};

/// Encodes bytes piece by piece into one continuous base64 text, so that `=` stands at its end
/// alone; VOTable 1.4, 6.
#[derive(Default)]
pub(crate) struct Base64Stream {
    text: Vec<u8>,
}

impl Base64Stream {
    /// Writes as many bytes as make whole groups of three, and leaves the others at the front of
    /// `bytes`, for the next piece.
    pub(crate) fn write(&mut self, bytes: &mut Vec<u8>, output: &mut Output) -> Result<()> {
        let whole = bytes.len() - bytes.len() % 3;
        self.encode(&bytes[..whole], output)?;
        bytes.copy_within(whole.., 0);
        bytes.truncate(bytes.len() - whole);
        Ok(())
    }

    /// Writes the last bytes, padded.
    pub(crate) fn finish(&mut self, bytes: &[u8], output: &mut Output) -> Result<()> {
        self.encode(bytes, output)
    }

    /// Heap held, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity()
    }

    fn encode(&mut self, bytes: &[u8], output: &mut Output) -> Result<()> {
        let length = bytes.len().div_ceil(3) * 4;
        if self.text.len() < length {
            self.text.resize(length, 0);
        }
        let written = STANDARD.encode_slice(bytes, &mut self.text).map_err(|error| {
            Error::new(ErrorKind::Internal, "the base64 buffer is too small").with_source(error)
        })?;
        output.append(&self.text[..written])
    }
}
