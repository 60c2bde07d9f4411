//! Values of single pages, decoded by the reader of the Parquet crate.
//!
//! Its reader decodes column chunks. Here it is given chunks of one page: a page whose values are not codes, or the values
//! of a dictionary, which are written like those of a page with the encoding PLAIN.

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

/// Rows of a page that are decoded at a time.
const BATCH_ROWS: usize = 8192;

/// Decodes pages of one column.
pub(super) struct PageDecoder {
    metadata: Arc<ParquetMetaData>,
    levels: FieldLevels,
    data_type: DataType,
    has_levels: bool,
    /// The smallest size of a value in the encoding PLAIN.
    least_bytes: usize,
    /// Whether values in the encoding PLAIN have the bytes of an Arrow array.
    is_plain: bool,
}

impl PageDecoder {
    /// For a leaf that is a whole column.
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

    /// The values of a data page that needs no dictionary.
    pub(super) fn values(&self, page: Page) -> Result<ParquetRecordBatchReader> {
        let rows = page.num_values() as usize;
        self.read(page, rows, BATCH_ROWS.min(rows))
    }

    /// The selected rows of a data page that needs no dictionary.
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

    /// The values of a dictionary.
    pub(super) fn dictionary(&self, page: Page) -> Result<ArrayRef> {
        let Page::DictionaryPage { buf, num_values, encoding, .. } = page else {
            return Err(ParquetError::General("it has no dictionary".to_owned()));
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

    /// Numbers whose bytes in the encoding PLAIN are those of an Arrow array. The reader of the Parquet crate takes longer
    /// to open than a small dictionary takes to copy.
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

/// The bytes of values before which levels say that no value is null, and the length of these levels.
fn valid(values: u32, bytes: &Bytes) -> (u32, Bytes) {
    let mut buffer = Vec::with_capacity(bytes.len() + 8);
    // One run, which repeats the level 1.
    put_varint(&mut buffer, u64::from(values) << 1);
    buffer.push(1);
    // At most six bytes and one.
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

/// The pages of a chunk that needs none.
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
