//! Columns of numbers and booleans without a dictionary, in which nulls are everywhere.
//!
//! `ArrowColumnWriter` makes an index for every value that is not null, and fetches values one by one
//! through it. Here the values are put side by side first, and go to the Parquet crate's own column writer
//! as they then stand; pages, statistics and bytes are the same.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bytes::{Buf, Bytes};
use parquet::arrow::arrow_writer::{PageKey, PageStore};
use parquet::column::writer::{
    ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer, get_typed_column_writer,
};
use parquet::data_type as physical;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use crate::table::Column;

/// Whether a column is one that may be encoded here, as long as each of its pieces has nulls.
///
/// Of a piece without, the Arrow writer says so in one word, for which this way in has none; and pages
/// would end elsewhere.
pub(crate) fn is_flat(column: &Column, properties: &WriterProperties) -> bool {
    let is_flat = matches!(
        column.field.data_type(),
        DataType::Boolean
            | DataType::UInt8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
    );
    let path = ColumnPath::new(vec![column.name().to_owned()]);
    is_flat && column.field.is_nullable() && !properties.dictionary_enabled(&path)
}

/// A chunk whose pages wait in a store.
pub(crate) struct FlatChunk {
    pages: StoredPages,
    close: ColumnCloseResult,
}

impl FlatChunk {
    /// Encodes the pieces of a column for which [`is_flat`] holds.
    pub(crate) fn encode(
        column: &Column,
        properties: &WriterPropertiesPtr,
        store: Box<dyn PageStore>,
        pieces: &[ArrayRef],
    ) -> Result<Self> {
        let stored = Stored { store, keys: Vec::new(), length: 0 };
        let pages = StoredPages(Arc::new(Mutex::new(stored)));
        let mut sink = TrackedWrite::new(pages.clone());
        let close = write_all(column, properties, &mut sink, pieces)?;
        Ok(Self { pages, close })
    }

    pub(crate) fn append_to_row_group<W: Write + Send>(
        self,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        row_group.append_column(&self.pages, self.close)
    }
}

fn write_all(
    column: &Column,
    properties: &WriterPropertiesPtr,
    sink: &mut TrackedWrite<StoredPages>,
    pieces: &[ArrayRef],
) -> Result<ColumnCloseResult> {
    let schema = SchemaDescriptor::new(Arc::clone(&column.root));
    let to = Box::new(SerializedPageWriter::new(sink));
    let writer = get_column_writer(schema.column(0), Arc::clone(properties), to);
    match column.field.data_type() {
        DataType::Boolean => write::<physical::BoolType>(writer, pieces, |piece, cells| {
            let bits = piece.as_boolean().values();
            cells.fill(piece, |row| bits.value(row));
        }),
        DataType::UInt8 => write::<physical::Int32Type>(writer, pieces, |piece, cells| {
            let values = piece.as_primitive::<UInt8Type>().values();
            cells.fill(piece, |row| values[row].into());
        }),
        DataType::Int16 => write::<physical::Int32Type>(writer, pieces, |piece, cells| {
            let values = piece.as_primitive::<Int16Type>().values();
            cells.fill(piece, |row| values[row].into());
        }),
        DataType::Int32 => numbers::<Int32Type, physical::Int32Type>(writer, pieces),
        DataType::Int64 => numbers::<Int64Type, physical::Int64Type>(writer, pieces),
        DataType::Float32 => numbers::<Float32Type, physical::FloatType>(writer, pieces),
        DataType::Float64 => numbers::<Float64Type, physical::DoubleType>(writer, pieces),
        other => Err(ParquetError::General(format!("{other} is not encoded this way"))),
    }
}

/// Writes numbers that Parquet has as Arrow does.
fn numbers<A: ArrowPrimitiveType, T: physical::DataType<T = A::Native>>(
    writer: ColumnWriter<'_>,
    pieces: &[ArrayRef],
) -> Result<ColumnCloseResult> {
    write::<T>(writer, pieces, |piece, cells| {
        let values = piece.as_primitive::<A>().values();
        cells.fill(piece, |row| values[row]);
    })
}

