//! Reading a field into a place.

/// Reads a field into a place, for `Reader::each_field`.
macro_rules! take {
    ($place:expr, $value:expr) => {{
        $place = $value?;
        Ok(taploom_thrift::Taken::Yes)
    }};
}
pub(super) use take;
