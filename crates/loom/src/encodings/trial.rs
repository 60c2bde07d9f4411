//! Encodes a sample to measure the size of its pages.

use std::sync::{Arc, Mutex};

use arrow_array::{Array, ArrayRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{
    PageKey, PageStore, PageStoreArgs, PageStoreFactory, compute_leaves,
};
use parquet::basic::PageType;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::SchemaDescriptor;
use taploom_thrift::Reader;

use super::Way;
use crate::error::{Error, Result};
use crate::table::Column;
use crate::threads::lock;

/// A page larger than any sample.
const ONE_PAGE: usize = 1 << 30;

/// Encodes samples of a column.
pub(super) struct Trial<'a> {
    column: &'a Column,
    schema: &'a SchemaDescriptor,
    properties: &'a WriterProperties,
}

/// The sizes of pages without their headers, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    pub(super) dictionary: PageBytes,
    pub(super) data: PageBytes,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PageBytes {
    pub(super) uncompressed: u64,
    pub(super) compressed: u64,
}

impl Measured {
    pub(super) fn uncompressed(&self) -> u64 {
        self.dictionary.uncompressed + self.data.uncompressed
    }

    pub(super) fn compressed(&self) -> u64 {
        self.dictionary.compressed + self.data.compressed
    }
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        column: &'a Column,
        schema: &'a SchemaDescriptor,
        properties: &'a WriterProperties,
    ) -> Self {
        Self { column, schema, properties }
    }

    /// Measures the pages of each leaf, encoded in the given way; without one, the properties decide.
    pub(super) fn measure(
        &self,
        ways: &[Option<Way>],
        sample: &[ArrayRef],
    ) -> Result<Vec<Measured>> {
        let name = self.column.name();
        let failed = |error| Error::column(name, error);
        let sizes = Arc::new(MeasuredPages(vec![Arc::default(); ways.len()]));
        let properties = Arc::new(self.properties_of(ways));
        let mut writers = self.column.writers(&properties, Arc::clone(&sizes) as _)?;
        for array in sample.iter().filter(|array| !array.is_empty()) {
            let leaves = compute_leaves(&self.column.field, array).map_err(failed)?;
            for (leaf, writer) in leaves.iter().zip(&mut writers) {
                writer.write(leaf).map_err(failed)?;
            }
        }
        for writer in writers {
            writer.close().map_err(failed)?;
        }
        Ok(sizes.0.iter().map(|sizes| *lock(sizes)).collect())
    }

    /// Only the properties on which the size of pages depends.
    fn properties_of(&self, ways: &[Option<Way>]) -> WriterProperties {
        let all = self.properties;
        let mut builder = WriterProperties::builder()
            .set_writer_version(all.writer_version())
            .set_coerce_types(all.coerce_types())
            .set_statistics_enabled(EnabledStatistics::None)
            .set_data_page_size_limit(ONE_PAGE)
            .set_data_page_row_count_limit(ONE_PAGE)
            .set_dictionary_page_size_limit(ONE_PAGE);
        for (leaf, way) in self.schema.columns().iter().zip(ways) {
            let path = || leaf.path().clone();
            let dictionary = match way {
                Some(way) => *way == Way::Dictionary,
                None => all.dictionary_enabled(leaf.path()),
            };
            builder = builder
                .set_column_compression(path(), all.compression(leaf.path()))
                .set_column_dictionary_enabled(path(), dictionary);
            let encoding = match way {
                Some(Way::Direct(encoding)) => Some(*encoding),
                _ => all.encoding(leaf.path()),
            };
            if let Some(encoding) = encoding {
                builder = builder.set_column_encoding(path(), encoding);
            }
        }
        builder.build()
    }
}

/// Makes page stores that keep only sizes, one per leaf.
#[derive(Debug)]
struct MeasuredPages(Vec<Arc<Mutex<Measured>>>);

impl PageStoreFactory for MeasuredPages {
    fn create(&self, args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>, ParquetError> {
        let index = args.column_index();
        let measured = self.0.get(index).cloned().ok_or_else(|| {
            Error::Internal(format!("leaf {index} does not exist")).into_parquet()
        })?;
        Ok(Box::new(MeasuringStore { measured, puts: 0 }))
    }
}

struct MeasuringStore {
    measured: Arc<Mutex<Measured>>,
    puts: u64,
}

impl PageStore for MeasuringStore {
    fn put(&mut self, value: Bytes) -> Result<PageKey, ParquetError> {
        // A header comes first, then the bytes of its page.
        if self.puts.is_multiple_of(2) {
            let header = PageSize::of(&value).map_err(Error::into_parquet)?;
            let mut measured = lock(&self.measured);
            let pages =
                if header.is_dictionary { &mut measured.dictionary } else { &mut measured.data };
            pages.uncompressed += header.bytes.uncompressed;
            pages.compressed += header.bytes.compressed;
        }
        self.puts += 1;
        Ok(PageKey::new(self.puts - 1))
    }

    fn take(&mut self, _: PageKey) -> Result<Bytes, ParquetError> {
        Ok(Bytes::new())
    }

    fn memory_size(&self) -> usize {
        0
    }
}

/// The sizes in the header of a page.
struct PageSize {
    is_dictionary: bool,
    bytes: PageBytes,
}

impl PageSize {
    fn of(header: &[u8]) -> Result<Self> {
        let mut size = Self { is_dictionary: false, bytes: PageBytes::default() };
        let mut reader = Reader::new(header);
        let mut last = 0;
        while let Some((id, kind)) = reader.field(&mut last)? {
            match id {
                1 => size.is_dictionary = reader.integer(kind)? == PageType::DICTIONARY_PAGE as i64,
                2 => size.bytes.uncompressed = reader.integer(kind)?.cast_unsigned(),
                3 => size.bytes.compressed = reader.integer(kind)?.cast_unsigned(),
                _ => reader.pass_over(kind)?,
            }
        }
        Ok(size)
    }
}
