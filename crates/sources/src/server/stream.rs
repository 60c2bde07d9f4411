//! The stream of bytes between client and server.

use std::io;
use std::time::Duration;

use futures::FutureExt;
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

/// Fewer bytes than this are not worth to be woken for.
const LITTLE: usize = 64 << 10;

/// A stream whose bytes are read ahead, at most 256 KiB.
pub(crate) struct ByteStream {
    stream: Box<dyn Transport>,
    /// The bytes that have arrived: the last message, and part of the next one or several more.
    pub(crate) received: Vec<u8>,
    /// The offset in `received` of the next message.
    pub(crate) next: usize,
    /// Whether rows are read, which may gather before they are.
    reads_rows: bool,
    /// Whether the last read found all that had arrived, and that was not much.
    found_little: bool,
    /// An error that came after the last bytes. It is returned when more bytes are needed.
    failure: Option<io::Error>,
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
            failure: None,
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
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            self.received.drain(..self.next);
            self.next = 0;
            if wanted <= READ {
                // Otherwise the room for one large row would be kept, and filled with small ones.
                self.received.shrink_to(READ);
            }
            if self.reads_rows && self.found_little {
                tokio::time::sleep(GATHERING).await;
            }
            let room = wanted.max(READ) - self.received.len();
            self.received.reserve_exact(room);
            let read = read_arrived(&mut self.stream, &mut self.received);
            let (read, failure) = limited(self.idle_timeout, self.timeout_option, read).await?;
            self.failure = failure;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.found_little = read < LITTLE.min(room / 2);
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

/// Waits for bytes, and reads all that have arrived and fit into the room of `buffer`. Returns their number, which is 0 at
/// the end of the stream, and an error that came after them.
///
/// The last bytes may say why the stream breaks. Over TLS, MySQL ends the connection without a farewell after a message
/// that it refuses the login, and that is an error.
async fn read_arrived(
    stream: &mut Box<dyn Transport>,
    buffer: &mut Vec<u8>,
) -> io::Result<(usize, Option<io::Error>)> {
    let before = buffer.len();
    let mut read = stream.read_buf(buffer).await?;
    // TLS gives one record at a time.
    while read > 0 && buffer.len() < buffer.capacity() {
        match stream.read_buf(buffer).now_or_never() {
            Some(Ok(more)) => read = more,
            Some(Err(failure)) => return Ok((buffer.len() - before, Some(failure))),
            None => break,
        }
    }
    Ok((buffer.len() - before, None))
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{DuplexStream, ReadBuf};

    use super::*;

    /// Gives a record at a time, as TLS does.
    struct Records(DuplexStream);

    const RECORD: usize = 1000;

    impl AsyncRead for Records {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let mut record = vec![0; RECORD.min(buffer.remaining())];
            let mut read = ReadBuf::new(&mut record);
            let polled = Pin::new(&mut self.0).poll_read(context, &mut read);
            buffer.put_slice(read.filled());
            polled
        }
    }

    impl AsyncWrite for Records {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(context, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    #[tokio::test]
    async fn all_that_has_arrived_is_read_however_it_is_cut() {
        let (mut far, near) = tokio::io::duplex(1 << 20);
        let mut stream = ByteStream::new(Box::new(Records(near)), None, "idle");
        stream.read_rows();
        far.write_all(&vec![1; 100 * RECORD]).await.unwrap();
        stream.fill(1).await.unwrap();
        assert_eq!(stream.received.len(), 100 * RECORD);
        assert!(!stream.found_little);
        stream.next = stream.received.len();
        far.write_all(&[2; 10]).await.unwrap();
        stream.fill(1).await.unwrap();
        assert_eq!(stream.received, [2; 10]);
        assert!(stream.found_little);
    }

    /// Gives ten bytes, and then an error, as TLS does over a connection that ends without a farewell.
    struct Breaking {
        has_given: bool,
    }

    impl AsyncRead for Breaking {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if std::mem::replace(&mut self.has_given, true) {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            buffer.put_slice(&[1; 10]);
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_arrives_before_an_error_is_read() {
        let broken = tokio::io::join(Breaking { has_given: false }, tokio::io::sink());
        let mut stream = ByteStream::new(Box::new(broken), None, "idle");
        stream.fill(10).await.unwrap();
        assert_eq!(stream.received, [1; 10]);
        let error = stream.fill(11).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn the_room_of_a_large_row_is_given_back() {
        let (mut far, near) = tokio::io::duplex(1 << 24);
        let mut stream = ByteStream::new(Box::new(near), None, "idle");
        far.write_all(&vec![1; 8 << 20]).await.unwrap();
        stream.fill(8 << 20).await.unwrap();
        stream.next = stream.received.len();
        far.write_all(&[2; 10]).await.unwrap();
        stream.fill(1).await.unwrap();
        assert!(stream.received.capacity() < 2 * READ, "{}", stream.received.capacity());
    }
}
