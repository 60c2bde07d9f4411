//! Writes the end of the file: page indexes and metadata of all row groups, without keeping them in memory.
//!
//! # The problem
//!
//! A Parquet file ends with a Thrift structure that describes every column chunk: its type, codec, statistics,
//! histograms, and where its pages and indexes are. That is several hundred bytes per chunk, and the page indexes
//! come on top. A file of 1,000 columns and 100 row groups has 100,000 chunks. `SerializedFileWriter` keeps the
//! descriptions of all of them until the end, so that its memory grows with the file.
//!
//! # The idea
//!
//! A description does not change once its chunk is written, except for the places of indexes and bloom filters,
//! which come later in the file. Each description is therefore serialised at once and stored. The Parquet crate
//! can serialise only complete footers, so [`Footer::add_column`] lets it write the footer of a file with only
//! this column and one row group, and cuts the needed parts out of the bytes. The parts wait in [`Spool`]s: in
//! memory while they are small, and in scratch after that:
//!
//! ```text
//!                    ┌─► column_indexes ──► written as they are, chunk by chunk
//! footer of          ├─► offset_indexes ──► written after those
//! one column, ──cut──┤
//! one row group      ├─► chunks ──────────► written inside their row groups; the places of indexes and
//!                    │                      bloom filters are put in now, since they are known now
//!                    └─► row_groups ──────► sums over the columns, written after their chunks
//! bloom filters ───────► bloom_filters ───► written after their row group or before the indexes
//! ```
//!
//! At the end, [`Footer::finish`] writes the spools in this order. It needs no table of positions: the indexes
//! are in the order of the chunks, so the running sum of their lengths is the position of the next one. The bytes
//! before and after the list of row groups come from another footer that the Parquet crate serialises, without
//! row groups. The result is the same, byte for byte, as the output of `SerializedFileWriter`.
//!
//! # The limits
//!
//! - A spool holds a 256th of the memory budget, and there are five.
//! - Readers take the length of the footer as a signed 32-bit number. The writer fails with
//!   [`Error::FooterTooLarge`] at the row group with which the footer exceeds 2 GiB.
//! - `RowGroup.ordinal` has 16 bits. With more row groups the field is left out of all of them.
//! - Cutting relies on the compact protocol as [`taploom_thrift`] reads it, and on the field ids of `ColumnChunk`
//!   and `ColumnMetaData`. A test compares the bytes with the output of `ArrowWriter`.

use std::io::Write;
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::page_index::PageIndexBuilder;
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::{BloomFilterPosition, WriterProperties};
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::SchemaDescPtr;
use taploom_scratch::{ScratchSpace, Spool};

pub(crate) use self::column_index::{Bounds, with_bounds};
pub(crate) use self::float_order::is_float;
use taploom_thrift::{Reader, Slice};

use self::float_order::to_type_order;
use self::records::{ChunkRecord, PLACES_BYTES, RowGroupRecord};
use crate::error::{Error, Result};
use crate::options::FloatOrder;

mod column_index;
mod end;
mod float_order;
mod keys;
mod records;

/// Bytes after the metadata: their length, and `PAR1`.
const TRAILER: usize = 8;

/// The description of a column whose chunks are written: one chunk per leaf.
pub(crate) struct ColumnMetadata {
    /// A schema with this column alone.
    pub(crate) schema: SchemaDescPtr,
    /// The chunks of its leaves.
    pub(crate) chunks: RowGroupMetaData,
    pub(crate) bloom_filters: Vec<Option<Sbbf>>,
    pub(crate) column_indexes: Vec<Option<ColumnIndexMetaData>>,
    pub(crate) offset_indexes: Vec<Option<OffsetIndexMetaData>>,
}

/// The descriptions of all written chunks, and the part of the file after the last row group.
pub(crate) struct Footer {
    properties: Arc<WriterProperties>,
    float_order: FloatOrder,
    column_indexes: Spool,
    offset_indexes: Spool,
    bloom_filters: Spool,
    chunks: Spool,
    row_groups: Spool,
    /// Bytes that are read from a spool at a time.
    read_bytes: usize,
    open: OpenRowGroup,
    row_group_count: u64,
    rows: u64,
    chunk_bytes: u64,
}

