//! A cell that can't be written.

use taploom_format::{Error, ErrorKind};

/// Which cell, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The name of its column, as soon as that is known.
    pub(crate) column: Option<String>,
    /// Counted from 0, in the rows at hand.
    pub(crate) row: usize,
    pub(crate) message: String,
}

impl Misfit {
    pub(crate) fn new(row: usize, message: impl Into<String>) -> Self {
        Self { column: None, row, message: message.into() }
    }

    /// Names the column.
    pub(crate) fn of_column(mut self, name: &str) -> Self {
        self.column = Some(name.to_owned());
        self
    }

    /// As an error, of rows that follow so many others.
    pub(crate) fn into_error(self, rows_before: u64) -> Error {
        let error = Error::new(ErrorKind::InvalidValue, self.message)
            .with_row(rows_before + 1 + self.row as u64);
        match self.column {
            Some(name) => error.with_column(name),
            None => error,
        }
    }
}
