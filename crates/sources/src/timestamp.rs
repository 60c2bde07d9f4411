//! Parses timestamps in text.

use std::sync::OnceLock;

use arrow_array::timezone::Tz;
use arrow_cast::parse::string_to_datetime;

/// Microseconds since 1970 for a text of the form `YYYY-MM-DD hh:mm:ss`, with a space or a T and up to six
/// decimals of the second. Without a time zone it is in UTC. `None` for other texts.
pub(crate) fn micros_of_text(text: &str) -> Option<i64> {
    let instant = string_to_datetime(&utc(), text).ok()?;
    (instant.timestamp_subsec_nanos() % 1000 == 0).then(|| instant.timestamp_micros())
}

/// The time zone of timestamps without one.
fn utc() -> Tz {
    static UTC: OnceLock<Tz> = OnceLock::new();
    *UTC.get_or_init(|| "+00:00".parse().unwrap_or_else(|_| unreachable!("a fixed offset of zero")))
}
