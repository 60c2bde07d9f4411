//! The columns of a row group, one after the other, for the threads that encode them; and their groups,
//! of which the next is read back from scratch while columns of this one are encoded.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use arrow_array::ArrayRef;

use crate::error::Result;
use crate::stage::{LoadedGroup, Stage};
use crate::table::Table;

pub(crate) struct Columns<'a> {
    table: &'a Table,
    stage: &'a Stage,
    reads_ahead: bool,
    state: Mutex<State>,
    was_read: Condvar,
}

struct State {
    column: usize,
    group: Option<usize>,
    loaded: Option<LoadedGroup>,
    ahead: Ahead,
    /// Groups that are done but for the columns that a thread may still be at.
    before: Vec<Weak<Vec<Vec<ArrayRef>>>>,
}

/// The group that comes next.
#[derive(Default)]
enum Ahead {
    #[default]
    Unread,
    /// A thread is at it.
    Reading,
    Read(Option<LoadedGroup>),
}

impl<'a> Columns<'a> {
    /// For so many threads: with one, there is memory for one group only.
    pub(crate) fn new(table: &'a Table, stage: &'a Stage, threads: usize) -> Self {
        let state = State {
            column: 0,
            group: None,
            loaded: None,
            ahead: Ahead::Unread,
            before: Vec::new(),
        };
        Self {
            table,
            stage,
            reads_ahead: threads > 1,
            state: Mutex::new(state),
            was_read: Condvar::new(),
        }
    }

    /// The next column, and its group if that is in memory.
    pub(crate) fn next(&self) -> Result<Option<(usize, Option<LoadedGroup>)>> {
        let mut state = self.lock();
        loop {
            let column = state.column;
            if column == self.table.columns.len() {
                return Ok(None);
            }
            let group = self.stage.group_of(column);
            if group != state.group {
                if let Ahead::Reading = state.ahead {
                    state = self.was_read.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                state.group = group;
                // Before the next one is read; another thread may still be at the one before.
                let done = state.loaded.take().map(|loaded| Arc::downgrade(&loaded));
                state.before.extend(done);
                state.loaded = match (std::mem::take(&mut state.ahead), group) {
                    (Ahead::Read(loaded), _) => loaded,
                    (_, Some(group)) => self.stage.load(self.table, group)?,
                    (_, None) => None,
                };
            }
            if let Some(next) = self.next_to_read(&mut state) {
                state.ahead = Ahead::Reading;
                drop(state);
                self.read_ahead(next)?;
                state = self.lock();
                continue;
            }
            state.column += 1;
            return Ok(Some((column, state.loaded.clone())));
        }
    }

    /// The group to be read now, if there is memory for it: no more groups are held than threads, and two.
    fn next_to_read(&self, state: &mut State) -> Option<usize> {
        if !self.reads_ahead || !matches!(state.ahead, Ahead::Unread) {
            return None;
        }
        state.before.retain(|group| group.strong_count() > 0);
        let next = state.group? + 1;
        (state.before.is_empty() && next < self.stage.groups()).then_some(next)
    }

    fn read_ahead(&self, group: usize) -> Result<()> {
        let _reading = Reading(self);
        let loaded = self.stage.load(self.table, group)?;
        self.lock().ahead = Ahead::Read(loaded);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the next group is not being read any more, however that ended: nobody waits for a thread that
/// failed.
struct Reading<'a, 'b>(&'a Columns<'b>);

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let Ahead::Reading = state.ahead {
            state.ahead = Ahead::Unread;
        }
        drop(state);
        self.0.was_read.notify_all();
    }
}
