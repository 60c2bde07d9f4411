//! Completes the headers of pages from the Parquet crate's column writers, and uses them to correct the description of
//! the chunk.
//!
//! # The problem
//!
//! The column writers write no checksums. They also treat a page as one without values if its number of null leaf
//! entries equals its number of rows. In a nested column this is wrong: `[[1, null], [2, null]]` has two rows and two
//! nulls, but also two values. Readers skip such a page.
//!
//! # The idea
//!
//! A column writer hands over each page as a header and the bytes that follow it. The properties of nested leaves ask
//! for statistics in page headers ([`Table`](crate::table::Table)); these are correct, because they come from the
//! values. This module keeps a note of the statistics, removes them from the header, and adds the checksum. When the
//! chunk is closed, its lengths, offsets and column index are corrected by the notes.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, PageKey, PageStore, PageStoreArgs, PageStoreFactory,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use taploom_thrift::{self as thrift, Reader, Slice};

use crate::error::{Error, Result};
use crate::footer::{Bounds, with_bounds};
use crate::pages::{ChunkPages, Pages};
use crate::threads::lock;

/// Makes the page stores of a column's leaves.
#[derive(Debug)]
pub(crate) struct LeafPages {
    pages: Pages,
    checksums: bool,
    leaves: Vec<Leaf>,
}

#[derive(Debug, Clone)]
struct Leaf {
    keeps_statistics: bool,
    notes: Arc<Mutex<LeafNotes>>,
}

/// Notes about the pages of a chunk.
#[derive(Debug, Default)]
pub(crate) struct LeafNotes {
    /// Bytes by which the header of the dictionary page has grown.
    dictionary: i64,
    /// The same for each data page.
    grown: Vec<i64>,
    /// Minimum and maximum of each data page; `None` without values.
    bounds: Vec<Option<Bounds>>,
}

impl LeafPages {
    /// `page_statistics` says for each leaf whether page headers keep their statistics.
    pub(crate) fn new(pages: &Pages, checksums: bool, page_statistics: &[bool]) -> Self {
        let leaves = page_statistics
            .iter()
            .map(|keeps| Leaf { keeps_statistics: *keeps, notes: Arc::default() });
        Self { pages: pages.clone(), checksums, leaves: leaves.collect() }
    }

    /// The notes of a leaf.
    pub(crate) fn take_notes(&self, leaf: usize) -> LeafNotes {
        self.leaves
            .get(leaf)
            .map(|leaf| std::mem::take(&mut *lock(&leaf.notes)))
            .unwrap_or_default()
    }
}

