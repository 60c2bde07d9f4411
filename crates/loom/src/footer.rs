//! The end of the file: page indexes and metadata of all row groups, of which none stays in memory.
//!
//! `SerializedFileWriter` keeps the metadata of every row group until the end. Here the metadata of
//! a column is serialised as soon as its chunk is written, by the Parquet crate's own writer in a
//! file with this one column; the parts are cut out and wait in [`Spool`]s:
//!
//! ```text
//! column index ──► column_indexes ─┐
//! offset index ──► offset_indexes ─┤ at the end, one after the other; only the places of the indexes
//! ColumnChunk  ──► chunks ─────────┤ are put in then, for they are known then
//! row group    ──► row_groups ─────┘
//! ```

use std::io::{BufReader, Read, Write};
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::page_index::PageIndexBuilder;
use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter,
    RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::{BloomFilterPosition, WriterProperties};
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, TypePtr};
use taploom_scratch::{ScratchSpace, Spool};

use crate::error::{Error, Result};
use crate::thrift::{self, Reader};

/// `PAR1` and the length of the metadata before it.
const TRAILER: usize = 8;

/// What the fields of a chunk take that are put in at the end: four integers with their headers.
const PLACES: u64 = 32;

/// What has been written of a column, besides its chunks' bytes.
pub(crate) struct ColumnMetadata {
    /// The one column with its leaves.
    pub(crate) schema: SchemaDescPtr,
    /// Its chunks.
    pub(crate) chunks: RowGroupMetaData,
    pub(crate) bloom_filters: Vec<Option<Sbbf>>,
    pub(crate) column_indexes: Vec<Option<ColumnIndexMetaData>>,
    pub(crate) offset_indexes: Vec<Option<OffsetIndexMetaData>>,
}

pub(crate) struct Footer {
    properties: Arc<WriterProperties>,
    column_indexes: Spool,
    offset_indexes: Spool,
    bloom_filters: Spool,
    chunks: Spool,
    row_groups: Spool,
    /// Bytes that are read from a spool at a time.
    read_bytes: usize,
    open: RowGroup,
    row_group_count: u64,
    rows: u64,
    chunk_bytes: u64,
}

/// The sums over the columns of a row group.
#[derive(Default)]
struct RowGroup {
    file_offset: u64,
    chunks: u64,
    uncompressed: i64,
    compressed: i64,
    /// The field `sorting_columns` as it stands in the file.
    sorting: Vec<u8>,
}

impl Footer {
    pub(crate) fn new(
        properties: Arc<WriterProperties>,
        scratch: &ScratchSpace,
        spool: usize,
    ) -> Self {
        Self {
            properties,
            column_indexes: Spool::new(scratch, spool),
            offset_indexes: Spool::new(scratch, spool),
            bloom_filters: Spool::new(scratch, spool),
            chunks: Spool::new(scratch, spool),
            row_groups: Spool::new(scratch, spool),
            read_bytes: spool.clamp(4096, 256 << 10),
            open: RowGroup::default(),
            row_group_count: 0,
            rows: 0,
            chunk_bytes: 0,
        }
    }

    /// Row groups that are closed.
    pub(crate) fn row_groups(&self) -> u64 {
        self.row_group_count
    }

    /// Bytes of all column chunks.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// Heap held.
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

    /// A row group begins at this place of the file.
    pub(crate) fn start_row_group(&mut self, file_offset: u64) {
        self.open = RowGroup { file_offset, ..RowGroup::default() };
    }

    /// Takes what is known of the next column.
    pub(crate) fn add_column(&mut self, column: ColumnMetadata) -> Result<()> {
        let ColumnMetadata { schema, mut chunks, bloom_filters, column_indexes, offset_indexes } =
            column;
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
            // The place is put in when it is known.
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

    /// Ends the row group: its bloom filters follow its chunks, unless they go to the end.
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
        if self.row_group_count > most || self.chunks.len() + chunks * PLACES > most {
            return Err(Error::FooterTooLarge);
        }
        let record = RowGroupRecord {
            rows,
            file_offset: open.file_offset,
            chunks: open.chunks,
            uncompressed: open.uncompressed,
            compressed: open.compressed,
            bloom_offset: bloom_offset.unwrap_or(u64::MAX),
            sorting: open.sorting,
        };
        Ok(self.row_groups.append(&record.to_bytes())?)
    }

