//! Guesses the types of columns from their values.

use taploom_model::{Arraysize, Datatype, VoType};

use super::numbers::float;
use crate::guesses::Guess;

/// Number of rows from which the types of columns are guessed.
pub(super) const GUESS_ROWS: usize = 1000;
/// Memory of the rows at which they are enough, though they are fewer.
pub(super) const GUESS_BYTES: usize = 64 << 20;

impl Guess {
    /// The guess for these values of a column. A value that is not UTF-8 is `None`.
    pub(super) fn of<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Self {
        values.map(Self::of_one).fold(Self::Nothing, Self::or)
    }

    fn of_one(value: Option<&str>) -> Self {
        let Some(value) = value else { return Self::Text };
        let value = value.trim();
        let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
        if value.is_empty() {
            Self::Nothing
        } else if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
            Self::Boolean
        } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // As a number, the value would lose leading zeros or digits.
            let has_zeros = digits.len() > 1 && digits.starts_with('0');
            match value.parse::<i64>() {
                Ok(number) if !has_zeros => Self::of_integer(number),
                _ => Self::Text,
            }
        } else if float::<f64>(value).is_some() {
            Self::Double
        } else {
            Self::Text
        }
    }

    /// The type of a column of text files, which have single values only.
    pub(super) fn vo_type(&self) -> VoType {
        let datatype = match self {
            Self::Boolean => Datatype::Boolean,
            Self::Long | Self::ExactLong => Datatype::Long,
            Self::Double => Datatype::Double,
            _ => Datatype::UnicodeChar,
        };
        let arraysize = datatype.is_text().then_some(Arraysize::FREE);
        VoType { datatype, arraysize, xtype: None }
    }
}

/// Replaces both the guesses of all earlier files and the guesses of one file by types for the values of
/// both.
pub(super) fn widen(all: &mut Vec<Guess>, file: &mut [Guess]) {
    all.resize(all.len().max(file.len()), Guess::Nothing);
    for (all, file) in all.iter_mut().zip(file) {
        *all = std::mem::take(all).or(std::mem::take(file));
        file.clone_from(all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_tell_a_type_that_holds_them_all() {
        for (values, expected) in [
            (&["", ""][..], Guess::Nothing),
            (&["true", "", "FALSE"], Guess::Boolean),
            (&["1", "-9223372036854775808"], Guess::Long),
            (&["0", "+5", " 7 "], Guess::Long),
            (&["1", "", "2.5"], Guess::Double),
            (&["9007199254740992", "2.5"], Guess::Double),
            (&["9007199254740993", "1"], Guess::ExactLong),
            (&["9007199254740993", "2.5"], Guess::Text),
            (&["2.5", "1", "-9007199254740993"], Guess::Text),
            (&["-9223372036854775808", "2.5"], Guess::Double),
            (&["NaN", "inf", "-Infinity", "+Inf", "1e300"], Guess::Double),
            (&["007", "8"], Guess::Text),
            (&["9223372036854775808"], Guess::Text),
            (&["1e999"], Guess::Text),
            (&["true", "1"], Guess::Text),
            (&["1 2 3"], Guess::Text),
            (&["2024-02-29"], Guess::Text),
        ] {
            let guess = Guess::of(values.iter().map(|value| Some(*value)));
            assert_eq!(guess, expected, "{values:?}");
        }
    }
}
