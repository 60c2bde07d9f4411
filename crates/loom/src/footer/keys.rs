//! Writes the keys of the footer without copying them, because they may be long.

use std::io::Write;

use parquet::file::metadata::KeyValue;
use taploom_thrift as thrift;

use crate::error::{Error, Result};

/// Writes the field `key_value_metadata` and then `rest`, which begins with a later field of the same struct.
pub(super) fn put_keys(keys: &[KeyValue], rest: &[u8], out: &mut impl Write) -> Result<()> {
    let Some((first, after)) = rest.split_first().filter(|_| !keys.is_empty()) else {
        return out.write_all(rest).map_err(Error::io);
    };
    let mut bytes = Vec::new();
    let mut last = 4;
    thrift::put_field(&mut bytes, &mut last, 5, thrift::kind::LIST);
    thrift::put_list(&mut bytes, keys.len() as u64, thrift::kind::STRUCT);
    for KeyValue { key, value } in keys {
        let mut last = 0;
        for (id, text) in [(1, Some(key)), (2, value.as_ref())] {
            if let Some(text) = text {
                thrift::put_field(&mut bytes, &mut last, id, thrift::kind::BINARY);
                thrift::put_length(&mut bytes, text.len() as u64);
                out.write_all(&bytes).map_err(Error::io)?;
                out.write_all(text.as_bytes()).map_err(Error::io)?;
                bytes.clear();
            }
        }
        bytes.push(thrift::STOP);
    }
    // A field header contains the difference to the previous field id, which was 4 and is now 5.
    bytes.push(first - 0x10);
    out.write_all(&bytes).map_err(Error::io)?;
    out.write_all(after).map_err(Error::io)
}
