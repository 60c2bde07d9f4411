//! Errors that the sources share.
//!
//! The kind decides the exit status of the program: 2 if the request can be corrected, 1 if the input is damaged. A
//! file that is not of a known kind, or is stored in a way that is not read, such as with encryption, counts as a wrong
//! request.

use taploom_model::{Error, ErrorKind};

/// An error in the request.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}

/// An error in the bytes of the input: they are damaged, contradict each other or can't be read.
pub(crate) fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Source, message.into())
}