/// Sums over the columns of the row group that is being written.
#[derive(Default)]
struct OpenRowGroup {
    file_offset: u64,
    chunks: u64,
    uncompressed: i64,
    compressed: i64,
    /// The field `sorting_columns`, serialised.
    sorting: Vec<u8>,
}

impl Footer {
    pub(crate) fn new(
        properties: Arc<WriterProperties>,
        float_order: FloatOrder,
        scratch: &ScratchSpace,
        spool: usize,
    ) -> Self {
        Self {
            properties,
            float_order,
            column_indexes: Spool::new(scratch, spool),
            offset_indexes: Spool::new(scratch, spool),
            bloom_filters: Spool::new(scratch, spool),
            chunks: Spool::new(scratch, spool),
            row_groups: Spool::new(scratch, spool),
            read_bytes: spool.clamp(4096, 256 << 10),
            open: OpenRowGroup::default(),
            row_group_count: 0,
            rows: 0,
            chunk_bytes: 0,
        }
    }

    /// The number of complete row groups.
    pub(crate) fn row_groups(&self) -> u64 {
        self.row_group_count
    }

    /// Bytes of all column chunks.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// Heap in use, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let spools = [
            &self.column_indexes,
            &self.offset_indexes,
            &self.bloom_filters,
            &self.chunks,
            &self.row_groups,
        ];
        spools.into_iter().map(Spool::heap_bytes).sum()
    }

    /// Begins a row group at an offset of the file.
    pub(crate) fn start_row_group(&mut self, file_offset: u64) {
        self.open = OpenRowGroup { file_offset, ..OpenRowGroup::default() };
    }

    /// Adds the description of the next column of the row group.
    pub(crate) fn add_column(&mut self, column: ColumnMetadata) -> Result<()> {
        let ColumnMetadata {
            schema,
            mut chunks,
            bloom_filters,
            mut column_indexes,
            offset_indexes,
        } = column;
        if self.float_order == FloatOrder::Type {
            for (chunk, index) in chunks.columns_mut().iter_mut().zip(&mut column_indexes) {
                to_type_order(chunk, index)?;
            }
        }
        let mut bloom_lengths = Vec::with_capacity(chunks.num_columns());
        for (chunk, filter) in chunks.columns_mut().iter_mut().zip(bloom_filters) {
            let Some(filter) = filter else {
                bloom_lengths.push(0);
                continue;
            };
            let mut bytes = Vec::new();
            filter.write(&mut bytes).map_err(Error::internal)?;
            self.bloom_filters.append(&bytes)?;
            let length = i32::try_from(bytes.len()).map_err(|_| Error::FooterTooLarge)?;
            bloom_lengths.push(length.unsigned_abs());
            let builder = chunk.clone().into_builder();
            // A placeholder: the actual offset is put in when it is known.
            let builder = builder.set_bloom_filter_offset(Some(0));
            *chunk =
                builder.set_bloom_filter_length(Some(length)).build().map_err(Error::internal)?;
        }
        self.open.uncompressed += chunks.total_byte_size();
        self.open.compressed += chunks.compressed_size();
        self.open.chunks += chunks.num_columns() as u64;

        let mut index = PageIndexBuilder::new(1, chunks.num_columns());
        for (leaf, column_index) in column_indexes.into_iter().enumerate() {
            if let Some(column_index) = column_index {
                index.put_column_index(column_index, 0, leaf);
            }
        }
        for (leaf, offset_index) in offset_indexes.into_iter().enumerate() {
            if let Some(offset_index) = offset_index {
                index.put_offset_index(offset_index, 0, leaf);
            }
        }
        let metadata = ParquetMetaDataBuilder::new(FileMetaData::new(
            self.properties.writer_version().as_num(),
            0,
            None,
            None,
            schema,
            None,
        ))
        .add_row_group(chunks)
        .set_page_index(Some(Arc::new(index.build())))
        .build();
        let bytes = self.serialise(&metadata)?;
        self.cut(&bytes, &bloom_lengths)
    }

    /// Ends the row group. Its bloom filters follow its chunks, unless they go to the end of the file.
    pub(crate) fn end_row_group<W: Write + Send>(
        &mut self,
        rows: u64,
        out: &mut TrackedWrite<W>,
    ) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        let mut bloom_offset = None;
        if self.properties.bloom_filter_position() == BloomFilterPosition::AfterRowGroup {
            bloom_offset = Some(out.bytes_written() as u64);
            self.bloom_filters.drain_to(out).map_err(Error::io)?;
        }
        self.rows += rows;
        self.row_group_count += 1;
        self.chunk_bytes += open.compressed.unsigned_abs();
        let most = i32::MAX.unsigned_abs().into();
        let chunks = self.row_group_count * open.chunks;
        if self.row_group_count > most || self.chunks.len() + chunks * PLACES_BYTES > most {
            return Err(Error::FooterTooLarge);
        }
        let record = RowGroupRecord {
            rows,
            file_offset: open.file_offset,
            chunks: open.chunks,
            uncompressed: open.uncompressed,
            compressed: open.compressed,
            bloom_offset,
            sorting: open.sorting,
        };
        Ok(self.row_groups.append(&record.to_bytes())?)
    }

    /// Page indexes, metadata and trailer as the Parquet crate writes them.
    fn serialise(&self, metadata: &ParquetMetaData) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(1024);
        ParquetMetaDataWriter::new(&mut bytes, metadata)
            .with_write_path_in_schema(self.properties.write_path_in_schema())
            .with_preserve_page_index_locations(false)
            .finish()
            .map_err(Error::internal)?;
        Ok(bytes)
    }

    /// Cuts the footer of a file with one row group of one column into the parts that the spools keep.
    fn cut(&mut self, bytes: &[u8], bloom_lengths: &[u32]) -> Result<()> {
        let length = bytes.len() - TRAILER;
        let length_field = bytes[length..length + 4].first_chunk().copied().unwrap_or_default();
        let start = length - u32::from_le_bytes(length_field) as usize;
        let metadata = &bytes[start..length];
        let mut reader = Reader::new(metadata);
        enter(&mut reader, 4, "row groups")?;
        reader.list()?;
        let mut last = 0;
        let mut record = Vec::new();
        let (mut column_index_bytes, mut offset_index_bytes) = (0, 0);
        while let Some((id, kind)) = reader.field(&mut last)? {
            if id == 4 {
                let from = reader.at();
                reader.pass_over(kind)?;
                self.open.sorting = metadata[from..reader.at()].to_vec();
                continue;
            }
            if id != 1 {
                reader.pass_over(kind)?;
                continue;
            }
            let (count, _) = reader.list()?;
            for leaf in 0..count {
                let bloom = usize::try_from(leaf).ok().and_then(|leaf| bloom_lengths.get(leaf));
                let chunk = ChunkRecord::cut(metadata, &mut reader, bloom.copied().unwrap_or(0))?;
                column_index_bytes += chunk.column_index as usize;
                offset_index_bytes += chunk.offset_index as usize;
                chunk.append_to(&mut record);
            }
        }
        if column_index_bytes + offset_index_bytes != start {
            return Err(Error::Internal(
                "its page indexes do not end where they should".to_owned(),
            ));
        }
        self.column_indexes.append(&bytes[..column_index_bytes])?;
        self.offset_indexes.append(&bytes[column_index_bytes..start])?;
        Ok(self.chunks.append(&record)?)
    }
}

/// Goes to the field `wanted` of a struct.
fn enter(reader: &mut Reader<Slice<'_>>, wanted: i16, what: &str) -> Result<()> {
    let mut last = 0;
    while let Some((id, kind)) = reader.field(&mut last)? {
        if id == wanted {
            return Ok(());
        }
        reader.pass_over(kind)?;
    }
    Err(Error::Internal(format!("its metadata has no {what}")))
}
