//! Copies blocks of columns into rows, and into the heap after them.

use std::sync::Arc;

use taploom_format::{Error, ErrorKind, InOrder, Output, Result};

use crate::blocks::BlockReader;
use crate::column_writer::{ColumnWriter, Shape};
use crate::layout::{Layout, Place};

/// Bytes of rows written at a time.
const CHUNK_BYTES: usize = 128 << 10;
/// Maximum bytes of the rows of a block if several threads assemble them.
const PIECE_BYTES: usize = 1 << 20;

/// The properties of the table that are known at the end.
pub(crate) struct Table {
    pub(crate) columns: Vec<ColumnWriter>,
    pub(crate) layout: Layout,
}

/// A block, and its rows.
#[derive(Default)]
struct Piece {
    block: Vec<u8>,
    rows: Vec<u8>,
}

/// Writes all rows. Several threads are used only if the rows of a block are small, because texts
/// padded to the width of the longest one may take much more memory than their block.
pub(crate) fn copy_rows(
    blocks: &mut BlockReader,
    table: &Arc<Table>,
    threads: usize,
    memory_budget: usize,
    output: &mut Output,
) -> Result<()> {
    let most = if threads > 1 { PIECE_BYTES.min(memory_budget / (8 * threads)) } else { 0 };
    let shared = Arc::clone(table);
    let mut pieces = InOrder::new(threads, move |piece: &mut Piece| {
        piece.rows.clear();
        lay_out(&mut piece.block, &shared, &mut piece.rows, &mut |_| Ok(()))
    });
    let mut heap_end = 0;
    let layout = &table.layout;
    let mut write = |rows: &mut Vec<u8>| {
        point_at_heap(layout, rows, &mut heap_end);
        output.append(rows)
    };
    let mut piece = Piece::default();
    blocks.rewind()?;
    while blocks.read(&mut piece.block)? {
        let rows = piece.block.first_chunk().map_or(0, |count| u32::from_le_bytes(*count));
        if (rows as usize).saturating_mul(layout.row_bytes) <= most {
            pieces.push(piece, |piece| write(&mut piece.rows))?;
            piece = pieces.spare().unwrap_or_default();
            continue;
        }
        pieces.drain(|piece| write(&mut piece.rows))?;
        let Piece { block, rows } = &mut piece;
        rows.clear();
        lay_out(block, table, rows, &mut |rows| {
            write(rows)?;
            rows.clear();
            Ok(())
        })?;
    }
    pieces.drain(|piece| write(&mut piece.rows))
}

/// Appends the rows of a block to `to`, and calls `after` when some are complete.
fn lay_out(
    block: &mut [u8],
    table: &Table,
    to: &mut Vec<u8>,
    after: &mut impl FnMut(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    let layout = &table.layout;
    let rows_of_a_chunk = (CHUNK_BYTES / layout.row_bytes.max(1)).max(1);
    let (rows, mut cells) = cells_of(block, table)?;
    for first in (0..rows).step_by(rows_of_a_chunk) {
        let start = to.len();
        to.resize(start + rows_of_a_chunk.min(rows - first) * layout.row_bytes, 0);
        let mut offset = 0;
        for (place, cells) in layout.fields.iter().zip(&mut cells) {
            let places = to[start..].chunks_exact_mut(layout.row_bytes);
            let places = places.map(|row| &mut row[offset..offset + place.bytes()]);
            match place {
                Place::Values(1) => cells.lay_values::<1>(places)?,
                Place::Values(4) => cells.lay_values::<4>(places)?,
                Place::Values(8) => cells.lay_values::<8>(places)?,
                place => {
                    for to in places {
                        lay(*place, cells, to)?;
                    }
                }
            }
            offset += place.bytes();
        }
        after(to)?;
    }
    Ok(())
}

/// Writes the heap: its cells, row after row.
pub(crate) fn copy_heap(
    blocks: &mut BlockReader,
    table: &Table,
    output: &mut Output,
) -> Result<()> {
    let (mut block, mut chunk) = (Vec::new(), Vec::new());
    blocks.rewind()?;
    while blocks.read(&mut block)? {
        let (rows, mut cells) = cells_of(&mut block, table)?;
        for _ in 0..rows {
            for (place, cells) in table.layout.fields.iter().zip(&mut cells) {
                if let Place::Heap(value_bytes) = place {
                    let values = cells.next_length()?;
                    chunk.extend_from_slice(cells.next(values * value_bytes)?);
                }
            }
            if chunk.len() >= CHUNK_BYTES {
                output.append(&chunk)?;
                chunk.clear();
            }
        }
    }
    output.append(&chunk)
}

/// Puts the next cell of a column into a row; for a cell in the heap, its length.
fn lay(place: Place, cells: &mut Cells<'_>, to: &mut [u8]) -> Result<()> {
    match place {
        Place::Values(bytes) => to.copy_from_slice(cells.next(bytes)?),
        Place::Texts(_, width) => {
            for to in to.chunks_exact_mut(width) {
                let length = cells.next_length()?;
                let text = cells.next(length)?;
                to.get_mut(..length).ok_or_else(other_bytes)?.copy_from_slice(text);
            }
        }
        Place::Heap(_) => {
            let values = cells.next_length()? as u64;
            to[..size_of::<u64>()].copy_from_slice(&values.to_be_bytes());
        }
    }
    Ok(())
}

/// Completes the descriptors: the offsets of the cells in the heap, in the order of the rows,
/// whatever the blocks.
fn point_at_heap(layout: &Layout, chunk: &mut [u8], heap_end: &mut u64) {
    if layout.heap_bytes == 0 {
        return;
    }
    for row in chunk.chunks_exact_mut(layout.row_bytes) {
        let mut rest = row;
        for place in &layout.fields {
            let (cell, after) = rest.split_at_mut(place.bytes());
            rest = after;
            if let Place::Heap(value_bytes) = place {
                let (values, offset) = cell.split_at_mut(size_of::<u64>());
                let values = values.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
                offset.copy_from_slice(&heap_end.to_be_bytes());
                *heap_end += values * *value_bytes as u64;
            }
        }
    }
}

/// The cells of a column in a block that have not been taken yet.
struct Cells<'a> {
    lengths: &'a [u8],
    bytes: &'a [u8],
}