    /// Writes all that follows the last row group.
    pub(crate) fn finish<W: Write + Send>(
        &mut self,
        schema: &TypePtr,
        keys: &[KeyValue],
        out: &mut TrackedWrite<W>,
    ) -> Result<()> {
        let bloom_filters = out.bytes_written() as u64;
        self.bloom_filters.drain_to(out).map_err(Error::io)?;
        let mut places = Places { bloom_filters, ..Places::default() };
        places.column_indexes = out.bytes_written() as u64;
        self.column_indexes.drain_to(out).map_err(Error::io)?;
        places.offset_indexes = out.bytes_written() as u64;
        self.offset_indexes.drain_to(out).map_err(Error::io)?;

        let start = out.bytes_written();
        // The same metadata without row groups: what stands before them and after them.
        let metadata = ParquetMetaData::new(
            FileMetaData::new(
                self.properties.writer_version().as_num(),
                0,
                Some(self.properties.created_by().to_owned()),
                // They may be long, and are written from where they are.
                None,
                Arc::new(SchemaDescriptor::new(Arc::clone(schema))),
                None,
            ),
            Vec::new(),
        );
        let frame = self.serialise(&metadata)?;
        drop(metadata);
        let frame = &frame[..frame.len() - TRAILER];
        let mut reader = Reader::new(frame);
        let mut last = 0;
        let mut rows_at = 0;
        while let Some((id, kind)) = reader.field(&mut last)? {
            if id == 3 {
                rows_at = reader.at();
            }
            reader.skip(kind)?;
            if id == 4 {
                break;
            }
        }
        let after = reader.at();

        let mut bytes = Vec::with_capacity(4096);
        thrift::put_integer(&mut bytes, self.rows.cast_signed());
        let mut last = 3;
        thrift::put_field(&mut bytes, &mut last, 4, thrift::LIST);
        thrift::put_list(&mut bytes, self.row_group_count, thrift::STRUCT);
        out.write_all(&frame[..rows_at]).map_err(Error::io)?;
        out.write_all(&bytes).map_err(Error::io)?;
        let mut row_groups = BufReader::with_capacity(self.read_bytes, self.row_groups.reader());
        let mut chunks = BufReader::with_capacity(self.read_bytes, self.chunks.reader());
        // The field holds 16 bits; where it can't count all row groups, it is left out.
        let with_ordinals = i16::try_from(self.row_group_count).is_ok();
        for ordinal in 0..self.row_group_count {
            let row_group = RowGroupRecord::read(&mut row_groups)?;
            if row_group.bloom_offset != u64::MAX {
                places.bloom_filters = row_group.bloom_offset;
            }
            bytes.clear();
            let mut last = 0;
            thrift::put_field(&mut bytes, &mut last, 1, thrift::LIST);
            thrift::put_list(&mut bytes, row_group.chunks, thrift::STRUCT);
            out.write_all(&bytes).map_err(Error::io)?;
            for _ in 0..row_group.chunks {
                bytes.clear();
                ChunkRecord::read(&mut chunks)?.put(&mut bytes, &mut places);
                out.write_all(&bytes).map_err(Error::io)?;
            }
            bytes.clear();
            row_group.put(&mut bytes, with_ordinals.then_some(ordinal));
            out.write_all(&bytes).map_err(Error::io)?;
        }
        put_keys(keys, &frame[after..], out)?;
        let length = i32::try_from(out.bytes_written() - start);
        let length = length.map_err(|_| Error::FooterTooLarge)?;
        // While an error of the sink still leaves a file that is cut short.
        out.flush().map_err(Error::io)?;
        out.write_all(&length.to_le_bytes()).map_err(Error::io)?;
        out.write_all(b"PAR1").map_err(Error::io)?;
        out.flush().map_err(Error::io)
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

    /// Cuts the metadata of a file with one row group of one column into what the spools keep.
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
                reader.skip(kind)?;
                self.open.sorting = metadata[from..reader.at()].to_vec();
                continue;
            }
            if id != 1 {
                reader.skip(kind)?;
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
fn enter(reader: &mut Reader<'_>, wanted: i16, what: &str) -> Result<()> {
    let mut last = 0;
    while let Some((id, kind)) = reader.field(&mut last)? {
        if id == wanted {
            return Ok(());
        }
        reader.skip(kind)?;
    }
    Err(Error::Internal(format!("its metadata has no {what}")))
}

/// Where the next of each kind stands in the file.
#[derive(Default)]
struct Places {
    bloom_filters: u64,
    column_indexes: u64,
    offset_indexes: u64,
}

/// A `ColumnChunk` without its fields 4 to 7, the places and lengths of its indexes.
struct ChunkRecord {
    /// Up to where the place of the bloom filter belongs; all of it where there is none.
    head: Vec<u8>,
    /// From there on.
    tail: Vec<u8>,
    bloom_filter: u32,
    column_index: u32,
    offset_index: u32,
}

impl ChunkRecord {
    /// Reads a `ColumnChunk` of `bytes`.
    fn cut(bytes: &[u8], reader: &mut Reader<'_>, bloom_filter: u32) -> Result<Self> {
        let start = reader.at();
        let mut end = start;
        let mut bloom_place = None;
        let (mut column_index, mut offset_index) = (0, 0);
        let mut last = 0;
        while let Some((id, kind)) = reader.field(&mut last)? {
            match id {
                3 => {
                    let mut last = 0;
                    while let Some((id, kind)) = reader.field(&mut last)? {
                        let from = reader.at();
                        reader.skip(kind)?;
                        if id == 14 {
                            bloom_place = Some((from, reader.at()));
                        }
                    }
                    end = reader.at();
                }
                5 => offset_index = length(reader.integer()?)?,
                7 => column_index = length(reader.integer()?)?,
                4 | 6 => reader.skip(kind)?,
                _ => {
                    reader.skip(kind)?;
                    end = reader.at();
                }
            }
        }
        let (head, tail) = match bloom_place {
            Some((from, to)) => (&bytes[start..from], &bytes[to..end]),
            None => (&bytes[start..end], &[][..]),
        };
        let (head, tail) = (head.to_vec(), tail.to_vec());
        Ok(Self { head, tail, bloom_filter, column_index, offset_index })
    }

    fn append_to(&self, out: &mut Vec<u8>) {
        let lengths = [self.head.len() as u32, self.tail.len() as u32];
        let numbers = [self.bloom_filter, self.column_index, self.offset_index];
        for number in lengths.into_iter().chain(numbers) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&self.tail);
    }

    fn read(reader: &mut impl Read) -> Result<Self> {
        let mut next = || -> Result<u32> { Ok(u32::from_le_bytes(array(reader)?)) };
        let (head, tail) = (next()?, next()?);
        let (bloom_filter, column_index, offset_index) = (next()?, next()?, next()?);
        let (head, tail) = (bytes(reader, head)?, bytes(reader, tail)?);
        Ok(Self { head, tail, bloom_filter, column_index, offset_index })
    }

    /// Appends the whole `ColumnChunk`, with the places that come next.
    fn put(&self, out: &mut Vec<u8>, places: &mut Places) {
        out.extend_from_slice(&self.head);
        if self.bloom_filter > 0 {
            thrift::put_integer(out, places.bloom_filters.cast_signed());
            places.bloom_filters += u64::from(self.bloom_filter);
        }
        out.extend_from_slice(&self.tail);
        let mut last = 3;
        let indexes = [
            (4, self.offset_index, &mut places.offset_indexes),
            (6, self.column_index, &mut places.column_indexes),
        ];
        for (id, length, place) in indexes {
            if length > 0 {
                thrift::put_field(out, &mut last, id, thrift::I64);
                thrift::put_integer(out, place.cast_signed());
                thrift::put_field(out, &mut last, id + 1, thrift::I32);
                thrift::put_integer(out, length.into());
                *place += u64::from(length);
            }
        }
        out.push(thrift::STOP);
    }
}

/// What a `RowGroup` says besides its chunks.
struct RowGroupRecord {
    rows: u64,
    file_offset: u64,
    chunks: u64,
    uncompressed: i64,
    compressed: i64,
    /// `u64::MAX` where the filters follow those of the row group before.
    bloom_offset: u64,
    sorting: Vec<u8>,
}

impl RowGroupRecord {
    fn to_bytes(&self) -> Vec<u8> {
        let numbers = [
            self.rows,
            self.file_offset,
            self.chunks,
            self.uncompressed.cast_unsigned(),
            self.compressed.cast_unsigned(),
            self.bloom_offset,
            self.sorting.len() as u64,
        ];
        let mut out: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        out.extend_from_slice(&self.sorting);
        out
    }

