//! Decodes single pages with the reader of the Parquet crate.
//!
//! That reader decodes column chunks, so each page is given to it as a chunk of one page. This works for data pages
//! whose values are not dictionary codes, and for dictionary pages, whose values have the encoding PLAIN.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, make_array, new_empty_array};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, RowGroups, RowSelector,
};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use taploom_thrift::put_varint;

/// Maximum number of rows to decode at a time.
const BATCH_ROWS: usize = 8192;

/// Decodes pages of one column.
pub(super) struct PageDecoder {
    metadata: Arc<ParquetMetaData>,
    levels: FieldLevels,
    data_type: DataType,
    has_levels: bool,
    /// The smallest size of a value in the encoding PLAIN.
    least_bytes: usize,
    /// Whether the encoding PLAIN has the same bytes as an Arrow array.
    is_plain: bool,
}

impl PageDecoder {
    /// Prepares to decode the pages of a leaf, which has to be a column and not part of a nested one.
    pub(super) fn new(metadata: &ArrowReaderMetadata, leaf: usize) -> Result<Self> {
        let schema = metadata.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::leaves(schema, [leaf]);
        let fields = metadata.schema().fields();
        let levels = parquet_to_arrow_field_levels(schema, mask, Some(fields))?;
        let column = schema.column(leaf);
        let least_bytes = match column.physical_type() {
            Type::BOOLEAN => 0,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).unwrap_or(0),
        };
        let root = schema.get_column_root_idx(leaf);
        let data_type = fields.get(root).map_or(DataType::Null, |field| field.data_type().clone());
        let has_levels = column.max_def_level() > 0;
        let metadata = Arc::clone(metadata.metadata());
        let is_plain = cfg!(target_endian = "little")
            && matches!(
                (column.physical_type(), &data_type),
                (Type::INT32, DataType::Int32 | DataType::UInt32)
                    | (Type::INT64, DataType::Int64 | DataType::UInt64)
                    | (Type::FLOAT, DataType::Float32)
                    | (Type::DOUBLE, DataType::Float64)
            );
        Ok(Self { metadata, levels, data_type, has_levels, least_bytes, is_plain })
    }

    /// Whether values may be null.
    pub(super) fn has_levels(&self) -> bool {
        self.has_levels
    }

    /// The type of the values.
    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Decodes a data page that needs no dictionary, batch by batch.
    pub(super) fn values(&self, page: Page) -> Result<ParquetRecordBatchReader> {
        let rows = page.num_values() as usize;
        self.read(page, rows, BATCH_ROWS.min(rows))
    }

    /// Decodes the selected rows of a data page that needs no dictionary.
    pub(super) fn rows(
        &self,
        page: Page,
        runs: Vec<RowSelector>,
        selected: usize,
    ) -> Result<ArrayRef> {
        let chunk = OnePage { metadata: &self.metadata, rows: page.num_values() as usize, page };
        let runs = Some(runs.into());
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(
            &self.levels,
            &chunk,
            selected.max(1),
            runs,
        )?;
        let batches = reader.collect::<std::result::Result<Vec<_>, _>>()?;
        let arrays: Vec<&dyn Array> =
            batches.iter().flat_map(RecordBatch::columns).map(AsRef::as_ref).collect();
        let array = match &batches[..] {
            [batch] if batch.num_columns() == 1 => Arc::clone(batch.column(0)),
            [] => new_empty_array(&self.data_type),
            _ => concat(&arrays)?,
        };
        match array.len() == selected {
            true => Ok(array),
            false => Err(ParquetError::EOF("a page has fewer values than it says".to_owned())),
        }
    }

    /// Decodes the values of a dictionary.
    pub(super) fn dictionary(&self, page: Page) -> Result<ArrayRef> {
        let Page::DictionaryPage { buf, num_values, encoding, .. } = page else {
            return Err(ParquetError::General("the column has no dictionary".to_owned()));
        };
        if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
            let message = format!("the values of a dictionary have the encoding {encoding}");
            return Err(ParquetError::General(message));
        }
        let values = num_values as usize;
        if self.least_bytes == 0 && values > 1
            || values.saturating_mul(self.least_bytes) > buf.len()
        {
            return Err(ParquetError::EOF(format!("a dictionary of {values} values is cut off")));
        }
        if self.is_plain {
            return self.numbers(values, &buf);
        }
        let (levels, buf) = if self.has_levels { valid(num_values, &buf) } else { (0, buf) };
        let page = Page::DataPageV2 {
            buf,
            num_values,
            encoding: Encoding::PLAIN,
            num_nulls: 0,
            num_rows: num_values,
            def_levels_byte_len: levels,
            rep_levels_byte_len: 0,
            is_compressed: false,
            statistics: None,
        };
        let batch = self.read(page, values, values.max(1))?.next().transpose()?;
        let array = batch.and_then(|batch| batch.columns().first().cloned());
        match array {
            Some(array) if array.len() == values => Ok(array),
            None if values == 0 => Ok(new_empty_array(&self.data_type)),
            _ => Err(ParquetError::EOF("a dictionary is cut off".to_owned())),
        }
    }

    /// Copies the values of a dictionary whose bytes are the same in the encoding PLAIN and in an Arrow array. For a
    /// small dictionary, this is faster than opening the reader of the Parquet crate.
    fn numbers(&self, count: usize, bytes: &Bytes) -> Result<ArrayRef> {
        let bytes = bytes.get(..count.saturating_mul(self.least_bytes)).unwrap_or(&[]);
        let empty = new_empty_array(&self.data_type).to_data().into_builder();
        let data = empty.len(count).buffers(vec![Buffer::from(bytes)]).build()?;
        Ok(make_array(data))
    }

    fn read(&self, page: Page, rows: usize, at_a_time: usize) -> Result<ParquetRecordBatchReader> {
        let chunk = OnePage { metadata: &self.metadata, page, rows };
        ParquetRecordBatchReader::try_new_with_row_groups(&self.levels, &chunk, at_a_time, None)
    }
}

