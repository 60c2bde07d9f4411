//! A sink whose other end is async.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use taploom_format::Result;
use tokio::sync::mpsc;

/// Collects what is written into chunks and sends them through a bounded channel.
///
/// Writing blocks while the channel is full: back-pressure acts on every chunk. Writing fails with
/// `BrokenPipe` once the receiver is gone. To be used on a thread that may block.
pub struct ChannelSink {
    sender: mpsc::Sender<Result<Bytes>>,
    chunk: BytesMut,
    chunk_bytes: usize,
}

impl ChannelSink {
    /// A sink that sends chunks of `chunk_bytes`, the last one of what is left at `flush`.
    pub fn new(sender: mpsc::Sender<Result<Bytes>>, chunk_bytes: usize) -> Self {
        let chunk_bytes = chunk_bytes.max(1);
        Self { sender, chunk: BytesMut::with_capacity(chunk_bytes), chunk_bytes }
    }

    fn send(&mut self) -> io::Result<()> {
        let empty = BytesMut::with_capacity(self.chunk_bytes);
        let chunk = std::mem::replace(&mut self.chunk, empty).freeze();
        self.sender
            .blocking_send(Ok(chunk))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the receiver is gone"))
    }
}

impl Write for ChannelSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.chunk_bytes - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == self.chunk_bytes {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() { Ok(()) } else { self.send() }
    }
}
