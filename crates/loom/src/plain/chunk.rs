//! Writes the pages of a column chunk one after another, and describes them in its metadata.

use std::ops::Range;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;
use parquet::basic::{BoundaryOrder, Encoding, EncodingMask, PageType};
use parquet::data_type::DataType as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
    RowGroupMetaData,
};
use parquet::file::statistics::{Statistics, ValueStatistics as ParquetStatistics};
use taploom_thrift as thrift;

use super::levels::put_levels;
use super::value_statistics::{Ordered, ValueStatistics};
use super::values::Values;
use super::{PageBuffers, PlainColumn, PutPages, WritePiece};
use crate::error::{Error, Result};
use crate::footer::ColumnMetadata;
use crate::leaf_pages::put_checksum;

/// A checksum that takes as many bytes in a header as any.
const LONGEST: u32 = 1 << 31;

/// Encodes the pieces of a column.
pub(super) struct ChunkWriter<'a, V: Values> {
    plain: &'a PlainColumn<'a>,
    values: V,
    out: &'a mut PageBuffers,
    put: &'a mut PutPages<'a>,
    /// The rows of the open page.
    page: RowCount,
    statistics: ValueStatistics<Of<V>>,
    index: ColumnIndexBuilder,
    order: PageOrder<Of<V>>,
    pages: PageTotals,
}

type Of<V> = <<V as Values>::Type as PhysicalType>::T;

/// A number of rows, and how many of them are null.
#[derive(Clone, Copy, Default)]
struct RowCount {
    all: usize,
    nulls: usize,
}

/// Sums over the pages.
#[derive(Default)]
struct PageTotals {
    rows: RowCount,
    uncompressed: usize,
    compressed: usize,
    /// Rows and bytes of each page.
    each: Vec<(u32, u32)>,
}

/// Whether the values of the pages ascend or descend.
struct PageOrder<T> {
    last: Option<(T, T)>,
    ascending: bool,
    descending: bool,
}

impl<'a, V: Values<Type: PhysicalType<T: Ordered>>> ChunkWriter<'a, V> {
    pub(super) fn new(
        plain: &'a PlainColumn<'a>,
        values: V,
        out: &'a mut PageBuffers,
        put: &'a mut PutPages<'a>,
    ) -> Self {
        out.filled = 0;
        Self {
            plain,
            values,
            out,
            put,
            page: RowCount::default(),
            statistics: ValueStatistics::default(),
            index: ColumnIndexBuilder::new(V::Type::get_physical_type()),
            order: PageOrder { last: None, ascending: true, descending: true },
            pages: PageTotals::default(),
        }
    }

