//! Reads FileMetaData, and keeps only sums per column and per row group.

use taploom_thrift::{self as thrift, Input, Reader, Taken};

use super::chunk::{Chunk, ChunkReader, ColumnSums};
use super::fields::{Seen, take};
use super::schema::{Leaf, SchemaReader};

/// The contents of a footer, summed up.
#[derive(Debug, Default)]
pub(super) struct Footer {
    pub(super) version: i64,
    pub(super) rows: i64,
    pub(super) created_by: Option<String>,
    pub(super) keys: Vec<(String, String)>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) columns: Vec<ColumnSums>,
    pub(super) row_groups: Vec<RowGroup>,
    /// For each leaf, whether its statistics use the total order of IEEE 754.
    pub(super) total_order: Vec<bool>,
    pub(super) is_encrypted: bool,
    /// The position of each chunk, if asked for.
    pub(super) chunks: Vec<Chunk>,
    /// Number of chunks that are not within the file and before the footer, and the first such chunk.
    pub(super) outside: u64,
    pub(super) first_outside: Option<Chunk>,
    /// The first chunk of the file, whose pages show whether there are checksums.
    pub(super) first_chunk: Option<Chunk>,
}

/// A row group.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowGroup {
    pub(super) rows: i64,
    /// Size of its chunks in the file, in bytes.
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
}

/// Maximum number of row groups; a footer with more counts as damaged.
const MOST_ROW_GROUPS: usize = 1 << 22;
/// Maximum number of keys that are read.
const MOST_KEYS: usize = 10_000;
/// Maximum size in bytes of a key or value.
const MOST_TEXT: u64 = 64 << 20;

impl Footer {
    /// Reads a footer up to its end or its first damage. Chunks must not reach beyond byte `end`.
    pub(super) fn read<I: Input>(
        &mut self,
        reader: &mut Reader<I>,
        end: u64,
        keep_chunks: bool,
    ) -> thrift::Result<()> {
        let mut schema = SchemaReader::default();
        let mut chunk = ChunkReader::default();
        let mut seen = Seen::default();
        reader.each_field(|reader, id, kind| match seen.add(id) {
            1 => take!(self.version, reader.integer(kind)),
            2 => {
                reader.each_element(kind, |reader, _| schema.element(reader))?;
                self.leaves = std::mem::take(&mut schema.leaves);
                self.columns.resize_with(self.leaves.len(), ColumnSums::default);
                Ok(Taken::Yes)
            }
            3 => take!(self.rows, reader.integer(kind)),
            4 => reader.each_element(kind, |reader, _| {
                if self.row_groups.len() >= MOST_ROW_GROUPS {
                    return Err(reader.malformed("part of a file with fewer row groups"));
                }
                self.row_group(reader, &mut chunk, end, keep_chunks)
            }),
            5 => reader.each_element(kind, |reader, _| self.key(reader)),
            6 => take!(self.created_by, reader.text(kind, MOST_TEXT).map(Some)),
            7 => reader.each_element(kind, |reader, _| {
                let mut is_total = false;
                reader.each_field(|_, id, _| {
                    is_total |= id == 2;
                    Ok(Taken::No)
                })?;
                if self.total_order.len() < self.leaves.len() {
                    self.total_order.push(is_total);
                }
                Ok(())
            }),
            8 => {
                self.is_encrypted = true;
                Ok(Taken::No)
            }
            _ => Ok(Taken::No),
        })?;
        seen.check(
            reader,
            &[
                (1, "the end of a FileMetaData with its version"),
                (2, "the end of a FileMetaData with its schema"),
                (3, "the end of a FileMetaData with its num_rows"),
                (4, "the end of a FileMetaData with its row_groups"),
            ],
        )
    }

    fn key<I: Input>(&mut self, reader: &mut Reader<I>) -> thrift::Result<()> {
        let (mut key, mut value) = (String::new(), String::new());
        reader.each_field(|reader, id, kind| match id {
            1 => take!(key, reader.text(kind, MOST_TEXT)),
            2 => take!(value, reader.text(kind, MOST_TEXT)),
            _ => Ok(Taken::No),
        })?;
        if self.keys.len() < MOST_KEYS {
            self.keys.push((key, value));
        }
        Ok(())
    }

    fn row_group<I: Input>(
        &mut self,
        reader: &mut Reader<I>,
        chunk: &mut ChunkReader,
        end: u64,
        keep_chunks: bool,
    ) -> thrift::Result<()> {
        let mut row_group = RowGroup::default();
        let index = u32::try_from(self.row_groups.len()).unwrap_or(u32::MAX);
        let mut leaf = 0;
        let mut seen = Seen::default();
        reader.each_field(|reader, id, kind| match seen.add(id) {
            1 => reader.each_element(kind, |reader, _| {
                chunk.read(reader)?;
                let Some((column, sums)) = self.leaves.get(leaf).zip(self.columns.get_mut(leaf))
                else {
                    return Err(
                        reader.malformed("part of a row group with as many columns as the schema")
                    );
                };
                chunk.add_to(sums, column);
                row_group.compressed = row_group.compressed.saturating_add(chunk.compressed);
                row_group.uncompressed = row_group.uncompressed.saturating_add(chunk.uncompressed);
                let place = chunk.place(index, leaf);
                if place.start.checked_add(place.bytes).is_none_or(|last| last > end) {
                    self.outside += 1;
                    self.first_outside.get_or_insert(place);
                }
                self.first_chunk.get_or_insert(place);
                if keep_chunks {
                    self.chunks.push(place);
                }
                leaf += 1;
                Ok(())
            }),
            3 => take!(row_group.rows, reader.integer(kind)),
            _ => Ok(Taken::No),
        })?;
        seen.check(
            reader,
            &[
                (1, "the end of a RowGroup with its columns"),
                (2, "the end of a RowGroup with its total_byte_size"),
                (3, "the end of a RowGroup with its num_rows"),
            ],
        )?;
        self.row_groups.push(row_group);
        Ok(())
    }
}
