//! Sends and receives messages; see "Message Formats" in the chapter "Frontend/Backend Protocol" of PostgreSQL's
//! documentation.

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use taploom_model::{Error, ErrorKind};

use super::failure::{Failure, ServerError};
use crate::server::{ByteStream, Transport};

/// Length of a message's header: its tag, and the length of what follows the tag.
const HEADER: usize = 5;
/// Size of the field for the length, which the length includes.
const LENGTH: usize = 4;

/// The least limit for messages that are not rows, such as the names of a thousand columns.
const MAX_OTHER: usize = 1 << 20;

/// The first byte of a message.
pub(super) mod tag {
    pub(crate) const COMMAND_COMPLETE: u8 = b'C';
    pub(crate) const DATA_ROW: u8 = b'D';
    pub(super) const ERROR: u8 = b'E';
    pub(super) const NOTICE: u8 = b'N';
    pub(super) const NOTIFICATION: u8 = b'A';
    pub(super) const PARAMETER_STATUS: u8 = b'S';
    pub(crate) const READY_FOR_QUERY: u8 = b'Z';
}

/// A connection that sends and receives messages.
pub(super) struct Wire {
    pub(super) bytes: ByteStream,
    max_row: usize,
}

impl Wire {
    pub(super) fn new(
        stream: Box<dyn Transport>,
        max_row: usize,
        idle_timeout: Option<Duration>,
    ) -> Self {
        Self { bytes: ByteStream::new(stream, idle_timeout, "idle_timeout"), max_row }
    }