    pub(super) fn encode(
        mut self,
        read: impl FnOnce(&mut WritePiece<'_>) -> Result<()>,
    ) -> Result<PlainChunk> {
        read(&mut |piece| self.write(piece))?;
        if self.page.all > 0 {
            self.end_page()?;
        }
        if self.out.filled > 0 {
            self.put()?;
        }
        self.close()
    }

    /// Adds a piece in steps. After each step, a full page is ended.
    fn write(&mut self, piece: &ArrayRef) -> Result<()> {
        let PlainColumn { is_nullable, step, page_rows, .. } = *self.plain;
        let nulls = piece.nulls().filter(|_| is_nullable);
        // The Parquet crate takes larger steps if all rows are valid or all are null.
        let (step, valid) = match nulls {
            None if is_nullable => (page_rows, ValidRows::All),
            None => (step, ValidRows::All),
            Some(nulls) if nulls.null_count() == nulls.len() => (page_rows, ValidRows::None),
            Some(nulls) => (step, ValidRows::Some(nulls.inner())),
        };
        for start in (0..piece.len()).step_by(step) {
            let rows = start..piece.len().min(start + step);
            let part = self.part(step, &rows, valid);
            for start in rows.clone().step_by(part) {
                self.add(piece, start..rows.end.min(start + part), valid)?;
            }
        }
        Ok(())
    }

    /// The number of rows that are added at a time: fewer than a step if their values would fill more than a page.
    fn part(&self, step: usize, rows: &Range<usize>, valid: ValidRows<'_>) -> usize {
        let width = size_of::<Of<V>>();
        if width * step <= self.plain.page_bytes {
            return rows.len();
        }
        let values = valid.count(rows);
        let fit = (self.plain.page_bytes / width).max(1);
        if values <= fit {
            return rows.len();
        }
        (fit * rows.len()).div_ceil(values).min(rows.len())
    }

    fn add(&mut self, piece: &ArrayRef, rows: Range<usize>, valid: ValidRows<'_>) -> Result<()> {
        let count = rows.len();
        let values = match valid {
            ValidRows::All => self.values.append(piece, rows.clone(), None),
            ValidRows::None => 0,
            ValidRows::Some(valid) => self.values.append(piece, rows.clone(), Some(valid)),
        };
        if self.plain.is_nullable {
            match valid {
                ValidRows::All => self.out.valid.append_n(count, true),
                ValidRows::None => self.out.valid.append_n(count, false),
                ValidRows::Some(valid) => {
                    let bits = valid.offset() + rows.start..valid.offset() + rows.end;
                    self.out.valid.append_packed_range(bits, valid.values());
                }
            }
        }
        self.page.all += count;
        self.page.nulls += count - values;
        if self.page.all >= self.plain.page_rows || self.values.bytes() >= self.plain.page_bytes {
            self.end_page()?;
        }
        Ok(())
    }

    fn end_page(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.page);
        let PageBuffers { valid, levels, header, pages, filled, snappy } = &mut *self.out;
        levels.clear();
        if self.plain.is_nullable {
            put_levels(valid.as_slice(), rows.all, levels);
            valid.truncate(0);
        }
        let page = self.values.after_levels(levels);
        let uncompressed = page.len();
        let most = if self.plain.is_compressed {
            snap::raw::max_compress_len(uncompressed)
        } else {
            uncompressed
        };
        // The header has the size and the checksum of the page, and comes before it. Room is left for the longest.
        let longest = self.plain.checksums.then_some(LONGEST);
        put_header(header, (uncompressed, most), longest, rows.all);
        let (start, body) = (*filled, *filled + header.len());
        if let Some(more) = (body + most).checked_sub(pages.len()) {
            // Doubling could exceed the budget.
            pages.reserve_exact(more);
            pages.resize(body + most, 0);
        }
        let place = &mut pages[body..body + most];
        let length = if self.plain.is_compressed {
            let length = snappy.compress(page, place);
            length.map_err(|error| self.plain.failed(ParquetError::from(error)))?
        } else {
            place.copy_from_slice(page);
            uncompressed
        };
        let checksum = self.plain.checksums.then(|| crc32fast::hash(&place[..length]));
        put_header(header, (uncompressed, length), checksum, rows.all);
        let at = start + header.len();
        if at < body {
            pages.copy_within(body..body + length, at);
        }
        pages[start..at].copy_from_slice(header);
        *filled = at + length;
        self.pages.add(rows, uncompressed + header.len(), header.len() + length);
        if *filled + most > self.plain.put_bytes {
            self.put()?;
        }
        self.describe(rows);
        Ok(())
    }

    /// Hands over the complete pages.
    fn put(&mut self) -> Result<()> {
        let PageBuffers { pages, filled, .. } = &mut *self.out;
        (self.put)(pages, std::mem::take(filled))
    }

    /// Adds the page to the column index and to the statistics of the chunk.
    fn describe(&mut self, rows: RowCount) {
        let statistics = self.values.end();
        let (least, greatest) = match statistics.extremes {
            Some((least, greatest)) => (least.to_bytes(), greatest.to_bytes()),
            None => (Vec::new(), Vec::new()),
        };
        let nans = Of::<V>::HAS_NANS.then(|| statistics.nans.unwrap_or(0).cast_signed());
        self.index.append(rows.nulls == rows.all, least, greatest, rows.nulls as i64, nans);
        self.index.append_histograms(&None, &self.plain.histogram(rows));
        if let Some(extremes) = statistics.extremes {
            self.order.add(extremes);
        }
        self.statistics.add(&statistics);
    }

    fn close(mut self) -> Result<PlainChunk> {
        self.index.set_boundary_order(match (self.order.ascending, self.order.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        let (least, greatest) = self.statistics.extremes.unzip();
        let nulls = self.pages.rows.nulls as u64;
        let statistics = ParquetStatistics::<Of<V>>::new(least, greatest, None, Some(nulls), false)
            .with_nan_count(self.statistics.nans)
            .with_backwards_compatible_min_max(self.plain.is_signed());
        Ok(PlainChunk { statistics: statistics.into(), index: self.index, pages: self.pages })
    }
}

/// The rows of a piece that are not null.
#[derive(Clone, Copy)]
enum ValidRows<'a> {
    All,
    None,
    Some(&'a BooleanBuffer),
}

impl ValidRows<'_> {
    fn count(self, rows: &Range<usize>) -> usize {
        match self {
            Self::All => rows.len(),
            Self::None => 0,
            Self::Some(valid) => valid.slice(rows.start, rows.len()).count_set_bits(),
        }
    }
}

impl PageTotals {
    fn add(&mut self, rows: RowCount, uncompressed: usize, compressed: usize) {
        self.rows.all += rows.all;
        self.rows.nulls += rows.nulls;
        self.uncompressed += uncompressed;
        self.compressed += compressed;
        self.each.push((rows.all as u32, compressed as u32));
    }
}

impl<T: Ordered> PageOrder<T> {
    fn add(&mut self, next: (T, T)) {
        if let Some(last) = self.last.replace(next) {
            let falls = last.0.is_greater(next.0) || last.1.is_greater(next.1);
            let rises = next.0.is_greater(last.0) || next.1.is_greater(last.1);
            self.ascending &= !falls;
            self.descending &= !rises;
        }
    }
}

impl PlainColumn<'_> {
    fn failed(&self, error: ParquetError) -> Error {
        Error::column(self.column.name(), error)
    }

