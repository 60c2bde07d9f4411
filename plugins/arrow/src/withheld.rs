//! An output that holds back its last bytes.

use std::io::{self, Write};

use taploom_format::Output;

/// Bytes held back: one more than the padding at the end of a message can have (buffers are
/// aligned to 64 bytes). Polars accepts a message without its padding.
const TAIL: usize = 64;

/// Maximum bytes gathered before they are passed on. A message has several small pieces per
/// column.
const MOST_GATHERED: usize = 640 << 10;

/// Gathers bytes, and holds back the last ones until they are released.
///
/// Readers accept a stream that ends between two messages as complete, with or without an end mark.
/// Until the output is complete, it therefore never ends there: the end of the last message is
/// missing.
pub(crate) struct Withheld {
    output: Output,
    tail: Vec<u8>,
    gathered: usize,
}

impl Withheld {
    /// Gathers at most this number of bytes, in a buffer whose contents are dropped.
    pub(crate) fn new(output: Output, most: usize, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { output, tail: buffer, gathered: most.clamp(TAIL, MOST_GATHERED) }
    }

    /// Bytes taken so far, including those held back.
    pub(crate) fn taken(&self) -> u64 {
        self.output.written() + self.tail.len() as u64
    }

    /// Allocated heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.tail.capacity()
    }

    /// Writes the gathered bytes, except for the last ones.
    pub(crate) fn hand_on(&mut self) -> io::Result<()> {
        let through = self.tail.len().saturating_sub(TAIL);
        self.output.write_all(&self.tail[..through])?;
        self.tail.drain(..through);
        Ok(())
    }

    /// Writes the bytes that were held back, which completes the output. Returns the buffer.
    pub(crate) fn release(mut self) -> io::Result<Vec<u8>> {
        self.output.write_all(&self.tail)?;
        Ok(self.tail)
    }
}

impl Write for Withheld {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.tail.len() + bytes.len() <= self.gathered {
            self.tail.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        // Everything but the last bytes of both is passed on.
        let through = (self.tail.len() + bytes.len()).saturating_sub(TAIL);
        let from_tail = through.min(self.tail.len());
        self.output.write_all(&self.tail[..from_tail])?;
        self.tail.drain(..from_tail);
        if bytes.len() < self.gathered {
            self.tail.extend_from_slice(bytes);
        } else {
            let (now, later) = bytes.split_at(through - from_tail);
            self.output.write_all(now)?;
            self.tail.extend_from_slice(later);
        }
        Ok(bytes.len())
    }

    /// Does nothing: gathered bytes wait for more, and the last bytes stay held back.
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use taploom_testkit::SharedSink;

    use super::*;

    const GATHERED: usize = 1000;

    #[test]
    fn the_last_bytes_wait() {
        let bytes: Vec<u8> = (0..=250).cycle().take(5 * GATHERED + 99).collect();
        for size in [7, 64, 333, GATHERED - 64, GATHERED, GATHERED + 1, GATHERED + 65, bytes.len()]
        {
            let sink = SharedSink::default();
            let mut withheld =
                Withheld::new(Output::new(Box::new(sink.clone())), GATHERED, vec![1; 10]);
            for (index, part) in bytes.chunks(size).enumerate() {
                withheld.write_all(part).unwrap();
                let taken = index * size + part.len();
                let through = sink.bytes();
                assert!(through == bytes[..through.len()], "{size}");
                assert!(through.is_empty() || through.len() + TAIL <= taken, "{size}");
                assert!(taken <= through.len() + GATHERED + TAIL, "{size}");
                assert_eq!(withheld.taken(), taken as u64);
                if index % 3 == 0 {
                    withheld.hand_on().unwrap();
                    assert_eq!(sink.bytes().len(), taken.saturating_sub(TAIL).max(through.len()));
                }
            }
            withheld.release().unwrap();
            assert!(sink.bytes() == bytes);
        }
    }
}
