//! Reads the description of a column chunk, and adds it to the sums of its column.

use taploom_thrift::{self as thrift, Input, Reader, Taken};

use super::bounds::{Bounds, Statistics};
use super::fields::{Seen, take};
use super::schema::Leaf;

/// A column chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) row_group: u32,
    pub(super) leaf: u32,
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) values: u64,
}

/// Number of encodings, and of codecs, that are counted separately; the last one stands for all higher
/// numbers.
pub(super) const NUMBERS: usize = 16;

/// Sums over the chunks of a column.
#[derive(Debug, Default)]
pub(super) struct ColumnSums {
    pub(super) chunks: u64,
    pub(super) values: u64,
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
    /// Number of chunks that use each encoding.
    pub(super) encodings: [u64; NUMBERS],
    pub(super) codecs: [u64; NUMBERS],
    pub(super) with_statistics: u64,
    pub(super) with_null_counts: u64,
    pub(super) nulls: u64,
    pub(super) bounds: Bounds,
    pub(super) dictionaries: u64,
    /// Bytes of dictionary pages in the file.
    pub(super) dictionary_bytes: u64,
    /// Number of chunks that began with a dictionary and continued without it.
    pub(super) fallbacks: u64,
    pub(super) bloom_filters: u64,
    pub(super) bloom_bytes: u64,
    pub(super) column_indexes: u64,
    pub(super) column_index_bytes: u64,
    pub(super) offset_indexes: u64,
    pub(super) offset_index_bytes: u64,
}

/// Maximum size in bytes of a minimum or maximum.
const MOST_BOUND: u64 = 64 << 10;

/// Reads a ColumnChunk with its ColumnMetaData.
#[derive(Debug, Default)]
pub(super) struct ChunkReader {
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
    values: u64,
    codec: i64,
    encodings: u32,
    /// Encodings of data pages, if the writer recorded them.
    data_encodings: u32,
    has_page_counts: bool,
    data_page: u64,
    dictionary_page: Option<u64>,
    statistics: Statistics,
    bloom: Option<u64>,
    bloom_bytes: u64,
    offset_index: Option<u64>,
    offset_index_bytes: u64,
    column_index: Option<u64>,
    column_index_bytes: u64,
}

const PLAIN_DICTIONARY: i64 = 2;
const RLE_DICTIONARY: i64 = 8;
const DICTIONARY_PAGE: i64 = 2;

impl ChunkReader {
    pub(super) fn read<I: Input>(&mut self, reader: &mut Reader<I>) -> thrift::Result<()> {
        *self = Self::default();
        let mut seen = Seen::default();
        reader.each_field(|reader, id, kind| match seen.add(id) {
            3 => self.metadata(reader).map(|()| Taken::Yes),
            4 => take!(self.offset_index, reader.size(kind).map(Some)),
            5 => take!(self.offset_index_bytes, reader.size(kind)),
            6 => take!(self.column_index, reader.size(kind).map(Some)),
            7 => take!(self.column_index_bytes, reader.size(kind)),
            _ => Ok(Taken::No),
        })?;
        // The metadata of an encrypted column may be in another field.
        let metadata = if seen.has(8) { 8 } else { 3 };
        seen.check(
            reader,
            &[
                (2, "the end of a ColumnChunk with its file_offset"),
                (metadata, "the end of a ColumnChunk with its meta_data"),
            ],
        )
    }

