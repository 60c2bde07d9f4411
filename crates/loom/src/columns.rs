//! Hands the columns of a row group to the threads that encode them, in order. While the columns of one group are
//! encoded, a thread reads the next group from scratch.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::Result;
use crate::stage::{GroupMemory, LoadedGroup, Stage};
use crate::table::Table;
use crate::threads::lock;

/// The columns that no thread has taken yet.
pub(crate) struct Columns<'a> {
    table: &'a Table,
    stage: &'a Stage,
    reads_ahead: bool,
    memory: GroupMemory,
    state: Mutex<State>,
    was_read: Condvar,
}

struct State {
    column: usize,
    group: Option<usize>,
    loaded: Option<Arc<LoadedGroup>>,
    ahead: NextGroup,
    /// Earlier groups. They stay alive while a thread encodes one of their columns.
    before: Vec<Weak<LoadedGroup>>,
}

/// The group after the current one.
#[derive(Default)]
enum NextGroup {
    #[default]
    Unread,
    /// A thread is reading it.
    Reading,
    Read(Option<Arc<LoadedGroup>>),
}

impl<'a> Columns<'a> {
    /// All columns. With one thread there is memory for one group, so no group is read ahead.
    pub(crate) fn new(table: &'a Table, stage: &'a Stage, threads: usize) -> Self {
        let state = State {
            column: 0,
            group: None,
            loaded: None,
            ahead: NextGroup::Unread,
            before: Vec::new(),
        };
        Self {
            table,
            stage,
            reads_ahead: threads > 1,
            memory: GroupMemory::default(),
            state: Mutex::new(state),
            was_read: Condvar::new(),
        }
    }

    /// The next column, and its group if the whole group was read into memory.
    pub(crate) fn next(&self) -> Result<Option<(usize, Option<Arc<LoadedGroup>>)>> {
        let mut state = self.lock();
        loop {
            let column = state.column;
            if column == self.table.columns.len() {
                return Ok(None);
            }
            let group = self.stage.group_of(column);
            if group != state.group {
                if let NextGroup::Reading = state.ahead {
                    state = self.was_read.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                state.group = group;
                // Released before the next group is read. Another thread may still hold it.
                let done = state.loaded.take().map(|loaded| Arc::downgrade(&loaded));
                state.before.extend(done);
                state.loaded = match (std::mem::take(&mut state.ahead), group) {
                    (NextGroup::Read(loaded), _) => loaded,
                    (_, Some(group)) => self.stage.load(group, &self.memory)?,
                    (_, None) => None,
                };
            }
            if let Some(next) = self.next_to_read(&mut state) {
                state.ahead = NextGroup::Reading;
                drop(state);
                self.read_ahead(next)?;
                state = self.lock();
                continue;
            }
            state.column += 1;
            return Ok(Some((column, state.loaded.clone())));
        }
    }

    /// The group to read ahead now. There is memory for it only if no earlier group is alive.
    fn next_to_read(&self, state: &mut State) -> Option<usize> {
        if !self.reads_ahead || !matches!(state.ahead, NextGroup::Unread) {
            return None;
        }
        state.before.retain(|group| group.strong_count() > 0);
        let next = state.group? + 1;
        (state.before.is_empty() && next < self.stage.groups()).then_some(next)
    }

    fn read_ahead(&self, group: usize) -> Result<()> {
        let _reading = ReadingGuard(self);
        let loaded = self.stage.load(group, &self.memory)?;
        self.lock().ahead = NextGroup::Read(loaded);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// When dropped, marks the next group as unread again unless it was read, and wakes the other threads. Otherwise
/// they would wait for a thread that has failed.
struct ReadingGuard<'a, 'b>(&'a Columns<'b>);

impl Drop for ReadingGuard<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let NextGroup::Reading = state.ahead {
            state.ahead = NextGroup::Unread;
        }
        drop(state);
        self.0.was_read.notify_all();
    }
}
