//! The stream of bytes between client and server.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failure::{Failure, Reported};

/// The stream under a protocol: TCP, or TLS over TCP.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Transport for T {}

/// Number of bytes to request from the kernel at a time. One call per 256 KiB costs almost nothing, and the bytes
/// stay in the caches of the CPU.
const READ: usize = 256 << 10;

/// How long rows may gather in the kernel before they are read.
///
/// A server sends its rows in pieces of 8 or 16 KiB. A client that is faster would be woken for each of them, which
/// costs more CPU time than the rows, and would find only one or two rows to read at a time.
const GATHERING: Duration = Duration::from_millis(1);

/// A stream whose bytes are read ahead, at most 256 KiB.
pub(crate) struct ByteStream {
    stream: Box<dyn Transport>,
    /// The bytes that have arrived: the last message, and part of the next one or several more.
    pub(crate) received: Vec<u8>,
    /// The offset in `received` of the next message.
    pub(crate) next: usize,
    /// Whether rows are read, which may gather before they are.
    reads_rows: bool,
    /// Whether the last read found all that has arrived, and much less than would have fitted.
    found_little: bool,
    idle_timeout: Option<Duration>,
    /// The option that sets `idle_timeout`, for the error.
    timeout_option: &'static str,
}

impl ByteStream {
    pub(crate) fn new(
        stream: Box<dyn Transport>,
        idle_timeout: Option<Duration>,
        timeout_option: &'static str,
    ) -> Self {
        Self {
            stream,
            received: Vec::new(),
            next: 0,
            reads_rows: false,
            found_little: false,
            idle_timeout,
            timeout_option,
        }
    }

    /// From now on, reads rows: each of them may be read 1 ms later than it arrives.
    pub(crate) fn read_rows(&mut self) {
        self.reads_rows = true;
        self.found_little = false;
    }

    /// Replaces the stream between two messages, for example by TLS over it.
    pub(crate) async fn upgrade<E, F>(
        &mut self,
        upgrade: impl FnOnce(Box<dyn Transport>) -> F,
    ) -> Result<(), Failure<E>>
    where
        E: Reported,
        F: Future<Output = Result<Box<dyn Transport>, Failure<E>>>,
    {
        // Bytes that arrived before TLS was agreed on may come from an attacker.
        if self.next < self.received.len() {
            return Err(Failure::protocol("data after the greeting, before TLS"));
        }
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = upgrade(plain).await?;
        Ok(())
    }

    /// Waits until `wanted` bytes from `next` on have arrived.
    ///
    /// Cancel-safe: if the future is dropped, the next call continues where it stopped.
    #[inline]
    pub(crate) async fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.received.len() - self.next < wanted {
            self.receive(wanted).await?;
        }
        Ok(())
    }

    async fn receive(&mut self, wanted: usize) -> io::Result<()> {
        while self.received.len() - self.next < wanted {
            self.received.drain(..self.next);
            self.next = 0;
            if self.reads_rows && self.found_little {
                tokio::time::sleep(GATHERING).await;
            }
            let room = wanted.max(READ) - self.received.len();
            self.received.reserve_exact(room);
            let read = self.stream.read_buf(&mut self.received);
            let read = limited(self.idle_timeout, self.timeout_option, read).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.found_little = read < room / 2;
        }
        Ok(())
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let send = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        limited(self.idle_timeout, self.timeout_option, send).await
    }
}

async fn limited<T>(
    limit: Option<Duration>,
    option: &str,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let Some(limit) = limit else { return work.await };
    let out_of_time = || {
        let why = format!(
            "nothing came or went for {} s; {option}=SECONDS in the URL waits longer",
            limit.as_secs_f64()
        );
        io::Error::new(io::ErrorKind::TimedOut, why)
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(out_of_time()))
}
