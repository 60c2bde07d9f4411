//! An output that is always a little behind.

use std::io::{self, Write};

use taploom_encoder::Output;

/// Bytes that are kept back: as many as the end mark has.
const TAIL: usize = 8;

/// Keeps the last bytes back until they are released.
///
/// Readers take a stream that ends between two messages for a whole one, with an end mark or without.
/// So what is written never ends there: the last message lacks its end.
pub(crate) struct Withheld {
    output: Output,
    tail: Vec<u8>,
}

impl Withheld {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, tail: Vec::with_capacity(TAIL) }
    }

    /// Bytes taken so far, those kept back among them.
    pub(crate) fn taken(&self) -> u64 {
        self.output.written() + self.tail.len() as u64
    }

    /// Writes what was kept back. The output is whole with it.
    pub(crate) fn release(&mut self) -> io::Result<&mut Output> {
        self.output.write_all(&self.tail)?;
        self.tail.clear();
        Ok(&mut self.output)
    }
}

impl Write for Withheld {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Of both together all but the last bytes go on.
        let through = (self.tail.len() + bytes.len()).saturating_sub(TAIL);
        let from_tail = through.min(self.tail.len());
        let (now, later) = bytes.split_at(through - from_tail);
        self.output.write_all(&self.tail[..from_tail])?;
        self.output.write_all(now)?;
        self.tail.drain(..from_tail);
        self.tail.extend_from_slice(later);
        Ok(bytes.len())
    }

    /// What is kept back stays so.
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use taploom_testkit::SharedSink;

    use super::*;

    #[test]
    fn the_last_bytes_wait() {
        let bytes: Vec<u8> = (0..40).collect();
        for size in [1, 3, 7, 8, 9, 20, 40] {
            let sink = SharedSink::default();
            let mut withheld = Withheld::new(Output::new(Box::new(sink.clone())));
            for (index, part) in bytes.chunks(size).enumerate() {
                withheld.write_all(part).unwrap();
                let taken = index * size + part.len();
                assert_eq!(sink.bytes(), bytes[..taken.saturating_sub(TAIL)], "{size}");
                assert_eq!(withheld.taken(), taken as u64);
            }
            withheld.release().unwrap();
            assert_eq!(sink.bytes(), bytes);
        }
    }
}
