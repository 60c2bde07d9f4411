//! Recognizes Arrow files and streams by their first bytes.

use super::in_turn::CONTINUATION;

/// The first bytes of a file; Arrow columnar format, IPC file format.
const FILE_MARK: &[u8] = b"ARROW1";

/// Whether a file or a stream may begin with these bytes.
pub(super) fn is_arrow(beginning: &[u8]) -> bool {
    beginning.starts_with(FILE_MARK) || is_stream(beginning)
}

/// Whether a stream may begin with these bytes.
///
/// A stream begins with the message of its schema. Since Arrow 0.15 a continuation marker precedes it.
pub(super) fn is_stream(beginning: &[u8]) -> bool {
    beginning.starts_with(&CONTINUATION) || begins_with_schema(beginning).unwrap_or(false)
}

/// Whether the bytes begin with a length and a message with a schema. The message is a flatbuffer: it
/// begins with the offset of a table, which has the offset of its vtable, which has the offsets of the
/// fields.
fn begins_with_schema(beginning: &[u8]) -> Option<bool> {
    /// The positions in a Message's vtable; Message.fbs.
    const HEADER_TYPE: usize = 6;
    const BODY_LENGTH: usize = 10;
    const SCHEMA: u8 = 1;
    let (length, message) = beginning.split_first_chunk::<4>()?;
    let length = i32::from_le_bytes(*length);
    let number =
        |at: usize| -> Option<i32> { Some(i32::from_le_bytes(*message.get(at..)?.first_chunk()?)) };
    let short = |at: usize| -> Option<usize> {
        Some(u16::from_le_bytes(*message.get(at..)?.first_chunk()?).into())
    };
    let table = number(0)?;
    let vtable = usize::try_from(table.checked_sub(number(usize::try_from(table).ok()?)?)?).ok()?;
    let table = usize::try_from(table).ok()?;
    let (size, header_type) = (short(vtable)?, short(vtable + HEADER_TYPE)?);
    // A schema message has no body, and a field with its default value is left out.
    let has_body = size > BODY_LENGTH && {
        let at = short(vtable + BODY_LENGTH)?;
        at != 0 && message.get(table + at..)?.first_chunk::<8>()? != &[0; 8]
    };
    let is_schema = header_type != 0 && *message.get(table + header_type)? == SCHEMA;
    Some(length > 0 && length % 4 == 0 && is_schema && !has_body)
}
