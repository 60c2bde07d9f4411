//! The memory, threads and disk that one piece of work may use.

use taploom_scratch::{ScratchAction, ScratchError, ScratchSpace};

use crate::error::{Error, ErrorKind};

/// The resources of the machine that an encoder, a source or a job may use.
///
/// A program makes one value, from its command line, a message or a request, and passes it to every
/// part of the work. Clones share the limit of [`scratch`](Self::scratch).
///
/// ```
/// use taploom_model::{Resources, ScratchSpace};
///
/// let resources = Resources::default()
///     .with_memory_budget(16 << 20)
///     .with_threads(2)
///     .with_scratch(ScratchSpace::in_folder("/var/tmp").limited_to(10 << 30));
/// assert_eq!(resources.scratch.place(), "/var/tmp");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resources {
    /// Heap that an encoder may hold, in bytes: a ceiling for rows that it collects. 32 MiB by
    /// default.
    pub memory_budget: usize,
    /// Threads that an encoder may keep busy, including the thread that calls it. 1 by default.
    pub threads: usize,
    /// The folder of temporary files, and how much disk they may take. By default the system's
    /// folder for temporary files, without a limit.
    pub scratch: ScratchSpace,
}

impl Resources {
    /// Sets the heap that an encoder may hold, in bytes.
    #[must_use]
    pub fn with_memory_budget(self, bytes: usize) -> Self {
        Self { memory_budget: bytes, ..self }
    }

    /// Sets the number of threads, at least one.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// Sets where temporary files are made, and how much disk they may take.
    #[must_use]
    pub fn with_scratch(self, scratch: ScratchSpace) -> Self {
        Self { scratch, ..self }
    }

    /// The resources for the source whose rows go to an encoder with these resources: three eighths of the memory, in
    /// addition to the encoder's, and the same scratch space.
    ///
    /// ```
    /// use taploom_model::Resources;
    ///
    /// let encoder = Resources::default().with_memory_budget(32 << 20);
    /// assert_eq!(encoder.for_source().memory_budget, 12 << 20);
    /// ```
    #[must_use]
    pub fn for_source(&self) -> Self {
        self.clone().with_memory_budget(self.memory_budget / 8 * 3)
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self { memory_budget: 32 << 20, threads: 1, scratch: ScratchSpace::default() }
    }
}

/// An error of kind [`ErrorKind::Resources`] that says which option of the program helps.
impl From<ScratchError> for Error {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::Failed { action, place, source } => {
                let remedy = match action {
                    ScratchAction::Read => "",
                    _ => "; --scratch-dir chooses another folder",
                };
                let message = format!("can't {action} a temporary file in {place}{remedy}");
                let cause = ScratchError::Failed { action, place, source };
                Self::new(ErrorKind::Resources, message).with_source(cause)
            }
            other => {
                let message = format!("{other}; --scratch-budget raises it");
                Self::new(ErrorKind::Resources, message).with_source(other)
            }
        }
    }
}