    fn read(reader: &mut impl Read) -> Result<Self> {
        let mut next = || -> Result<u64> { Ok(u64::from_le_bytes(array(reader)?)) };
        let (rows, file_offset, chunks) = (next()?, next()?, next()?);
        let (uncompressed, compressed) = (next()?.cast_signed(), next()?.cast_signed());
        let (bloom_offset, sorting) = (next()?, next()?);
        let sorting = bytes(reader, u32::try_from(sorting).unwrap_or(u32::MAX))?;
        Ok(Self { rows, file_offset, chunks, uncompressed, compressed, bloom_offset, sorting })
    }

    /// Appends what follows the list of chunks, and the end of the struct.
    fn put(&self, out: &mut Vec<u8>, ordinal: Option<u64>) {
        let mut last = 1;
        thrift::put_field(out, &mut last, 2, thrift::I64);
        thrift::put_integer(out, self.uncompressed);
        thrift::put_field(out, &mut last, 3, thrift::I64);
        thrift::put_integer(out, self.rows.cast_signed());
        if !self.sorting.is_empty() {
            thrift::put_field(out, &mut last, 4, thrift::LIST);
            out.extend_from_slice(&self.sorting);
        }
        thrift::put_field(out, &mut last, 5, thrift::I64);
        thrift::put_integer(out, self.file_offset.cast_signed());
        thrift::put_field(out, &mut last, 6, thrift::I64);
        thrift::put_integer(out, self.compressed);
        if let Some(ordinal) = ordinal {
            thrift::put_field(out, &mut last, 7, thrift::I16);
            thrift::put_integer(out, ordinal.cast_signed());
        }
        out.push(thrift::STOP);
    }
}

/// Writes the field `key_value_metadata`, and `rest`, which begins with a field behind it.
fn put_keys(keys: &[KeyValue], rest: &[u8], out: &mut impl Write) -> Result<()> {
    let Some((first, after)) = rest.split_first().filter(|_| !keys.is_empty()) else {
        return out.write_all(rest).map_err(Error::io);
    };
    let mut bytes = Vec::new();
    let mut last = 4;
    thrift::put_field(&mut bytes, &mut last, 5, thrift::LIST);
    thrift::put_list(&mut bytes, keys.len() as u64, thrift::STRUCT);
    for KeyValue { key, value } in keys {
        let mut last = 0;
        for (id, text) in [(1, Some(key)), (2, value.as_ref())] {
            if let Some(text) = text {
                thrift::put_field(&mut bytes, &mut last, id, thrift::BINARY);
                thrift::put_length(&mut bytes, text.len() as u64);
                out.write_all(&bytes).map_err(Error::io)?;
                out.write_all(text.as_bytes()).map_err(Error::io)?;
                bytes.clear();
            }
        }
        bytes.push(thrift::STOP);
    }
    // The header of a field counts from the field before, which has been 4 and is 5 now.
    bytes.push(first - 0x10);
    out.write_all(&bytes).map_err(Error::io)?;
    out.write_all(after).map_err(Error::io)
}

fn length(value: i64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::Internal(format!("a page index has {value} bytes")))
}

fn array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(Error::io)?;
    Ok(bytes)
}

fn bytes(reader: &mut impl Read, length: u32) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes).map_err(Error::io)?;
    Ok(bytes)
}