/// Puts definition levels before the bytes of values that are not null. Returns the length of the levels and all bytes.
fn valid(values: u32, bytes: &Bytes) -> (u32, Bytes) {
    let mut buffer = Vec::with_capacity(bytes.len() + 8);
    // One run of the level 1 for all values.
    put_varint(&mut buffer, u64::from(values) << 1);
    buffer.push(1);
    // At most five bytes for the header of the run and one for the level.
    let levels = buffer.len() as u32;
    buffer.extend_from_slice(bytes);
    (levels, buffer.into())
}

/// A row group of one page.
struct OnePage<'a> {
    metadata: &'a ParquetMetaData,
    page: Page,
    rows: usize,
}

impl RowGroups for OnePage<'_> {
    fn num_rows(&self) -> usize {
        self.rows
    }

    fn column_chunks(&self, _leaf: usize) -> Result<Box<dyn PageIterator>> {
        Ok(Box::new(Chunks(Some(Pages([self.page.clone()].into())))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::empty())
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.metadata
    }
}

struct Chunks(Option<Pages>);

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let pages: Box<dyn PageReader> = Box::new(self.0.take()?);
        Some(Ok(pages))
    }
}

impl PageIterator for Chunks {}

struct Pages(VecDeque<Page>);

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.pop_front().map(Ok)
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        Ok(self.0.pop_front())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.0.front().map(|page| PageMetadata {
            num_rows: Some(page.num_values() as usize),
            num_levels: Some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.pop_front();
        Ok(())
    }
}

/// Stands for the pages of a chunk of which no page has to be read.
pub(super) struct NoPages;

impl Iterator for NoPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

impl PageReader for NoPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        Ok(None)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(None)
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Ok(())
    }
}
