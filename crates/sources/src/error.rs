//! Errors that the sources share.

use taploom_model::{Error, ErrorKind};

/// An error in the request.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}