/// Writes pieces, of each of which `fill` takes the cells.
fn write<T: physical::DataType>(
    writer: ColumnWriter<'_>,
    pieces: &[ArrayRef],
    fill: impl Fn(&ArrayRef, &mut Cells<T::T>),
) -> Result<ColumnCloseResult> {
    let mut writer: ColumnWriterImpl<'_, T> = get_typed_column_writer(writer);
    let mut cells = Cells { levels: Vec::new(), values: Vec::new(), count: 0 };
    for piece in pieces {
        fill(piece, &mut cells);
        writer.write_batch(&cells.values[..cells.count], Some(&cells.levels), None)?;
    }
    writer.close()
}

/// The cells of a piece.
struct Cells<V> {
    /// The definition level of each.
    levels: Vec<i16>,
    /// The values of those that are not null, side by side, and room behind them.
    values: Vec<V>,
    count: usize,
}

impl<V: Default + Clone> Cells<V> {
    /// Takes all cells of a piece. Each value is put in its place, null or not, and a null's is taken by
    /// the next: a branch for each would be guessed wrong.
    fn fill(&mut self, piece: &ArrayRef, value: impl Fn(usize) -> V) {
        let rows = piece.len();
        self.count = 0;
        self.levels.clear();
        let Some(nulls) = piece.nulls() else { return };
        self.levels.resize(rows, 0);
        self.values.resize(rows, V::default());
        let words = nulls.inner().bit_chunks();
        let words = words.iter_padded();
        for ((index, levels), word) in self.levels.chunks_mut(64).enumerate().zip(words) {
            for (bit, level) in levels.iter_mut().enumerate() {
                let is_valid = (word >> bit) & 1;
                *level = is_valid as i16;
                self.values[self.count] = value(index * 64 + bit);
                self.count += is_valid as usize;
            }
        }
    }
}

/// The pages of a chunk as they are written, one after the other, and read back in that order, once.
#[derive(Clone)]
struct StoredPages(Arc<Mutex<Stored>>);

struct Stored {
    store: Box<dyn PageStore>,
    keys: Vec<PageKey>,
    length: u64,
}

impl StoredPages {
    fn with<T>(&self, action: impl FnOnce(&mut Stored) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for StoredPages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|stored| {
            let key = stored.store.put(Bytes::copy_from_slice(bytes)).map_err(io::Error::other)?;
            stored.keys.push(key);
            stored.length += bytes.len() as u64;
            Ok(bytes.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Length for StoredPages {
    fn len(&self) -> u64 {
        self.with(|stored| stored.length)
    }
}

impl ChunkReader for StoredPages {
    type T = PageReader;

    fn get_read(&self, start: u64) -> Result<PageReader> {
        if start != 0 {
            return Err(ParquetError::General("pages are read from the first on".to_owned()));
        }
        let keys = self.with(|stored| std::mem::take(&mut stored.keys)).into_iter();
        Ok(PageReader { pages: self.clone(), keys, page: Bytes::new() })
    }

    fn get_bytes(&self, _: u64, _: usize) -> Result<Bytes> {
        Err(ParquetError::General("pages are read one after the other".to_owned()))
    }
}

struct PageReader {
    pages: StoredPages,
    keys: std::vec::IntoIter<PageKey>,
    page: Bytes,
}

impl Read for PageReader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.page.is_empty() {
            let Some(key) = self.keys.next() else { return Ok(0) };
            let page = self.pages.with(|stored| stored.store.take(key));
            self.page = page.map_err(io::Error::other)?;
        }
        let count = to.len().min(self.page.len());
        self.page.copy_to_slice(&mut to[..count]);
        Ok(count)
    }
}
