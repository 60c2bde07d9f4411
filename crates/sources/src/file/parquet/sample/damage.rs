//! Errors of reading one column of a row group.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use taploom_model::{Error, ErrorKind};

use super::hybrid::Damage;

/// Why a column can't be read.
pub(super) enum ColumnError {
    /// The Parquet crate can't read its pages.
    Parquet(ParquetError),
    /// The pages contradict the format.
    Damaged(Damage),
    /// Arrow can't build arrays of its values.
    Values(ArrowError),
    /// The sample can't use its values as keys.
    Keys(Error),
}

/// Names a row group of a source in error messages.
pub(super) struct RowGroupPlace<'a> {
    pub(super) source: &'a str,
    /// The position of the row group, from 0 to `count - 1`.
    pub(super) row_group: usize,
    pub(super) count: usize,
}

impl RowGroupPlace<'_> {
    fn text(&self) -> String {
        format!("source {}: row group {} of {}", self.source, self.row_group + 1, self.count)
    }

    /// An error about the row group; `what` is the predicate of the sentence.
    pub(super) fn damaged(&self, what: &str) -> Error {
        Error::new(ErrorKind::Source, format!("{} {what}", self.text()))
    }
}

impl ColumnError {
    /// Adds the column and the row group to the error.
    pub(super) fn at(self, place: &RowGroupPlace<'_>, column: &str) -> Error {
        let error = match self {
            Self::Keys(error) => return error.with_context(place.text()),
            Self::Damaged(what) => place.damaged(&format!("is damaged: {what}")),
            Self::Parquet(error) => {
                let message = format!("{}: can't read its pages", place.text());
                Error::new(ErrorKind::Source, message).with_source(error)
            }
            Self::Values(error) => {
                let message = format!("{}: can't read its values", place.text());
                Error::new(ErrorKind::Source, message).with_source(error)
            }
        };
        error.with_column(column)
    }
}

impl From<ParquetError> for ColumnError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<Damage> for ColumnError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<ArrowError> for ColumnError {
    fn from(error: ArrowError) -> Self {
        Self::Values(error)
    }
}

impl From<Error> for ColumnError {
    fn from(error: Error) -> Self {
        Self::Keys(error)
    }
}
