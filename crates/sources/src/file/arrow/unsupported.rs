//! Detects features of Arrow files that are not supported.

use std::fmt::Display;

use arrow_ipc::{Message, Schema};
use arrow_schema::ArrowError;

/// The key of a message whose buffers are compressed in the way of Arrow 0.17.
const OLD_COMPRESSION: &str = "ARROW:experimental_compression";

/// Checks that values have the byte order of this machine, because arrow-ipc does not swap bytes.
pub(super) fn check_byte_order(schema: Schema<'_>) -> Result<(), ArrowError> {
    if schema.endianness().equals_to_target_endianness() {
        return Ok(());
    }
    let order = if cfg!(target_endian = "little") { "big-endian" } else { "little-endian" };
    unsupported(format!("its values are {order}, which this machine does not read"))
}

/// Checks that a message does not have the compression of Arrow 0.17. arrow-ipc does not know it, and would
/// read the compressed bytes as values.
pub(super) fn check_compression(message: Message<'_>) -> Result<(), ArrowError> {
    let keys = message.custom_metadata().into_iter().flatten();
    if keys.filter_map(|pair| pair.key()).all(|key| key != OLD_COMPRESSION) {
        return Ok(());
    }
    unsupported(format!(
        "it is compressed as by Arrow 0.17 ({OLD_COMPRESSION}); a newer Arrow can read it and write it again"
    ))
}

/// The error for a message or footer that arrow-ipc refuses.
pub(super) fn refused(what: &str, error: &impl Display) -> ArrowError {
    let why = error.to_string();
    if why.starts_with("Utf8 error") {
        return ArrowError::NotYetImplemented(format!(
            "{what} has a name, or metadata, in bytes that are not UTF-8, which the format demands"
        ));
    }
    ArrowError::ParseError(format!("{what}: {why}"))
}

fn unsupported(why: String) -> Result<(), ArrowError> {
    Err(ArrowError::NotYetImplemented(why))
}
