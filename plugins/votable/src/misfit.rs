//! A cell that can't be written.

use taploom_format::{Error, ErrorKind};

/// Which cell can't be written, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The name of its column, once it is known.
    pub(crate) column: Option<String>,
    /// The row, counted from 0 within the current rows.
    pub(crate) row: usize,
    pub(crate) message: String,
}

impl Misfit {
    pub(crate) fn new(row: usize, message: impl Into<String>) -> Self {
        Self { column: None, row, message: message.into() }
    }

    /// Adds the name of the column.
    pub(crate) fn of_column(mut self, name: &str) -> Self {
        self.column = Some(name.to_owned());
        self
    }

    /// Turns it into an error; the number of rows before these is given.
    pub(crate) fn into_error(self, rows_before: u64) -> Error {
        let error = Error::new(ErrorKind::InvalidValue, self.message)
            .with_row(rows_before + 1 + self.row as u64);
        match self.column {
            Some(name) => error.with_column(name),
            None => error,
        }
    }
}
