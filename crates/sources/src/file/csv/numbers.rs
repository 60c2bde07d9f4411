//! Parses numbers in text.

use std::str::FromStr;

pub(super) fn integer<I: FromStr>(text: &str) -> Option<I> {
    text.parse().ok()
}

/// Parses decimals, and `NaN`, `Infinity` and `inf` in any case and with any sign. A number that is out of
/// range is an error instead of an infinity.
pub(super) fn float<F: FromStr + Into<f64> + Copy>(text: &str) -> Option<F> {
    let value = text.parse::<F>().ok()?;
    let is_word = text.contains(['n', 'N']);
    (is_word || !value.into().is_infinite()).then_some(value)
}
