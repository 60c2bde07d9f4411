//! Helps to read the fields of a Thrift struct.

use taploom_thrift::{self as thrift, Input, Reader};

/// Reads a field into a variable, for `Reader::each_field`.
macro_rules! take {
    ($place:expr, $value:expr) => {{
        $place = $value?;
        Ok(taploom_thrift::Taken::Yes)
    }};
}
pub(super) use take;

/// The fields of a structure that were read. Readers refuse a structure without a field that
/// `parquet.thrift` requires.
#[derive(Default)]
pub(super) struct Seen(u32);

impl Seen {
    /// Records the id of a field, and returns it.
    pub(super) fn add(&mut self, id: i16) -> i16 {
        self.0 |= u32::try_from(id).ok().and_then(|id| 1_u32.checked_shl(id)).unwrap_or(0);
        id
    }

    /// Whether a field was read.
    pub(super) fn has(&self, id: u32) -> bool {
        self.0 >> id & 1 == 1
    }

    /// Checks that all required fields were read. Each comes with the words for an error about it.
    pub(super) fn check<I: Input>(
        &self,
        reader: &Reader<I>,
        required: &[(u32, &'static str)],
    ) -> thrift::Result<()> {
        match required.iter().find(|(id, _)| !self.has(*id)) {
            None => Ok(()),
            Some((_, what)) => Err(reader.malformed(what)),
        }
    }
}
