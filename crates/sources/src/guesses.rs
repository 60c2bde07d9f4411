//! What values are, of files that do not say so, when several files are one table.

#[cfg(feature = "csv")]
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "csv")]
use crate::file::csv::guess::Guess;

/// The guesses of all files so far, of the columns of text files by position. Clones are the same guesses. Without text
/// files, nothing is guessed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guesses(#[cfg(feature = "csv")] Arc<Mutex<Vec<Guess>>>);

impl Guesses {
    /// The guesses, to be read and widened.
    #[cfg(feature = "csv")]
    pub(crate) fn made(&self) -> MutexGuard<'_, Vec<Guess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any file had columns whose types were guessed.
    pub(crate) fn are_made(&self) -> bool {
        #[cfg(feature = "csv")]
        return !self.made().is_empty();
        #[cfg(not(feature = "csv"))]
        false
    }
}
