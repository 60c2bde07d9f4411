//! The output of a row group: columns that several threads encode are appended in order.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use parquet::file::writer::TrackedWrite;

use crate::error::{Error, Result};
use crate::footer::Footer;
use crate::pages::{ChunkPages, Pages};
use crate::threads::lock;

/// The file, to which the threads append in the order of the columns. The thread that encodes the next column has the
/// turn: only this thread writes, and the others leave their columns to it.
pub(crate) struct Output<'a, W: Write> {
    /// The column that is appended next. It changes only while `state` is locked.
    column: AtomicUsize,
    state: Mutex<OutputState<'a, W>>,
    next: Condvar,
    /// Locked by the thread that has the turn, while it writes. No other thread waits for it.
    file: Mutex<OutputFile<'a, W>>,
}

struct OutputState<'a, W: Write> {
    /// Encoded columns that wait for their turn.
    finished: BTreeMap<usize, AppendColumn<'a, W>>,
    failed: Option<Error>,
}

pub(crate) struct OutputFile<'a, W: Write> {
    pub(crate) out: &'a mut TrackedWrite<W>,
    pub(crate) footer: &'a mut Footer,
}

/// Appends the remaining pages of an encoded column.
type AppendColumn<'a, W> =
    Box<dyn FnOnce(&mut TrackedWrite<W>, &mut Footer) -> Result<()> + Send + 'a>;

impl<'a, W: Write> Output<'a, W> {
    pub(crate) fn new(out: &'a mut TrackedWrite<W>, footer: &'a mut Footer) -> Self {
        Self {
            column: AtomicUsize::new(0),
            state: Mutex::new(OutputState { finished: BTreeMap::new(), failed: None }),
            next: Condvar::new(),
            file: Mutex::new(OutputFile { out, footer }),
        }
    }

    fn is_turn(&self, column: usize) -> bool {
        self.column.load(Ordering::Acquire) == column
    }

    /// Takes the first `filled` bytes of a buffer, which are pages of a column. If it is the column's turn, they go to
    /// the file, after the pages that waited; otherwise they wait too.
    pub(crate) fn put(
        &self,
        column: usize,
        waiting: &mut ChunkPages,
        buffer: &mut Vec<u8>,
        filled: usize,
    ) -> Result<()> {
        if !self.is_turn(column) {
            return waiting.append_buffer(buffer, filled);
        }
        let file = &mut *lock(&self.file);
        waiting.drain_to(file.out)?;
        file.out.write_all(&buffer[..filled]).map_err(Error::io)
    }

    /// Takes an encoded column, and appends it when its turn comes. Returns at once if there is room for waiting
    /// pages; otherwise waits for the turn. Returns `false` if another column has failed.
    pub(crate) fn finish(
        &self,
        column: usize,
        pages: &Pages,
        append: impl FnOnce(&mut TrackedWrite<W>, &mut Footer) -> Result<()> + Send + 'a,
    ) -> Result<bool> {
        let wait = |state: &mut OutputState<'_, W>| {
            !self.is_turn(column) && state.failed.is_none() && !pages.have_room()
        };
        let state = self.next.wait_while(lock(&self.state), wait);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return Ok(false);
        }
        state.finished.insert(column, Box::new(append));
        let mut next = column;
        while self.is_turn(next)
            && let Some(append) = state.finished.remove(&next)
        {
            // Other threads can finish columns during the append, and this thread then appends them too.
            drop(state);
            {
                let file = &mut *lock(&self.file);
                append(file.out, file.footer)?;
            }
            state = lock(&self.state);
            next += 1;
            self.column.store(next, Ordering::Release);
            self.next.notify_all();
        }
        Ok(true)
    }

    /// Keeps the first error, and stops all threads.
    pub(crate) fn fail(&self, error: Error) {
        lock(&self.state).failed.get_or_insert(error);
        self.next.notify_all();
    }

    /// The end of all threads.
    pub(crate) fn end(self) -> (OutputFile<'a, W>, Option<Error>) {
        let file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (file, state.failed)
    }
}
