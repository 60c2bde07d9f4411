//! Files compressed by gzip: a sequence of members; RFC 1952, 2.2.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The decompressed bytes of all members.
///
/// Zeros after a member are padding, as for the program gzip. Anything else after a member is an error.
pub(super) struct Members<R> {
    /// `None` after the last member.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(compressed: R) -> Self {
        Self { member: Some(GzDecoder::new(compressed)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(mut member) = self.member.take() else { return Ok(0) };
            let read = member.read(out).map_err(explained)?;
            if read > 0 || out.is_empty() {
                self.member = Some(member);
                return Ok(read);
            }
            let mut rest = member.into_inner();
            if is_member(&mut rest)? {
                self.member = Some(GzDecoder::new(rest));
            }
        }
    }
}

/// Whether another member follows. Skips padding before it.
fn is_member(rest: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = match rest.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        match bytes {
            [] => return Ok(false),
            [0x1f, ..] => return Ok(true),
            [0, ..] => {
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                rest.consume(zeros);
            }
            _ => {
                let message = "bytes that are not gzip follow the end of its gzip data";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
}

/// Explains an error. Its kind is never `UnexpectedEof`, which a reader could mistake for its own end.
fn explained(error: io::Error) -> io::Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "its gzip data end too early: the file is cut short",
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let message = format!("its gzip data are damaged: {error}");
            return io::Error::new(io::ErrorKind::InvalidData, message);
        }
        _ => return error,
    };
    io::Error::new(io::ErrorKind::InvalidData, message)
}
