//! Reads the record batches of an Arrow stream, one after the other.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::root_as_message;
use arrow_schema::{ArrowError, Schema, SchemaRef};

use super::memory::Pieces;
use super::unsupported::{check_byte_order, check_compression, refused};

/// The marker before the length of a message; Arrow columnar format, encapsulated message format.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];
/// The length that ends a stream.
const END: [u8; 4] = [0; 4];

/// The record batches of a stream.
pub(super) struct StreamBatches {
    pieces: Pieces<Box<dyn Read + Send>>,
    schema: SchemaRef,
    decoder: StreamDecoder,
    /// Batches that were decoded but not returned yet. The decoder returns a batch without a body only when
    /// the next message begins.
    ready: VecDeque<RecordBatch>,
    ended: bool,
}

impl StreamBatches {
    pub(super) fn new(bytes: Box<dyn Read + Send>) -> Result<Self, ArrowError> {
        let mut reader = Self {
            pieces: Pieces::new(bytes),
            schema: Arc::new(Schema::empty()),
            decoder: StreamDecoder::new(),
            ready: VecDeque::new(),
            ended: false,
        };
        while reader.decoder.schema().is_none() && !reader.ended {
            reader.read_message()?;
        }
        let missing = || ArrowError::ParseError("the stream ends before its schema".to_owned());
        reader.schema = reader.decoder.schema().ok_or_else(missing)?;
        Ok(reader)
    }

    /// Reads a message, or the end of the stream. The end of the file also ends the stream.
    fn read_message(&mut self) -> Result<(), ArrowError> {
        let mut length = match self.pieces.is_at_end()? {
            true => END.to_vec(),
            false => self.pieces.read(4)?,
        };
        let mut head = CONTINUATION.to_vec();
        if length == CONTINUATION {
            length = self.pieces.read(4)?;
        }
        head.extend_from_slice(&length);
        if length == END {
            self.ended = true;
            return self.decode(Buffer::from_vec(head));
        }
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        let metadata = self.pieces.read(length.into())?;
        let body = self.pieces.read_batch(body_length(&metadata)?)?;
        head.extend_from_slice(&metadata);
        self.decode(Buffer::from_vec(head))?;
        self.decode(body)
    }

    fn decode(&mut self, mut bytes: Buffer) -> Result<(), ArrowError> {
        while !bytes.is_empty() {
            self.ready.extend(self.decoder.decode(&mut bytes)?);
        }
        Ok(())
    }
}

fn body_length(metadata: &[u8]) -> Result<u64, ArrowError> {
    let message = root_as_message(metadata).map_err(|error| refused("a message", &error))?;
    if let Some(schema) = message.header_as_schema() {
        check_byte_order(schema)?;
    }
    check_compression(message)?;
    let length = message.bodyLength();
    u64::try_from(length)
        .map_err(|_| ArrowError::ParseError(format!("a message has a body of {length} bytes")))
}

impl Iterator for StreamBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.ended {
            if let Err(error) = self.read_message() {
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

impl RecordBatchReader for StreamBatches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
