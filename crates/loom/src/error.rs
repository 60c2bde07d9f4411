//! The errors of a writer.

use std::io;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use taploom_scratch::ScratchError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be written.
///
/// After an error the file has no footer, so readers refuse it, and all further calls return [`Error::Unfinished`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict each other, or this writer can't honour one of them.
    #[error("{0}")]
    Options(String),
    /// A column has a type that Parquet can't hold.
    #[error("Parquet can't hold the columns of this schema")]
    Schema(#[source] ParquetError),
    /// The columns of a batch differ from the columns of the file.
    #[error("{0}")]
    SchemaMismatch(String),
    /// The values of a column can't be written, e.g. a null in a column without nulls.
    #[error("column {column} can't be written")]
    Column {
        /// The name of the column.
        column: String,
        /// The error of the Parquet or Arrow crate.
        #[source]
        source: ParquetError,
    },
    /// The memory budget is too small for this table.
    #[error(
        "a memory budget of {budget} bytes is too small: {why}; give it at least {enough} bytes"
    )]
    Budget {
        /// The budget in bytes.
        budget: usize,
        /// The part that needs more.
        why: String,
        /// A budget that is enough for it, in bytes.
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
    /// A scratch file could not be created, written or read, or scratch files would exceed their
    /// disk limit. Smaller row groups take less disk.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The sink failed.
    #[error("the output can't be written")]
    Sink(#[source] io::Error),
    /// The footer would be larger than readers can address.
    #[error("the footer would take more than 2 GiB: make row groups larger")]
    FooterTooLarge,
    /// A call after a failed call, or after the file was closed.
    #[error("the file is closed, or was given up after an error")]
    Unfinished,
    /// A defect of this crate or of the Parquet crate.
    #[error("the Parquet writer failed: {0}")]
    Internal(String),
}

impl Error {
    /// The error of a column, unless the error is one of the sink or of scratch that went through the Parquet crate.
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

    /// An error of a call in which the Parquet crate fails only if the sink or scratch does.
    pub(crate) fn internal(error: ParquetError) -> Self {
        match Self::carried(error) {
            Ok(own) => own,
            Err(other) => Self::Internal(other.to_string()),
        }
    }

    /// An I/O error, which may contain an error of this crate.
    pub(crate) fn io(error: io::Error) -> Self {
        match Self::carried(ParquetError::from(error)) {
            Ok(own) => own,
            Err(other) => Self::Internal(other.to_string()),
        }
    }

    /// Wraps this error in one of the Parquet crate, in which [`Error::column`] finds it.
    pub(crate) fn into_parquet(self) -> ParquetError {
        ParquetError::External(Box::new(self))
    }

    /// Unwraps an error of this crate that went through the Parquet crate.
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

/// The Parquet crate has written bytes that can't be read.
impl From<taploom_thrift::Error> for Error {
    fn from(error: taploom_thrift::Error) -> Self {
        Self::Internal(format!("its metadata is not what the Parquet format says: {error}"))
    }
}
