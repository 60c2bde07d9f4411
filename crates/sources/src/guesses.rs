//! What values are, of files that do not say so, when several files are one table.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "csv")]
use crate::file::csv::guess::Guess;

/// The guesses of all files so far. Clones are the same guesses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guesses(Arc<Mutex<Made>>);

#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Of the columns of text files, by position.
    #[cfg(feature = "csv")]
    pub(crate) text: Vec<Guess>,
}

impl Guesses {
    /// The guesses, to be read and widened.
    pub(crate) fn made(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any file had columns whose types were guessed.
    pub(crate) fn are_made(&self) -> bool {
        #[cfg(feature = "csv")]
        return !self.made().text.is_empty();
        #[cfg(not(feature = "csv"))]
        false
    }
}