    fn metadata<I: Input>(&mut self, reader: &mut Reader<I>) -> thrift::Result<()> {
        let mut seen = Seen::default();
        reader.each_field(|reader, id, kind| match seen.add(id) {
            2 => {
                let mut encodings = 0;
                reader.each_element(kind, |reader, kind| {
                    encodings |= bit(reader.integer(kind)?);
                    Ok(())
                })?;
                self.encodings = encodings;
                Ok(Taken::Yes)
            }
            4 => take!(self.codec, reader.integer(kind)),
            5 => take!(self.values, reader.size(kind)),
            6 => take!(self.uncompressed, reader.size(kind)),
            7 => take!(self.compressed, reader.size(kind)),
            9 => take!(self.data_page, reader.size(kind)),
            11 => take!(self.dictionary_page, reader.size(kind).map(Some)),
            12 => self.statistics(reader).map(|()| Taken::Yes),
            13 => {
                self.has_page_counts = true;
                let mut encodings = 0;
                reader.each_element(kind, |reader, _| {
                    let (mut page, mut encoding) = (0, 0);
                    reader.each_field(|reader, id, kind| match id {
                        1 => take!(page, reader.integer(kind)),
                        2 => take!(encoding, reader.integer(kind)),
                        _ => Ok(Taken::No),
                    })?;
                    if page != DICTIONARY_PAGE {
                        encodings |= bit(encoding);
                    }
                    Ok(())
                })?;
                self.data_encodings = encodings;
                Ok(Taken::Yes)
            }
            14 => take!(self.bloom, reader.size(kind).map(Some)),
            15 => take!(self.bloom_bytes, reader.size(kind)),
            _ => Ok(Taken::No),
        })?;
        seen.check(
            reader,
            &[
                (1, "the end of a ColumnMetaData with its type"),
                (2, "the end of a ColumnMetaData with its encodings"),
                (3, "the end of a ColumnMetaData with its path_in_schema"),
                (4, "the end of a ColumnMetaData with its codec"),
                (5, "the end of a ColumnMetaData with its num_values"),
                (6, "the end of a ColumnMetaData with its total_uncompressed_size"),
                (7, "the end of a ColumnMetaData with its total_compressed_size"),
                (9, "the end of a ColumnMetaData with its data_page_offset"),
            ],
        )
    }

    fn statistics<I: Input>(&mut self, reader: &mut Reader<I>) -> thrift::Result<()> {
        let found = &mut self.statistics;
        found.is_there = true;
        let bound = |reader: &mut Reader<I>, kind| {
            let mut bytes = Vec::new();
            reader.copy_binary(kind, MOST_BOUND, &mut bytes).map(|_| Some(bytes))
        };
        reader.each_field(|reader, id, kind| match id {
            1 => take!(found.old_max, bound(reader, kind)),
            2 => take!(found.old_min, bound(reader, kind)),
            3 => take!(found.nulls, reader.size(kind).map(Some)),
            5 => take!(found.max, bound(reader, kind)),
            6 => take!(found.min, bound(reader, kind)),
            _ => Ok(Taken::No),
        })
    }

    /// The first byte of its pages, and their size in bytes.
    pub(super) fn place(&self, row_group: u32, leaf: usize) -> Chunk {
        // Without a dictionary, some writers put 0 here.
        let dictionary = self.dictionary_page.filter(|at| *at > 0 && *at < self.data_page);
        Chunk {
            row_group,
            leaf: u32::try_from(leaf).unwrap_or(u32::MAX),
            start: dictionary.unwrap_or(self.data_page),
            bytes: self.compressed,
            values: self.values,
        }
    }

    pub(super) fn add_to(&self, sums: &mut ColumnSums, leaf: &Leaf) {
        sums.chunks += 1;
        let add = |sum: &mut u64, number: u64| *sum = sum.saturating_add(number);
        add(&mut sums.values, self.values);
        add(&mut sums.compressed, self.compressed);
        add(&mut sums.uncompressed, self.uncompressed);
        for (number, count) in sums.encodings.iter_mut().enumerate() {
            *count += u64::from(self.encodings >> number & 1);
        }
        let last = NUMBERS - 1;
        sums.codecs[usize::try_from(self.codec).unwrap_or(last).min(last)] += 1;
        sums.with_statistics += u64::from(self.statistics.is_there);
        if let Some(nulls) = self.statistics.nulls {
            sums.with_null_counts += 1;
            add(&mut sums.nulls, nulls);
        }
        sums.bounds.take(leaf, &self.statistics);
        if let Some(dictionary) = self.dictionary_page.filter(|at| *at > 0 && *at < self.data_page)
        {
            sums.dictionaries += 1;
            add(&mut sums.dictionary_bytes, self.data_page - dictionary);
            let dictionaries = bit(PLAIN_DICTIONARY) | bit(RLE_DICTIONARY);
            sums.fallbacks +=
                u64::from(self.has_page_counts && self.data_encodings & !dictionaries != 0);
        }
        if self.bloom.is_some() {
            sums.bloom_filters += 1;
            add(&mut sums.bloom_bytes, self.bloom_bytes);
        }
        if self.column_index.is_some() {
            sums.column_indexes += 1;
            add(&mut sums.column_index_bytes, self.column_index_bytes);
        }
        if self.offset_index.is_some() {
            sums.offset_indexes += 1;
            add(&mut sums.offset_index_bytes, self.offset_index_bytes);
        }
    }
}

fn bit(number: i64) -> u32 {
    let last = NUMBERS - 1;
    1 << usize::try_from(number).unwrap_or(last).min(last)
}
