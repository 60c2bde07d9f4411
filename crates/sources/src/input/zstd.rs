//! Files compressed by zstd: a sequence of frames; RFC 8878, 3.1.

use std::io::{self, BufRead, Read};

use taploom_model::Result;
use zstd::stream::read::Decoder;

use crate::error::damaged;

/// The window size that every decoder should support, as a power of two; RFC 8878, 3.1.1.1.2.
const LEAST_WINDOW: u32 = 23;
/// The largest window size that the program zstd supports by default, as a power of two.
const LARGEST_WINDOW: u32 = 27;

/// The decompressed bytes of all frames.
///
/// A frame declares how much memory its window takes, up to gigabytes. The window may be as large as the
/// memory limit, and 8 MiB are always allowed.
pub(super) fn decoder(
    source: &str,
    stream: impl BufRead + Send + 'static,
    memory: usize,
) -> Result<Box<dyn Read + Send>> {
    let window = memory.max(1).ilog2().clamp(LEAST_WINDOW, LARGEST_WINDOW);
    let decoder = Decoder::with_buffer(stream).and_then(|mut decoder| {
        decoder.window_log_max(window)?;
        Ok(decoder)
    });
    let decoder = decoder.map_err(|error| {
        damaged(format!("source {source}: can't decompress zstd")).with_source(error)
    })?;
    Ok(Box::new(Frames { decoder, window }))
}

struct Frames<R> {
    decoder: R,
    window: u32,
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(out).map_err(|error| explained(error, self.window))
    }
}

/// Explains an error. Its kind is never `UnexpectedEof`, which a reader could mistake for its own end.
fn explained(error: io::Error, window: u32) -> io::Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "its zstd data end too early: the file is cut short".to_owned()
        }
        io::ErrorKind::Other if error.to_string().contains("requires too much memory") => {
            let remedy = match window {
                // A source may use three eighths of the program's budget.
                ..LARGEST_WINDOW => "--memory-budget 352MiB allows 128 MiB; ",
                _ => "",
            };
            format!(
                "its zstd data need a window of more than {} MiB; {remedy}or decompress it first: \
                 zstd -dc --long=31 FILE | taploom encode -",
                (1_u64 << window) >> 20
            )
        }
        io::ErrorKind::Other => format!("its zstd data are damaged: {error}"),
        _ => return error,
    };
    io::Error::new(io::ErrorKind::InvalidData, message)
}
