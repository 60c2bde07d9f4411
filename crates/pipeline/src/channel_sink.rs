//! A blocking [`Write`] whose bytes are received by asynchronous code.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use taploom_format::Error;
use tokio::sync::mpsc;

/// What goes through the channel to the reader of a body.
///
/// The end is a separate message: if a channel closes without it, its thread panicked, and the bytes
/// received must not pass for a whole result.
#[derive(Debug)]
pub(crate) enum Message {
    Bytes(Bytes),
    End,
    Failed(Error),
}

/// Collects what is written into chunks, and sends them through a bounded channel.
///
/// A write blocks while the channel is full, so it belongs on a thread that may block. A write fails with
/// `BrokenPipe` once the receiver is gone.
///
/// While its gate is closed, the sink keeps everything that is written and never blocks. That is for the
/// header: it is written before there is a reader, and may be larger than the channel.
pub(crate) struct ChannelSink {
    sender: mpsc::Sender<Message>,
    gate: Gate,
    pending: BytesMut,
    chunk_bytes: usize,
}

/// Opens a [`ChannelSink`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ChannelSink {
    /// A sink that sends chunks of `chunk_bytes`, and smaller ones when it is flushed.
    pub(crate) fn new(sender: mpsc::Sender<Message>, chunk_bytes: usize, gate: Gate) -> Self {
        let chunk_bytes = chunk_bytes.max(1);
        Self { sender, gate, pending: BytesMut::with_capacity(chunk_bytes), chunk_bytes }
    }

    /// Sends whole chunks until fewer than `keep` bytes are left.
    fn send_down_to(&mut self, keep: usize) -> io::Result<()> {
        while !self.pending.is_empty() && self.pending.len() >= keep {
            let chunk = if self.pending.len() > self.chunk_bytes {
                self.pending.split_to(self.chunk_bytes)
            } else {
                let empty = BytesMut::with_capacity(self.chunk_bytes);
                std::mem::replace(&mut self.pending, empty)
            };
            let sent = self.sender.blocking_send(Message::Bytes(chunk.freeze()));
            sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the receiver is gone"))?;
        }
        Ok(())
    }
}

impl Write for ChannelSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.gate.is_open() {
            self.pending.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        // A header that was kept may be larger than a chunk.
        self.send_down_to(self.chunk_bytes)?;
        let taken = bytes.len().min(self.chunk_bytes - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        self.send_down_to(self.chunk_bytes)?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gate.is_open() { self.send_down_to(0) } else { Ok(()) }
    }
}
