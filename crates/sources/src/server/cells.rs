//! Collects the cells of a column, as a server writes them, in an Arrow array.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BinaryBuilder, StringBuilder};
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::DataType;
use taploom_model::Result;

use super::block::BlockColumn;

/// The cells of one column.
pub(crate) trait Cells: Send + Sync {
    /// Appends a cell. If it can't be read, the column can't be finished.
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell>;

    fn append_null(&mut self);

    /// Returns the cells so far as an array, and starts a new one with room for `rows` cells.
    fn finish(&mut self, rows: usize) -> Result<ArrayRef>;

    /// Appends the cells of several rows. The first cell that can't be read is returned with its row.
    ///
    /// Each type of column has its own loop, so that the type is looked up once for all of the rows.
    fn append_rows(&mut self, cells: BlockColumn<'_>) -> Result<(), (usize, BadCell)> {
        for (row, cell) in cells.enumerate() {
            match cell {
                Some(cell) => self.append(cell).map_err(|bad| (row, bad))?,
                None => self.append_null(),
            }
        }
        Ok(())
    }
}

/// The reason why a cell can't be read.
#[derive(Debug)]
pub(crate) enum BadCell {
    /// It is not in the binary format of its type.
    #[cfg(feature = "postgres")]
    Malformed,
    /// It does not fit the type of its column.
    Unfit(Box<Unfit>),
}

/// A cell that does not fit the type of its column.
#[derive(Debug)]
pub(crate) struct Unfit {
    /// The cell, for the message.
    pub(crate) shown: String,
    /// What the caller can do, if not the usual.
    pub(crate) remedy: Option<String>,
}

impl BadCell {
    #[cold]
    pub(crate) fn unfit(shown: impl Into<String>) -> Self {
        Self::Unfit(Box::new(Unfit { shown: shown.into(), remedy: None }))
    }

    /// The reason for a cell of text.
    #[cold]
    pub(crate) fn unfit_text(cell: &[u8]) -> Self {
        Self::unfit(shown_text(cell))
    }

    #[cold]
    pub(crate) fn too_many_elements() -> Self {
        Self::unfit("a batch with more than 2147483647 elements")
    }
}

/// A cell of text for an error message. Long cells are cut.
#[cold]
fn shown_text(cell: &[u8]) -> String {
    const SHOWN: usize = 40;
    match str::from_utf8(cell) {
        Ok(text) if text.chars().count() <= SHOWN => format!("{text:?}"),
        Ok(text) => {
            let short: String = text.chars().take(SHOWN).collect();
            format!("{short:?}... ({} bytes)", cell.len())
        }
        Err(_) => format!("text that is not UTF-8 ({} bytes)", cell.len()),
    }
}

/// Cells of a fixed width. `read` reads one, and `array` makes an array of them.
struct Values<V, R, A> {
    values: Vec<V>,
    nulls: NullBufferBuilder,
    read: R,
    array: A,
}

impl<V, R, A> Values<V, R, A> {
    fn new(read: R, array: A) -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0), read, array }
    }
}

/// Collects numbers of an Arrow type, which has to be stored as `T`.
pub(crate) fn numbers<T, R>(data_type: &DataType, read: R) -> Box<dyn Cells>
where
    T: ArrowPrimitiveType,
    R: Fn(&[u8]) -> Result<T::Native, BadCell> + Send + Sync + 'static,
{
    let data_type = data_type.clone();
    Box::new(Values::new(read, move |values: Vec<T::Native>, nulls| -> ArrayRef {
        let array = PrimitiveArray::<T>::new(values.into(), nulls);
        Arc::new(array.with_data_type(data_type.clone()))
    }))
}

/// Collects booleans.
pub(crate) fn booleans<R>(read: R) -> Box<dyn Cells>
where
    R: Fn(&[u8]) -> Result<bool, BadCell> + Send + Sync + 'static,
{
    Box::new(Values::new(read, |values: Vec<bool>, nulls| -> ArrayRef {
        Arc::new(BooleanArray::new(values.into(), nulls))
    }))
}

impl<V, R, A> Cells for Values<V, R, A>
where
    V: Default + Send + Sync,
    R: Fn(&[u8]) -> Result<V, BadCell> + Send + Sync,
    A: Fn(Vec<V>, Option<NullBuffer>) -> ArrayRef + Send + Sync,
{
    // The compiler would call it for every cell of a block.
    #[inline(always)]
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        self.values.push((self.read)(cell)?);
        self.nulls.append_non_null();
        Ok(())
    }

    #[inline(always)]
    fn append_null(&mut self) {
        self.values.push(V::default());
        self.nulls.append_null();
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(rows));
        Ok((self.array)(values, self.nulls.finish()))
    }
}

struct Texts<W> {
    builder: StringBuilder,
    write: W,
}

/// Collects texts. `write` appends one, as it is or in another form.
pub(crate) fn texts<W>(write: W) -> Box<dyn Cells>
where
    W: Fn(&mut StringBuilder, &str) + Send + Sync + 'static,
{
    Box::new(Texts { builder: StringBuilder::with_capacity(0, 0), write })
}

impl<W> Cells for Texts<W>
where
    W: Fn(&mut StringBuilder, &str) + Send + Sync,
{
    #[inline]
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        let text = simdutf8::basic::from_utf8(cell).map_err(|_| BadCell::unfit_text(cell))?;
        (self.write)(&mut self.builder, text);
        Ok(())
    }

    #[inline]
    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        let next = StringBuilder::with_capacity(rows, self.builder.values_slice().len());
        Ok(Arc::new(std::mem::replace(&mut self.builder, next).finish()))
    }
}

/// Collects bytes.
pub(crate) fn bytes() -> Box<dyn Cells> {
    Box::new(BinaryBuilder::with_capacity(0, 0))
}

impl Cells for BinaryBuilder {
    #[inline]
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        self.append_value(cell);
        Ok(())
    }

    #[inline]
    fn append_null(&mut self) {
        Self::append_null(self);
    }

    fn finish(&mut self, _rows: usize) -> Result<ArrayRef> {
        Ok(ArrayBuilder::finish(self))
    }
}
