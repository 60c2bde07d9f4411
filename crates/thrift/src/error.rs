//! Why bytes can't be read.

use std::{fmt, io};

/// The result of reading.
pub type Result<T> = std::result::Result<T, Error>;

/// Why bytes are not what they should be, and at which byte of the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// They end too early.
    Ended {
        /// Where they end.
        at: u64,
    },
    /// They are something else.
    Malformed {
        /// The byte.
        at: u64,
        /// What it should be.
        what: &'static str,
    },
    /// They can't be read.
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