    /// Replaces the stream between two messages, for example by TLS over it.
    pub(super) async fn upgrade<F>(
        &mut self,
        upgrade: impl FnOnce(Box<dyn Transport>) -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<Box<dyn Transport>, Failure>>,
    {
        self.bytes.upgrade(upgrade).await
    }

    /// Receives the single byte that answers the question for TLS.
    pub(super) async fn byte(&mut self) -> Result<u8, Failure> {
        self.bytes.fill(1).await?;
        let byte = self.bytes.received[self.bytes.next];
        self.bytes.next += 1;
        Ok(byte)
    }

    /// Receives the next message, as [`receive`](Self::receive) does, and parses it.
    pub(super) async fn parsed(&mut self) -> Result<Message, Failure> {
        let (_, body) = self.receive().await?;
        let mut bytes = BytesMut::from(&self.bytes.received[body.start - HEADER..body.end]);
        let message = Message::parse(&mut bytes).map_err(Failure::protocol)?;
        message.ok_or_else(|| Failure::protocol("a message that is cut short"))
    }

    /// The body of the next message, if it is a row that has arrived whole. It stays in its place until the next call
    /// of [`receive`](Self::receive).
    pub(super) fn arrived_row(&mut self) -> Option<Range<usize>> {
        let body = self.bytes.next + HEADER;
        let [tag::DATA_ROW, a, b, c, d] = *self.bytes.received.get(self.bytes.next..body)? else {
            return None;
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let end = body + length.checked_sub(LENGTH)?;
        if length > self.max_row || end > self.bytes.received.len() {
            return None;
        }
        self.bytes.next = end;
        Some(body..end)
    }

    /// Receives the next message and returns its tag and the place of its body in the received bytes. Notices are
    /// skipped. An error that the server reports is returned as a failure.
    ///
    /// Cancel-safe: if the future is dropped, the next call continues where it stopped.
    pub(super) async fn receive(&mut self) -> Result<(u8, Range<usize>), Failure> {
        loop {
            self.bytes.fill(HEADER).await?;
            let start = self.bytes.next;
            let [tag, a, b, c, d] = self.bytes.received[start..][..HEADER] else {
                return Err(Failure::protocol("a message without a header"));
            };
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if length < LENGTH {
                return Err(Failure::protocol("a message with an impossible length"));
            }
            let limit = match tag {
                tag::DATA_ROW => self.max_row,
                _ => self.max_row.max(MAX_OTHER),
            };
            if length > limit {
                return Err(self.too_large());
            }
            self.bytes.fill(1 + length).await?;
            // The bytes that arrived may have been moved.
            let start = self.bytes.next;
            let body = start + HEADER..start + 1 + length;
            self.bytes.next = body.end;
            match tag {
                tag::NOTICE | tag::NOTIFICATION => {}
                tag::PARAMETER_STATUS => self.check_setting(body)?,
                tag::ERROR => {
                    let error = ServerError::parse(&self.bytes.received[start..body.end])?;
                    return Err(Failure::Server(error));
                }
                tag => return Ok((tag, body)),
            }
        }
    }

    /// Refuses a setting with which texts would be read wrongly. The server announces a change only after the rows.
    fn check_setting(&self, body: Range<usize>) -> Result<(), Failure> {
        let mut words = self.bytes.received[body].split(|byte| *byte == 0);
        match (words.next(), words.next()) {
            (Some(b"client_encoding"), Some(encoding))
                if !encoding.eq_ignore_ascii_case(b"UTF8") =>
            {
                let encoding = String::from_utf8_lossy(encoding);
                Err(Failure::Final(crate::error::invalid(format!(
                    "the query sets client_encoding to {encoding}, but texts are read as UTF8: leave the setting as it is"
                ))))
            }
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Failure {
        let message = format!(
            "the PostgreSQL server sends a row of over {} bytes; max_row=BYTES in the URL takes larger ones",
            self.max_row
        );
        Failure::Final(Error::new(ErrorKind::Resources, message))
    }

    /// Sends messages that `write` writes.
    pub(super) async fn send(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut bytes = BytesMut::new();
        // Only a text that contains a zero can't be written.
        write(&mut bytes).map_err(|error| {
            let message = "the query, or a part of the URL, can't be sent to PostgreSQL";
            crate::error::invalid(message).with_source(error)
        })?;
        Ok(self.bytes.send(&bytes).await?)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    async fn received(bytes: Vec<u8>, piece: usize, max_row: usize) -> (Vec<(u8, usize)>, Failure) {
        let (mut far, near) = tokio::io::duplex(1 << 16);
        let mut wire = Wire::new(Box::new(near), max_row, None);
        let feed = async move {
            for piece in bytes.chunks(piece) {
                if far.write_all(piece).await.is_err() {
                    // The wire stopped reading because of an error.
                    break;
                }
            }
        };
        let read = async move {
            let mut messages = Vec::new();
            loop {
                match wire.receive().await {
                    Ok((tag, body)) => messages.push((tag, body.len())),
                    Err(failure) => return (messages, failure),
                }
            }
        };
        tokio::join!(feed, read).1
    }

    #[tokio::test]
    async fn messages_come_whole_however_they_are_cut() {
        let lengths: Vec<usize> = (0..300).map(|n| n * 7 % 1000).collect();
        let mut bytes = Vec::new();
        for length in &lengths {
            bytes.extend(message(b'D', &vec![0; *length]));
            bytes.extend(message(b'N', b"a notice"));
        }
        let expected: Vec<_> = lengths.iter().map(|length| (b'D', *length)).collect();
        for piece in [1, 4, 5, 6, 1000, 1 << 20] {
            let (messages, end) = received(bytes.clone(), piece, 1004).await;
            assert!(messages == expected, "{piece}");
            assert!(matches!(end, Failure::Lost(_)), "{end:?}");
        }
    }

    #[tokio::test]
    async fn what_is_too_long_or_too_short_is_refused() {
        let (_, failure) = received(message(b'D', &[0; 2000]), 100, 1000).await;
        assert!(format!("{failure:?}").contains("max_row"), "{failure:?}");
        let (_, failure) = received(vec![b'D', 0, 0, 0, 3], 100, 1000).await;
        assert!(format!("{failure:?}").contains("impossible length"), "{failure:?}");
    }

    #[tokio::test]
    async fn an_error_of_the_server_is_read_whole() {
        let body = b"SFATAL\0C57P01\0Mshutting down\0Dmore\0Htry later\0P7\0\0";
        let (_, failure) = received(message(b'E', body), 100, 1000).await;
        let Failure::Server(error) = failure else { panic!("{failure:?}") };
        let shown = "error 57P01: shutting down at character 7; more; try later";
        assert_eq!(error.to_string(), shown);
    }
}
