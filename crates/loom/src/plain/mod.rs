//! Column chunks of numbers and booleans, flat and without a dictionary.
//!
//! The writers of the Parquet crate handle levels and values one by one, and copy a page several times. Most columns
//! of a wide table are simpler: a page is one bit per row, followed by the values as they are. This module makes
//! both a whole word at a time. Pages, statistics and indexes are the same, byte for byte, as the output of
//! `ArrowWriter`.

mod chunk;
mod levels;
mod side_by_side;
mod value_statistics;
mod values;

use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_buffer::{BooleanBufferBuilder, MutableBuffer};
use arrow_schema::DataType;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{self as physical, DataType as PhysicalType};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion,
};
use parquet::schema::types::SchemaDescPtr;

use self::chunk::ChunkWriter;
pub(crate) use self::chunk::PlainChunk;
use self::value_statistics::Number;
use self::values::{Booleans, Numbers};
use crate::error::{Error, Result};
use crate::table::{Column, Table};

/// How to encode the chunks of a column.
pub(crate) struct PlainColumn<'a> {
    column: &'a Column,
    schema: SchemaDescPtr,
    /// The properties of all columns. Separate properties per column would stay in memory while the
    /// column waits.
    properties: WriterPropertiesPtr,
    codec: Compression,
    is_nullable: bool,
    is_compressed: bool,
    checksums: bool,
    page_bytes: usize,
    page_rows: usize,
    /// Pages are collected up to this number of bytes, and then handed over together: the system writes large pieces
    /// faster.
    put_bytes: usize,
    /// The number of rows after which the size of the page is checked.
    step: usize,
}

/// Memory in which pages are made. It is used for one column after another.
pub(crate) struct PlainBuffers {
    page: MutableBuffer,
    out: PageBuffers,
}

struct PageBuffers {
    /// One bit per row of the page: 1 if it is not null.
    valid: BooleanBufferBuilder,
    levels: Vec<u8>,
    header: Vec<u8>,
    /// Complete pages with their headers, and room for the next one.
    pages: Vec<u8>,
    /// Bytes of the complete pages.
    filled: usize,
    snappy: snap::raw::Encoder,
}

impl PlainBuffers {
    pub(crate) fn new() -> Self {
        let out = PageBuffers {
            valid: BooleanBufferBuilder::new(0),
            levels: Vec::new(),
            header: Vec::new(),
            pages: Vec::new(),
            filled: 0,
            snappy: snap::raw::Encoder::new(),
        };
        Self { page: MutableBuffer::new(0), out }
    }
}

/// The most bytes of pages that are handed over at once, unless a page is larger.
const MOST_AT_ONCE: usize = 1 << 20;

/// Takes the first bytes of a buffer, which are pages with their headers. It may put another buffer in its place.
type PutPages<'a> = dyn FnMut(&mut Vec<u8>, usize) -> Result<()> + 'a;

/// Takes a piece of a column.
type WritePiece<'a> = dyn FnMut(&ArrayRef) -> Result<()> + 'a;

impl<'a> PlainColumn<'a> {
    /// `None` for columns of other types, and for properties of the column that this encoder does not support.
    pub(crate) fn of(
        column: &'a Column,
        schema: &SchemaDescPtr,
        properties: &WriterProperties,
        table: &Table,
    ) -> Option<Self> {
        let [leaf] = schema.columns() else { return None };
        let path = leaf.path();
        let codec = properties.compression(path);
        // Booleans never have a dictionary.
        let is_boolean = *column.field.data_type() == DataType::Boolean;
        let is_plain = matches!(
            column.field.data_type(),
            DataType::Boolean
                | DataType::UInt8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Float32
                | DataType::Float64
        ) && (is_boolean || !properties.dictionary_enabled(path))
            && matches!(properties.encoding(path), None | Some(Encoding::PLAIN))
            && properties.writer_version() == WriterVersion::PARQUET_1_0
            && matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY)
            && properties.statistics_enabled(path) == EnabledStatistics::Page
            && !properties.write_page_header_statistics(path)
            && properties.bloom_filter_properties(path).is_none();
        is_plain.then(|| Self {
            column,
            schema: schema.clone(),
            properties: Arc::clone(&table.properties),
            codec,
            is_nullable: leaf.max_def_level() > 0,
            is_compressed: codec == Compression::SNAPPY,
            checksums: table.checksums,
            page_bytes: properties.column_data_page_size_limit(path),
            page_rows: properties.column_data_page_row_count_limit(path).max(1),
            put_bytes: properties.column_data_page_size_limit(path).min(MOST_AT_ONCE),
            step: properties.write_batch_size().max(1),
        })
    }

    /// Encodes a column of `rows` rows. `read` supplies its pieces, and `put` takes its pages.
    pub(crate) fn encode(
        &self,
        rows: u64,
        buffers: &mut PlainBuffers,
        put: &mut PutPages<'_>,
        read: impl FnOnce(&mut WritePiece<'_>) -> Result<()>,
    ) -> Result<PlainChunk> {
        match self.column.field.data_type() {
            DataType::Boolean => {
                let values = Booleans::new(&mut buffers.page);
                ChunkWriter::new(self, values, &mut buffers.out, put).encode(read)
            }
            DataType::UInt8 => {
                self.numbers::<UInt8Type, physical::Int32Type>(rows, buffers, put, read)
            }
            DataType::Int16 => {
                self.numbers::<Int16Type, physical::Int32Type>(rows, buffers, put, read)
            }
            DataType::Int32 => {
                self.numbers::<Int32Type, physical::Int32Type>(rows, buffers, put, read)
            }
            DataType::Int64 => {
                self.numbers::<Int64Type, physical::Int64Type>(rows, buffers, put, read)
            }
            DataType::Float32 => {
                self.numbers::<Float32Type, physical::FloatType>(rows, buffers, put, read)
            }
            DataType::Float64 => {
                self.numbers::<Float64Type, physical::DoubleType>(rows, buffers, put, read)
            }
            other => Err(Error::Internal(format!("{other} is not encoded as plain values"))),
        }
    }

    /// Encodes numbers of an Arrow type as numbers of a Parquet type.
    fn numbers<A, T>(
        &self,
        rows: u64,
        buffers: &mut PlainBuffers,
        put: &mut PutPages<'_>,
        read: impl FnOnce(&mut WritePiece<'_>) -> Result<()>,
    ) -> Result<PlainChunk>
    where
        A: ArrowPrimitiveType<Native: Into<T::T>>,
        T: PhysicalType<T: Number>,
    {
        // A page, and the values that may be added before its size is checked.
        let page = (self.page_bytes / size_of::<T::T>()).min(self.page_rows) + self.step;
        let most = page.min(usize::try_from(rows).unwrap_or(usize::MAX));
        let values = Numbers::<A, T>::new(&mut buffers.page, most);
        ChunkWriter::new(self, values, &mut buffers.out, put).encode(read)
    }
}
