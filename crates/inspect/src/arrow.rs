//! Arrow IPC files and streams, message by message.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use arrow_ipc::{BodyCompression, MessageHeader, root_as_message};
use taploom_model::Result;

use crate::report::{ArrowFacts, Inspection, Readable, Spread};
use crate::unreadable;

/// The magic bytes at both ends of a file.
pub(crate) const MARK: &[u8] = b"ARROW1";
/// Maximum size of a message's metadata in bytes. The schema of 100,000 columns takes less.
const MOST_METADATA: u32 = 64 << 20;

/// Bytes before the first message of a file are at most this many.
const MOST_ALIGNMENT: u64 = 64;

/// Reads the messages. Problems are added to the inspection.
pub(crate) fn inspect(file: &File, inspection: &mut Inspection) -> Result<()> {
    let mut messages =
        Messages { facts: ArrowFacts::default(), rows: Vec::new(), bytes: Vec::new() };
    let walked = messages.walk(file, inspection.bytes);
    let walked = walked.map_err(|error| unreadable(&inspection.file, error))?;
    let Messages { mut facts, rows, bytes } = messages;
    facts.rows = Spread::of(rows);
    facts.batch_bytes = Spread::of(bytes);
    if let Some(why) = walked {
        let batches = facts.batches;
        inspection.problems.push(format!("{why}; {batches} record batches before it are whole"));
        inspection.readable = Some(Readable {
            rows: facts.rows.sum,
            of: None,
            damaged_row_groups: Vec::new(),
            damaged_columns: Vec::new(),
        });
    }
    inspection.rows = Some(facts.rows.sum);
    inspection.arrow = Some(facts);
    Ok(())
}

struct Messages {
    facts: ArrowFacts,
    rows: Vec<u64>,
    bytes: Vec<u64>,
}

impl Messages {
    /// Reads all messages, and returns why they end before the end-of-stream marker, if they do.
    fn walk(&mut self, mut file: &File, size: u64) -> io::Result<Option<String>> {
        let mut beginning = [0; 8];
        let is_file =
            size >= 8 && file.read_exact(&mut beginning).is_ok() && beginning.starts_with(MARK);
        self.facts.is_file = is_file;
        let mut at = if is_file { 8 } else { 0 };
        // arrow-rs pads the magic bytes to an alignment of 64.
        while is_file && at < MOST_ALIGNMENT && word(file, at, size)? == Some(0) {
            at += 4;
        }
        loop {
            let Some(mut word) = word(file, at, size)? else {
                // The format does not require an end-of-stream marker: a stream may just end.
                let is_end = at == size && !is_file;
                return Ok((!is_end)
                    .then(|| format!("the file ends at byte {at}, where a message should begin")));
            };
            at += 4;
            if word == u32::MAX {
                let Some(length) = self::word(file, at, size)? else {
                    return Ok(Some(format!("the file ends at byte {at}, within a message")));
                };
                (word, at) = (length, at + 4);
            }
            if word == 0 {
                return Ok(None);
            }
            let mut metadata = Vec::new();
            let there = word <= MOST_METADATA && u64::from(word) <= size - at;
            if there {
                file.seek(SeekFrom::Start(at))?;
                file.take(word.into()).read_to_end(&mut metadata)?;
            }
            let message = root_as_message(&metadata).ok().filter(|_| there);
            let Some(message) = message else {
                return Ok(Some(format!("the message at byte {at} is damaged or incomplete")));
            };
            at += u64::from(word);
            let body = u64::try_from(message.bodyLength()).unwrap_or(u64::MAX);
            let Some(next) = at.checked_add(body).filter(|next| *next <= size) else {
                return Ok(Some(format!("the file ends within the message before byte {at}")));
            };
            self.count(&message, u64::from(word) + body);
            at = next;
        }
    }

    fn count(&mut self, message: &arrow_ipc::Message<'_>, bytes: u64) {
        match message.header_type() {
            MessageHeader::RecordBatch => {
                let Some(batch) = message.header_as_record_batch() else { return };
                self.facts.batches += 1;
                self.rows.push(u64::try_from(batch.length()).unwrap_or(0));
                self.bytes.push(bytes);
                if let Some(codec) = batch.compression().and_then(codec) {
                    self.facts.codec = Some(codec.to_owned());
                }
            }
            MessageHeader::DictionaryBatch => self.facts.dictionaries += 1,
            _ => {}
        }
    }
}

fn codec(compression: BodyCompression<'_>) -> Option<&'static str> {
    compression.codec().variant_name()
}

/// Four bytes of the file, unless it is too short.
fn word(mut file: &File, at: u64, size: u64) -> io::Result<Option<u32>> {
    if size.saturating_sub(at) < 4 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    let mut word = [0; 4];
    file.read_exact(&mut word)?;
    Ok(Some(u32::from_le_bytes(word)))
}
