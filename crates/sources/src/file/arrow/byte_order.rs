//! The order of bytes in an Arrow file.

use arrow_schema::ArrowError;

/// Checks that values have the byte order of this machine: arrow-ipc reads them as they stand.
pub(super) fn check_byte_order(schema: arrow_ipc::Schema<'_>) -> Result<(), ArrowError> {
    if schema.endianness().equals_to_target_endianness() {
        return Ok(());
    }
    let message = "the values are in the byte order of another kind of machine";
    Err(ArrowError::NotYetImplemented(message.to_owned()))
}