    /// The number of rows per definition level; `None` for columns without levels.
    fn histogram(&self, rows: RowCount) -> Option<LevelHistogram> {
        let counts = vec![rows.nulls as i64, (rows.all - rows.nulls) as i64];
        self.is_nullable.then(|| LevelHistogram::from(counts))
    }

    /// Whether values compare as signed numbers, as all types did before Parquet had column orders.
    fn is_signed(&self) -> bool {
        self.schema.column(0).sort_order().is_signed()
    }

    /// The description of a chunk that begins at an offset of the file.
    pub(crate) fn describe(&self, chunk: PlainChunk, start: u64) -> Result<ColumnMetadata> {
        let made = || self.metadata(chunk, start.cast_signed());
        made().map_err(|error| self.failed(error))
    }

    fn metadata(&self, chunk: PlainChunk, start: i64) -> Result<ColumnMetadata, ParquetError> {
        let PlainChunk { statistics, index, pages } = chunk;
        let pages_of_kind = PageEncodingStats {
            page_type: PageType::DATA_PAGE,
            encoding: Encoding::PLAIN,
            count: pages.each.len() as i32,
        };
        let metadata = ColumnChunkMetaData::builder(self.schema.column(0))
            .set_compression(self.codec)
            .set_encodings_mask(EncodingMask::new_from_encodings(
                [Encoding::RLE, Encoding::PLAIN].iter(),
            ))
            .set_page_encoding_stats(vec![pages_of_kind])
            .set_total_compressed_size(pages.compressed as i64)
            .set_total_uncompressed_size(pages.uncompressed as i64)
            .set_num_values(pages.rows.all as i64)
            .set_data_page_offset(start)
            .set_statistics(statistics)
            .set_definition_level_histogram(self.histogram(pages.rows))
            .build()?;
        let mut offsets = OffsetIndexBuilder::new();
        let mut at = start;
        for (rows, bytes) in &pages.each {
            offsets.append_row_count(i64::from(*rows));
            offsets.append_offset_and_size(at, bytes.cast_signed());
            at += i64::from(*bytes);
        }
        let chunks = RowGroupMetaData::builder(self.schema.clone())
            .set_column_metadata(vec![metadata])
            .set_total_byte_size(pages.uncompressed as i64)
            .set_num_rows(pages.rows.all as i64)
            .set_sorting_columns(self.properties.sorting_columns().cloned())
            .set_ordinal(0)
            .set_file_offset(start)
            .build()?;
        Ok(ColumnMetadata {
            schema: self.schema.clone(),
            chunks,
            bloom_filters: vec![None],
            column_indexes: vec![Some(index.build()?)],
            offset_indexes: vec![
                (!self.properties.offset_index_disabled()).then(|| offsets.build()),
            ],
        })
    }
}

/// The description of a chunk whose pages are complete.
pub(crate) struct PlainChunk {
    statistics: Statistics,
    index: ColumnIndexBuilder,
    pages: PageTotals,
}

impl PlainChunk {
    /// Bytes of its pages with their headers.
    pub(crate) fn bytes(&self) -> u64 {
        self.pages.compressed as u64
    }

    pub(crate) fn rows(&self) -> u64 {
        self.pages.rows.all as u64
    }
}

/// Appends the header of a data page of version 1. `bytes` are the sizes of the page, uncompressed and
/// compressed.
fn put_header(out: &mut Vec<u8>, bytes: (usize, usize), checksum: Option<u32>, rows: usize) {
    let integers = |out: &mut Vec<u8>, integers: &[(u8, i64)]| {
        let mut last = 0;
        for (id, integer) in integers {
            thrift::put_field(out, &mut last, *id, thrift::kind::I32);
            thrift::put_integer(out, *integer);
        }
        last
    };
    out.clear();
    let page_type = PageType::DATA_PAGE as i64;
    let mut last = integers(out, &[(1, page_type), (2, bytes.0 as i64), (3, bytes.1 as i64)]);
    if let Some(checksum) = checksum {
        put_checksum(out, &mut last, checksum);
    }
    thrift::put_field(out, &mut last, 5, thrift::kind::STRUCT);
    let (plain, rle) = (Encoding::PLAIN as i64, Encoding::RLE as i64);
    integers(out, &[(1, rows as i64), (2, plain), (3, rle), (4, rle)]);
    out.extend_from_slice(&[thrift::STOP; 2]);
}
