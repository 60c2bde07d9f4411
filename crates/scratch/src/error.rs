//! Errors of temporary files.

use std::fmt;
use std::io;

/// A result of this crate.
pub type Result<T, E = ScratchError> = std::result::Result<T, E>;

/// Why a temporary file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// The system refused an operation on a file.
    #[error("can't {action} a temporary file in {place}")]
    Failed {
        /// The operation.
        action: ScratchAction,
        /// The folder.
        place: String,
        /// The error of the system; [`io::ErrorKind::StorageFull`] if the disk is full.
        #[source]
        source: io::Error,
    },
    /// The files of a space would exceed its limit.
    #[error("temporary files in {place} would take more than their limit of {budget} bytes")]
    OverBudget {
        /// The folder.
        place: String,
        /// The limit of the space, in bytes.
        budget: u64,
    },
}

impl ScratchError {
    /// Finds the error of a temporary file in an error and its causes.
    ///
    /// ```
    /// use std::io;
    ///
    /// use taploom_scratch::ScratchError;
    ///
    /// let full = ScratchError::OverBudget { place: "/tmp".to_owned(), budget: 1 << 20 };
    /// assert!(ScratchError::find(&io::Error::from(full)).is_some());
    /// assert!(ScratchError::find(&io::Error::other("something else")).is_none());
    /// ```
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |error| error.source()).find_map(|error| {
            // An io::Error gives the causes of its inner error, and not that error, as its source.
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            error.downcast_ref().or_else(|| inner?.downcast_ref())
        })
    }
}

/// An operation on a temporary file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScratchAction {
    /// A file is made.
    Create,
    /// Bytes are appended.
    Write,
    /// Bytes are read.
    Read,
}

impl fmt::Display for ScratchAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

/// Keeps the kind of the system's error; a limit that is reached is
/// [`io::ErrorKind::QuotaExceeded`]. The [`ScratchError`] is the inner error.
impl From<ScratchError> for io::Error {
    fn from(error: ScratchError) -> Self {
        let kind = match &error {
            ScratchError::Failed { source, .. } => source.kind(),
            ScratchError::OverBudget { .. } => io::ErrorKind::QuotaExceeded,
        };
        Self::new(kind, error)
    }
}
