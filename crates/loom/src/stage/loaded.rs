//! Groups of columns that were read back as a whole, and the memory that they take turns with.

use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow_array::ArrayRef;
use arrow_buffer::Buffer;
use taploom_packed::Piece;

use super::read::unreadable;
use crate::error::Result;
use crate::table::Table;
use crate::threads::lock;

/// A group of columns in memory.
pub(crate) struct LoadedGroup {
    columns: Range<usize>,
    pieces: Vec<Piece>,
    /// The memory of the pieces that were in scratch.
    bytes: Buffer,
    memory: GroupMemory,
}

impl LoadedGroup {
    /// The arrays of a column of the group, in the order of the rows.
    pub(crate) fn arrays(&self, table: &Table, column: usize) -> Result<Vec<ArrayRef>> {
        let data_type = table.columns[column].field.data_type();
        let index = column - self.columns.start;
        let arrays = self.pieces.iter().map(|piece| piece.array(index, data_type));
        arrays.map(|array| array.map_err(|error| unreadable(&error))).collect()
    }
}

impl Drop for LoadedGroup {
    fn drop(&mut self) {
        self.pieces.clear();
        // An array that is still in use keeps the memory. The next group then gets other memory.
        if let Ok(bytes) = mem::take(&mut self.bytes).into_vec() {
            lock(&self.memory.0).push(bytes);
        }
    }
}

/// Memory of groups that are not needed any more. The next group is read into the same memory: new memory would be
/// filled with zeros first, by the system and page by page if it is large.
#[derive(Clone, Default)]
pub(crate) struct GroupMemory(Arc<Mutex<Vec<Vec<u8>>>>);

impl GroupMemory {
    /// At least this number of bytes, with any contents.
    pub(super) fn take(&self, least: usize) -> Vec<u8> {
        let free = lock(&self.0).pop().filter(|bytes| bytes.len() >= least);
        free.unwrap_or_else(|| vec![0; least])
    }

    /// A group of pieces, some of which are in `bytes`.
    pub(super) fn group(
        &self,
        columns: Range<usize>,
        pieces: Vec<Piece>,
        bytes: Buffer,
    ) -> LoadedGroup {
        LoadedGroup { columns, pieces, bytes, memory: self.clone() }
    }
}