/// The number of rows of a block, and its columns, with the null value at null cells.
fn cells_of<'a>(block: &'a mut [u8], table: &Table) -> Result<(usize, Vec<Cells<'a>>)> {
    let mut rest = block;
    let rows = length_of(take_mut(&mut rest, size_of::<u32>())?)?;
    let cells = table.columns.iter().zip(&table.layout.nulls).map(|(column, null)| {
        let (lengths, bytes) = match (column.shape, column.cell_bytes()) {
            (_, Some(bytes)) => (&[][..], rows * bytes),
            (shape, None) => {
                let per_row = if let Shape::Texts(count) = shape { count } else { 1 };
                let lengths = take_mut(&mut rest, rows * per_row * size_of::<u32>())?;
                let lengths: &[u8] = lengths;
                let each = lengths.chunks_exact(size_of::<u32>()).map(length_of);
                (lengths, each.sum::<Result<usize>>()? * column.value_bytes())
            }
        };
        let bytes = take_mut(&mut rest, bytes)?;
        if column.datatype.is_integer() {
            let bits = length_of(take_mut(&mut rest, size_of::<u32>())?)?;
            let bits = take_mut(&mut rest, bits)?;
            fill_nulls(bytes, bits, null.unwrap_or(0), column.value_bytes());
        }
        Ok(Cells { lengths, bytes })
    });
    Ok((rows, cells.collect::<Result<_>>()?))
}

fn fill_nulls(values: &mut [u8], bits: &[u8], null: i64, value_bytes: usize) {
    let null = &null.to_be_bytes()[size_of::<i64>() - value_bytes..];
    let is_null = bits.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1 == 1));
    for (value, is_null) in values.chunks_exact_mut(value_bytes).zip(is_null) {
        if is_null {
            value.copy_from_slice(null);
        }
    }
}

impl<'a> Cells<'a> {
    /// Puts cells of this number of bytes into rows.
    fn lay_values<'b, const BYTES: usize>(
        &mut self,
        places: impl ExactSizeIterator<Item = &'b mut [u8]>,
    ) -> Result<()> {
        let (cells, _) = self.next(places.len() * BYTES)?.as_chunks::<BYTES>();
        for (to, cell) in places.zip(cells) {
            to.copy_from_slice(cell);
        }
        Ok(())
    }

    fn next(&mut self, bytes: usize) -> Result<&'a [u8]> {
        self.bytes.split_off(..bytes).ok_or_else(other_bytes)
    }

    fn next_length(&mut self) -> Result<usize> {
        length_of(self.lengths.split_off(..size_of::<u32>()).ok_or_else(other_bytes)?)
    }
}

fn length_of(bytes: &[u8]) -> Result<usize> {
    let bytes = bytes.try_into().map_err(|_| other_bytes())?;
    usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| other_bytes())
}

fn take_mut<'a>(from: &mut &'a mut [u8], bytes: usize) -> Result<&'a mut [u8]> {
    from.split_off_mut(..bytes).ok_or_else(other_bytes)
}

fn other_bytes() -> Error {
    let message = "the scratch file reads back other bytes than were written";
    Error::new(ErrorKind::Resources, message)
}
