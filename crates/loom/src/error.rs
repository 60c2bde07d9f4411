//! What can go wrong, and where.

use std::io;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use taploom_scratch::ScratchError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be written.
///
/// After any error the file is unfinished and stays so: it has no footer, so no reader takes it for
/// a whole one, and all further calls answer [`Error::Unfinished`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict each other, or this writer can't honour one of them.
    #[error("{0}")]
    Options(String),
    /// A column has a type that Parquet does not hold.
    #[error("Parquet can't hold the columns of this schema")]
    Schema(#[source] ParquetError),
    /// A batch has other columns than the file.
    #[error("{0}")]
    SchemaMismatch(String),
    /// The values of a column can't be written, e.g. a null in a column without nulls.
    #[error("column {column} can't be written")]
    Column {
        /// The name of the column.
        column: String,
        /// What the Parquet or Arrow crate says.
        #[source]
        source: ParquetError,
    },
    /// The memory budget is too small for this table.
    #[error(
        "a memory budget of {budget} bytes is too small: {why}; give it at least {enough} bytes"
    )]
    Budget {
        /// Bytes that were granted.
        budget: usize,
        /// What needs more.
        why: String,
        /// Bytes with which it would go.
        enough: usize,
    },
    /// A pool has no room for another writer.
    #[error("{wanted} bytes of memory wanted, {free} of the pool's {total} are free")]
    Pool {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes not reserved.
        free: usize,
        /// Bytes of the pool.
        total: usize,
    },
    /// A scratch file could not be made, written or read, or scratch files would take more disk than
    /// they may. Smaller row groups take less.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The sink does not take bytes.
    #[error("the output can't be written")]
    Sink(#[source] io::Error),
    /// The footer would pass what readers can address.
    #[error("the footer would take more than 2 GiB: make row groups larger")]
    FooterTooLarge,
    /// A call after one that failed, or after the file was closed.
    #[error("the file is closed, or was given up after an error")]
    Unfinished,
    /// The Parquet crate broke a promise; a defect.
    #[error("the Parquet writer failed: {0}")]
    Internal(String),
}

impl Error {
    /// The error of a column, unless it is one of the sink or of scratch that came by way of the
    /// Parquet crate.
    pub(crate) fn column(name: &str, error: ParquetError) -> Self {
        match Self::carried(error) {
            Ok(own) => own,
            Err(source) => Self::Column { column: name.to_owned(), source },
        }
    }

    /// The error of a column, from the Arrow crate.
    pub(crate) fn arrow(name: &str, error: ArrowError) -> Self {
        Self::column(name, ParquetError::from(error))
    }

    /// An error where the Parquet crate can only fail by way of the sink or of scratch.
    pub(crate) fn internal(error: ParquetError) -> Self {
        match Self::carried(error) {
            Ok(own) => own,
            Err(other) => Self::Internal(other.to_string()),
        }
    }

    /// An I/O error that may carry one of ours.
    pub(crate) fn io(error: io::Error) -> Self {
        match Self::carried(ParquetError::from(error)) {
            Ok(own) => own,
            Err(other) => Self::Internal(other.to_string()),
        }
    }

    /// Puts this error into the Parquet crate's, to be found again by [`Error::column`].
    pub(crate) fn into_parquet(self) -> ParquetError {
        ParquetError::External(Box::new(self))
    }

    /// Finds the error that went through the Parquet crate.
    fn carried(error: ParquetError) -> std::result::Result<Self, ParquetError> {
        let ParquetError::External(inner) = error else { return Err(error) };
        let inner = match inner.downcast::<Self>() {
            Ok(own) => return Ok(*own),
            Err(other) => other,
        };
        match inner.downcast::<io::Error>() {
            Ok(io) => match io.downcast::<ScratchError>() {
                Ok(scratch) => Ok(Self::Scratch(scratch)),
                Err(io) => io.downcast::<Self>().map_err(ParquetError::from),
            },
            Err(other) => Err(ParquetError::External(other)),
        }
    }
}
