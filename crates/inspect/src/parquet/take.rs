//! A macro that reads a field into a variable.

/// Reads a field into a variable, for `Reader::each_field`.
macro_rules! take {
    ($place:expr, $value:expr) => {{
        $place = $value?;
        Ok(taploom_thrift::Taken::Yes)
    }};
}
pub(super) use take;
