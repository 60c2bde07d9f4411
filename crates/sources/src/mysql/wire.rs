//! Sends and receives packets; see "MySQL Packets" in the documentation of MySQL's client/server protocol.

use std::ops::Range;
use std::time::Duration;

use taploom_model::{Error, ErrorKind};

use super::failure::Failure;
use crate::server::{ByteStream, Transport};

/// Length of the header before a payload: three bytes for the payload's length and one for the sequence number.
const HEADER: usize = 4;
/// A payload of this length continues in the next packet.
const CONTINUED: usize = 0xff_ffff;

/// A connection that sends and receives packets.
pub(super) struct Wire {
    pub(super) bytes: ByteStream,
    /// If a payload continues in another packet: the number of bytes of it that are already joined.
    joined: usize,
    /// The sequence number of the next packet, in either direction.
    sequence: u8,
    max_packet: usize,
}

impl Wire {
    pub(super) fn new(
        stream: Box<dyn Transport>,
        max_packet: usize,
        idle_timeout: Option<Duration>,
    ) -> Self {
        let bytes = ByteStream::new(stream, idle_timeout, "idle-timeout");
        Self { bytes, joined: 0, sequence: 0, max_packet }
    }

    /// Replaces the stream between two packets, for example by TLS over it.
    pub(super) async fn upgrade<F>(
        &mut self,
        upgrade: impl FnOnce(Box<dyn Transport>) -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<Box<dyn Transport>, Failure>>,
    {
        self.bytes.upgrade(upgrade).await
    }

    /// Receives the next payload, joined from several packets if it is large.
    ///
    /// Cancel-safe: if the future is dropped, the next call continues where it stopped.
    pub(super) async fn packet(&mut self) -> Result<&[u8], Failure> {
        let payload = self.receive().await?;
        Ok(&self.bytes.received[payload])
    }

    /// The bytes of a payload.
    pub(super) fn received(&self, payload: &Range<usize>) -> &[u8] {
        self.bytes.received.get(payload.clone()).unwrap_or_default()
    }

    /// The next payload, if it has arrived whole, fits in a packet, and is of the wanted kind. It stays in its place
    /// until the next call of [`receive`](Self::receive).
    pub(super) fn arrived(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Option<Range<usize>> {
        let start = self.bytes.next + HEADER;
        let [low, middle, high, sequence] = *self.bytes.received.get(self.bytes.next..start)?
        else {
            return None;
        };
        let length = length(low, middle, high);
        let payload = start..start + length;
        let is_one = self.joined == 0
            && length < CONTINUED.min(self.max_packet + 1)
            && sequence == self.sequence;
        if !is_one || !is_wanted(self.bytes.received.get(payload.clone())?) {
            return None;
        }
        self.sequence = sequence.wrapping_add(1);
        self.bytes.next = payload.end;
        Some(payload)
    }

    /// Receives the next payload and returns its place in the received bytes.
    ///
    /// Cancel-safe: if the future is dropped, the next call continues where it stopped.
    pub(super) async fn receive(&mut self) -> Result<Range<usize>, Failure> {
        loop {
            let header = self.joined;
            self.bytes.fill(header + HEADER).await?;
            let [low, middle, high, sequence] =
                self.bytes.received[self.bytes.next + header..][..HEADER]
            else {
                return Err(Failure::protocol("a packet without a header"));
            };
            let length = length(low, middle, high);
            if header.saturating_sub(HEADER) + length > self.max_packet {
                return Err(self.too_large());
            }
            self.bytes.fill(header + HEADER + length).await?;
            if sequence != self.sequence {
                return Err(Failure::protocol("packets out of order"));
            }
            self.sequence = sequence.wrapping_add(1);
            let mut end = header + HEADER + length;
            if header > 0 {
                // Removes the header between two parts of a payload.
                let header = self.bytes.next + header;
                self.bytes.received.drain(header..header + HEADER);
                end -= HEADER;
            }
            if length < CONTINUED {
                self.joined = 0;
                let start = self.bytes.next;
                let payload = start + HEADER..start + end;
                self.bytes.next = payload.end;
                return Ok(payload);
            }
            self.joined = end;
        }
    }

    fn too_large(&self) -> Failure {
        let message = format!(
            "the MySQL server sends a row of over {} bytes; max-packet=BYTES in the URL takes larger ones",
            self.max_packet
        );
        Failure::Final(Error::new(ErrorKind::Resources, message))
    }

    /// Sends the first packet of a command.
    pub(super) async fn command(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.sequence = 0;
        self.send(payload).await
    }

    /// Sends a packet that continues the current exchange.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(payload.len() + HEADER);
        let mut rest = payload;
        loop {
            let (piece, after) = rest.split_at(rest.len().min(CONTINUED));
            let [low, middle, high, ..] = piece.len().to_le_bytes();
            bytes.extend_from_slice(&[low, middle, high, self.sequence]);
            bytes.extend_from_slice(piece);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            if piece.len() < CONTINUED {
                break;
            }
        }
        Ok(self.bytes.send(&bytes).await?)
    }
}

/// The length of a payload, in the first three bytes of its header.
fn length(low: u8, middle: u8, high: u8) -> usize {
    usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::AsyncWriteExt;

    use super::*;

    /// The packets that a wire receives if the bytes arrive in pieces of the given size.
    async fn packets(
        bytes: &[u8],
        piece: usize,
        max_packet: usize,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let (mut far, near) = tokio::io::duplex(1 << 16);
        let mut wire = Wire::new(Box::new(near), max_packet, None);
        let feed = async {
            for piece in bytes.chunks(piece) {
                if far.write_all(piece).await.is_err() {
                    // The wire stopped reading because of an error.
                    break;
                }
            }
            drop(far);
        };
        let read = async move {
            let mut packets = Vec::new();
            loop {
                match wire.packet().await {
                    Ok(packet) => packets.push(packet.to_vec()),
                    Err(Failure::Lost(_)) => return Ok(packets),
                    Err(failure) => return Err(failure),
                }
            }
        };
        tokio::join!(feed, read).1
    }

    /// The bytes of packets with these payloads, as a server sends them.
    fn bytes(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut sequence = 0_u8;
        for payload in payloads {
            let mut rest = *payload;
            loop {
                let (piece, after) = rest.split_at(rest.len().min(CONTINUED));
                bytes.extend_from_slice(&piece.len().to_le_bytes()[..3]);
                bytes.push(sequence);
                bytes.extend_from_slice(piece);
                sequence = sequence.wrapping_add(1);
                rest = after;
                if piece.len() < CONTINUED {
                    break;
                }
            }
        }
        bytes
    }

    #[tokio::test]
    async fn payloads_come_whole_however_they_are_cut() {
        let payloads: Vec<Vec<u8>> = (0..300_usize).map(|n| vec![n as u8; n * 7 % 1000]).collect();
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let bytes = bytes(&payloads);
        for piece in [1, 3, 4, 5, 1000, 1 << 20] {
            assert!(packets(&bytes, piece, 1000).await.unwrap() == payloads, "{piece}");
        }
    }

    #[tokio::test]
    async fn payloads_of_16_mib_and_more_go_on_in_the_next_packet() {
        for length in [CONTINUED - 1, CONTINUED, CONTINUED + 1, 2 * CONTINUED, 2 * CONTINUED + 5] {
            let large: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let payloads: [&[u8]; 3] = [b"before", &large, b"after"];
            let read = packets(&bytes(&payloads), 1 << 20, 64 << 20).await.unwrap();
            assert!(read == payloads, "{length}");
            let refused = packets(&bytes(&payloads), 1 << 20, length - 1).await.unwrap_err();
            assert!(format!("{refused:?}").contains("max-packet"), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_packet_that_is_missing_is_noticed() {
        let mut bytes = bytes(&[b"a", b"b"]);
        bytes[8] = 2;
        let failure = packets(&bytes, 100, 1000).await.unwrap_err();
        assert!(format!("{failure:?}").contains("order"), "{failure:?}");
    }

    #[tokio::test]
    async fn a_read_that_is_given_up_loses_nothing() {
        let large: Vec<u8> = (0..CONTINUED + 9).map(|n| (n % 251) as u8).collect();
        let bytes = bytes(&[&large, b"after"]);
        let (mut far, near) = tokio::io::duplex(1 << 16);
        let mut wire = Wire::new(Box::new(near), 64 << 20, None);
        for piece in bytes.chunks(60_000) {
            far.write_all(piece).await.unwrap();
            // The future is dropped as soon as it would have to wait.
            if let Ok(packet) = tokio::time::timeout(Duration::ZERO, wire.packet()).await {
                assert!(packet.unwrap() == large);
            }
        }
        assert_eq!(wire.packet().await.unwrap(), b"after");
    }

    #[tokio::test]
    async fn silence_has_an_end() {
        let (_far, near) = tokio::io::duplex(10);
        let mut wire = Wire::new(Box::new(near), 1000, Some(Duration::from_millis(20)));
        let failure = wire.packet().await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Lost(error) if error.kind() == io::ErrorKind::TimedOut)
        );
    }
}
