//! Reads the record batches that the footer of an Arrow file lists.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{Block, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, SchemaRef};

use super::in_turn::CONTINUATION;
use super::memory::Blocks;
use super::unsupported::{check_byte_order, check_compression, refused};

/// Size of the end of a file in bytes: the length of the footer (four bytes) and `ARROW1`.
const TRAILER: usize = 10;

/// The record batches of a file.
pub(super) struct FileBatches {
    blocks: Blocks,
    schema: SchemaRef,
    decoder: FileDecoder,
    to_read: std::vec::IntoIter<Block>,
}

impl FileBatches {
    pub(super) fn new(file: File) -> Result<Self, ArrowError> {
        let mut blocks = Blocks::new(file)?;
        let footer = footer(&mut blocks)?;
        let damaged = |what: &str| ArrowError::ParseError(format!("the footer {what}"));
        let footer = root_as_footer(&footer).map_err(|error| refused("its footer", &error))?;
        let schema = footer.schema().ok_or_else(|| damaged("has no schema"))?;
        check_byte_order(schema)?;
        let listed = footer.recordBatches().ok_or_else(|| damaged("lists no record batches"))?;
        let to_read = listed.iter().copied().collect::<Vec<_>>().into_iter();
        let schema = Arc::new(try_fb_to_schema(schema)?);
        let mut decoder = FileDecoder::new(Arc::clone(&schema), footer.version());
        for block in footer.dictionaries().into_iter().flatten() {
            let bytes = read(&mut blocks, block)?;
            decoder.read_dictionary(block, &bytes)?;
        }
        Ok(Self { blocks, schema, decoder, to_read })
    }
}

fn footer(blocks: &mut Blocks) -> Result<Vec<u8>, ArrowError> {
    let too_short = || ArrowError::ParseError("the file ends before its footer".to_owned());
    let end = blocks.length().checked_sub(TRAILER as u64).ok_or_else(too_short)?;
    blocks.seek(end)?;
    let trailer = blocks.read(TRAILER as u64)?.try_into().map_err(|_| too_short())?;
    let length = read_footer_length(trailer)? as u64;
    blocks.seek(end.checked_sub(length).ok_or_else(too_short)?)?;
    blocks.read(length)
}

fn read(blocks: &mut Blocks, block: &Block) -> Result<Buffer, ArrowError> {
    let number = |value: i64| {
        let damaged = || ArrowError::ParseError(format!("the footer lists a block at {value}"));
        u64::try_from(value).map_err(|_| damaged())
    };
    blocks.seek(number(block.offset())?)?;
    let metadata = number(block.metaDataLength().into())?;
    let bytes = blocks.read_batch(metadata.saturating_add(number(block.bodyLength())?))?;
    // arrow-ipc reports a message that can't be read.
    let start = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
    let message = bytes.get(start..usize::try_from(metadata).unwrap_or(usize::MAX));
    if let Some(Ok(message)) = message.map(root_as_message) {
        check_compression(message)?;
    }
    Ok(bytes)
}

impl Iterator for FileBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let block = self.to_read.next()?;
            let bytes = read(&mut self.blocks, &block);
            let batch = bytes.and_then(|bytes| self.decoder.read_record_batch(&block, &bytes));
            // A block may have no batch.
            if let Some(batch) = batch.transpose() {
                return Some(batch);
            }
        }
    }
}

impl RecordBatchReader for FileBatches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
