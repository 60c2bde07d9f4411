//! Writing values.

/// Appends the header of the field `id`. `last` is the id of the previous field, which is smaller by at
/// most 15.
pub fn put_field(out: &mut Vec<u8>, last: &mut u8, id: u8, kind: u8) {
    out.push((id - *last) << 4 | kind);
    *last = id;
}

/// Appends the header of a list.
pub fn put_list(out: &mut Vec<u8>, count: u64, kind: u8) {
    match u8::try_from(count) {
        Ok(count) if count < 15 => out.push(count << 4 | kind),
        _ => {
            out.push(0xf0 | kind);
            put_varint(out, count);
        }
    }
}

/// Appends an integer of any width except 8 bits.
pub fn put_integer(out: &mut Vec<u8>, value: i64) {
    put_varint(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Appends the length of bytes or text.
pub fn put_length(out: &mut Vec<u8>, length: u64) {
    put_varint(out, length);
}

/// Appends a number of variable length: seven bits per byte, lowest bits first.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