impl PageStoreFactory for LeafPages {
    fn create(&self, args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>, ParquetError> {
        let index = args.column_index();
        let leaf = self.leaves.get(index).cloned().ok_or_else(|| {
            Error::Internal(format!("leaf {index} does not exist")).into_parquet()
        })?;
        let chunk = self.pages.of_chunk();
        Ok(Box::new(LeafStore { chunk, header: None, checksums: self.checksums, leaf }))
    }
}

/// The pages of one leaf.
struct LeafStore {
    chunk: ChunkPages,
    /// The header of the page whose bytes come next.
    header: Option<Bytes>,
    checksums: bool,
    leaf: Leaf,
}

impl LeafStore {
    fn put_page(&mut self, header: &[u8], body: &Bytes) -> Result<()> {
        let checksum = self.checksums.then(|| crc32fast::hash(body));
        let completed = complete(header, checksum, self.leaf.keeps_statistics)?;
        let grown = completed.header.len() as i64 - header.len() as i64;
        self.chunk.append(&completed.header)?;
        self.chunk.append(body)?;
        let mut notes = lock(&self.leaf.notes);
        if completed.is_dictionary {
            notes.dictionary = grown;
        } else {
            notes.grown.push(grown);
            notes.bounds.push(completed.bounds);
        }
        Ok(())
    }
}

impl PageStore for LeafStore {
    fn put(&mut self, value: Bytes) -> Result<PageKey, ParquetError> {
        // The header is stored once its checksum is known, before the bytes that follow it.
        let Some(header) = self.header.take() else {
            self.header = Some(value);
            return Ok(PageKey::new(self.chunk.next_index() as u64));
        };
        self.put_page(&header, &value).map_err(Error::into_parquet)?;
        Ok(PageKey::new(self.chunk.next_index() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes, ParquetError> {
        let index = usize::try_from(key.get()).unwrap_or(usize::MAX);
        let mut page = Vec::new();
        self.chunk.take_page(index, &mut page).map_err(Error::into_parquet)?;
        Ok(page.into())
    }

    fn memory_size(&self) -> usize {
        self.chunk.memory_size() + self.header.as_ref().map_or(0, Bytes::len)
    }
}

/// A page header as it is written to the file, and the values in it.
struct CompleteHeader {
    header: Vec<u8>,
    is_dictionary: bool,
    bounds: Option<Bounds>,
}

/// Puts the checksum into a page header, and takes the statistics out unless they are kept.
fn complete(
    header: &[u8],
    mut checksum: Option<u32>,
    keeps_statistics: bool,
) -> Result<CompleteHeader> {
    let mut out = Vec::with_capacity(header.len() + 6);
    let (mut is_dictionary, mut bounds) = (false, None);
    let mut reader = Reader::new(header);
    let (mut last, mut last_put) = (0, 0);
    while let Some((id, kind)) = reader.field(&mut last)? {
        if id > 4
            && let Some(checksum) = checksum.take()
        {
            put_checksum(&mut out, &mut last_put, checksum);
        }
        thrift::put_field(&mut out, &mut last_put, id as u8, kind);
        // The statistics are a field of the header of a data page, of version 1 or 2.
        let statistics = match id {
            5 => 5,
            8 => 8,
            _ => {
                is_dictionary |= id == 7;
                let from = reader.at();
                reader.pass_over(kind)?;
                out.extend_from_slice(&header[from..reader.at()]);
                continue;
            }
        };
        let (mut last, mut last_put) = (0, 0);
        while let Some((id, kind)) = reader.field(&mut last)? {
            let from = reader.at();
            if id == statistics {
                bounds = read_bounds(&mut reader)?;
            } else {
                reader.pass_over(kind)?;
            }
            if id != statistics || keeps_statistics {
                thrift::put_field(&mut out, &mut last_put, id as u8, kind);
                out.extend_from_slice(&header[from..reader.at()]);
            }
        }
        out.push(thrift::STOP);
    }
    out.push(thrift::STOP);
    Ok(CompleteHeader { header: out, is_dictionary, bounds })
}

/// Appends the field of a page header that has the checksum of the bytes that follow the header.
pub(crate) fn put_checksum(out: &mut Vec<u8>, last: &mut u8, checksum: u32) {
    thrift::put_field(out, last, 4, thrift::kind::I32);
    thrift::put_integer(out, checksum.cast_signed().into());
}

/// Reads the struct `Statistics`.
fn read_bounds(reader: &mut Reader<Slice<'_>>) -> Result<Option<Bounds>> {
    let (mut min, mut max) = (None, None);
    let mut last = 0;
    while let Some((id, kind)) = reader.field(&mut last)? {
        match id {
            5 => max = Some(reader.binary(kind)?.to_vec()),
            6 => min = Some(reader.binary(kind)?.to_vec()),
            _ => reader.pass_over(kind)?,
        }
    }
    Ok(min.zip(max))
}

impl LeafNotes {
    /// Corrects a chunk before it is appended: its lengths and its column index. Bounds in an index have at most
    /// `most` bytes.
    pub(crate) fn correct(
        &self,
        chunk: &mut ArrowColumnChunk,
        most: usize,
    ) -> Result<(), ParquetError> {
        let grown = self.dictionary + self.grown.iter().sum::<i64>();
        let close = chunk.close_mut();
        let metadata = &close.metadata;
        let kind = metadata.column_type();
        if grown != 0 {
            let (compressed, all) = (metadata.compressed_size(), metadata.uncompressed_size());
            let builder = metadata.clone().into_builder();
            let builder = builder.set_total_compressed_size(compressed + grown);
            close.metadata = builder.set_total_uncompressed_size(all + grown).build()?;
        }
        if let Some(index) = close.column_index.take() {
            close.column_index = with_bounds(index, kind, &self.bounds, most)?;
        }
        Ok(())
    }

    /// Corrects the places of pages after the chunk was appended.
    pub(crate) fn correct_places(
        &self,
        chunk: &mut ColumnChunkMetaData,
        offsets: Option<&mut OffsetIndexMetaData>,
    ) -> Result<(), ParquetError> {
        if self.dictionary != 0 {
            let data = chunk.data_page_offset() + self.dictionary;
            *chunk = chunk.clone().into_builder().set_data_page_offset(data).build()?;
        }
        let Some(offsets) = offsets else { return Ok(()) };
        if self.dictionary == 0 && self.grown.iter().all(|grown| *grown == 0) {
            return Ok(());
        }
        let pages = offsets.page_locations();
        let mut builder = OffsetIndexBuilder::new();
        let mut at = chunk.data_page_offset();
        for (index, page) in pages.iter().enumerate() {
            let grown = self.grown.get(index).copied().unwrap_or(0);
            let length = i64::from(page.compressed_page_size) + grown;
            let next =
                pages.get(index + 1).map_or(page.first_row_index, |next| next.first_row_index);
            builder.append_row_count(next - page.first_row_index);
            builder.append_offset_and_size(at, length as i32);
            let texts = offsets.unencoded_byte_array_data_bytes();
            builder.append_unencoded_byte_array_data_bytes(
                texts.and_then(|texts| texts.get(index).copied()),
            );
            at += length;
        }
        *offsets = builder.build();
        Ok(())
    }
}
