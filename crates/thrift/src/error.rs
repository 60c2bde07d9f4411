//! Errors of reading.

use std::{fmt, io};

/// The result of reading.
pub type Result<T> = std::result::Result<T, Error>;

/// Why bytes can't be read, with their position in the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end too early.
    Ended {
        /// The position of their end.
        at: u64,
    },
    /// The bytes are not the expected value.
    Malformed {
        /// The position of the wrong byte.
        at: u64,
        /// The expected value.
        what: &'static str,
    },
    /// The input can't be read.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { at } => write!(f, "it ends too early, at byte {at}"),
            Self::Malformed { at, what } => write!(f, "byte {at} is not {what}"),
            Self::Io(error) => write!(f, "it can't be read: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Ended { .. } | Self::Malformed { .. } => None,
        }
    }
}
