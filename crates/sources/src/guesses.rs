//! Guesses of the types of columns, from values in files without types.

#[cfg(feature = "jsonl")]
use std::collections::{BTreeMap, HashMap};
#[cfg(any(feature = "csv", feature = "jsonl"))]
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The guesses for the columns of one file, or of several that are read as one table. Clones share them.
/// Formats with types don't use them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guesses(#[cfg(any(feature = "csv", feature = "jsonl"))] Arc<Mutex<Guessed>>);

impl Guesses {
    /// Locks the guesses, for reading and widening.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(crate) fn made(&self) -> MutexGuard<'_, Guessed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the types of any file were guessed.
    pub(crate) fn are_made(&self) -> bool {
        #[cfg(any(feature = "csv", feature = "jsonl"))]
        return !self.made().columns.is_empty();
        #[cfg(not(any(feature = "csv", feature = "jsonl")))]
        false
    }

    /// Whether columns are found by their names, so that a file may lack some of them.
    pub(crate) fn are_by_name(&self) -> bool {
        #[cfg(feature = "jsonl")]
        return !self.made().places.is_empty();
        #[cfg(not(feature = "jsonl"))]
        false
    }

    /// States that all files have been looked at: no column is missing.
    pub(crate) fn complete(&self) {
        #[cfg(feature = "jsonl")]
        {
            self.made().is_complete = true;
        }
    }
}

/// The guesses so far.
#[cfg(any(feature = "csv", feature = "jsonl"))]
#[derive(Debug, Default)]
pub(crate) struct Guessed {
    /// One guess per column, by position.
    pub(crate) columns: Vec<Guess>,
    /// The positions of columns that are found by name.
    #[cfg(feature = "jsonl")]
    places: HashMap<String, usize>,
    /// Whether files that are still to be looked at can't have further columns.
    #[cfg(feature = "jsonl")]
    pub(crate) is_complete: bool,
}

#[cfg(feature = "jsonl")]
impl Guessed {
    /// The position of the column of this name. A new name is that of a new column.
    pub(crate) fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.columns.len();
        self.places.insert(name.to_owned(), place);
        self.columns.push(Guess::Nothing);
        place
    }

    /// The names of the columns, by position.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![""; self.columns.len()];
        for (name, place) in &self.places {
            names[*place] = name;
        }
        names
    }
}

/// The narrowest type for all values so far.
#[cfg(any(feature = "csv", feature = "jsonl"))]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Guess {
    #[default]
    Nothing,
    Boolean,
    /// Integers that doubles represent exactly.
    Long,
    /// Integers, at least one of which a double would round.
    ExactLong,
    Double,
    Text,
    #[cfg(feature = "jsonl")]
    List(Box<Self>),
    #[cfg(feature = "jsonl")]
    Object(BTreeMap<String, Self>),
    /// Values of these two kinds, which no type has together.
    #[cfg(feature = "jsonl")]
    Mixed(&'static str, &'static str),
}

#[cfg(any(feature = "csv", feature = "jsonl"))]
impl Guess {
    /// The type of an integer.
    pub(crate) fn of_integer(number: i64) -> Self {
        if is_exact_in_double(number) { Self::Long } else { Self::ExactLong }
    }

    /// The type for the values of both guesses.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, another) if one == another => one,
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Long, Self::Double) | (Self::Double, Self::Long) => Self::Double,
            (Self::Long, Self::ExactLong) | (Self::ExactLong, Self::Long) => Self::ExactLong,
            #[cfg(feature = "jsonl")]
            (mixed @ Self::Mixed(..), _) | (_, mixed @ Self::Mixed(..)) => mixed,
            #[cfg(feature = "jsonl")]
            (Self::List(one), Self::List(another)) => Self::list(one.or(*another)),
            #[cfg(feature = "jsonl")]
            (Self::Object(one), Self::Object(another)) => Self::object(one, another),
            #[cfg(feature = "jsonl")]
            (one @ (Self::List(_) | Self::Object(_)), another)
            | (one, another @ (Self::List(_) | Self::Object(_))) => {
                Self::Mixed(one.noun(), another.noun())
            }
            // As doubles, the integers would be rounded.
            _ => Self::Text,
        }
    }

    /// Lists of such items.
    #[cfg(feature = "jsonl")]
    pub(crate) fn list(item: Self) -> Self {
        match item {
            mixed @ Self::Mixed(..) => mixed,
            item => Self::List(Box::new(item)),
        }
    }

    /// Objects with the members of both.
    #[cfg(feature = "jsonl")]
    pub(crate) fn object(
        mut members: BTreeMap<String, Self>,
        more: impl IntoIterator<Item = (String, Self)>,
    ) -> Self {
        for (name, guess) in more {
            let before = members.remove(&name).unwrap_or_default();
            let guess = before.or(guess);
            if let Self::Mixed(..) = guess {
                return guess;
            }
            members.insert(name, guess);
        }
        Self::Object(members)
    }

    #[cfg(feature = "jsonl")]
    fn noun(&self) -> &'static str {
        match self {
            Self::Nothing => "null",
            Self::Boolean => "true or false",
            Self::Long | Self::ExactLong | Self::Double => "a number",
            Self::Text => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Mixed(one, _) => one,
        }
    }
}

/// Whether a double represents the integer exactly, as it does all integers of up to 53 bits.
#[cfg(any(feature = "csv", feature = "jsonl"))]
fn is_exact_in_double(number: i64) -> bool {
    let bits = 64 - number.unsigned_abs().leading_zeros();
    bits.saturating_sub(number.trailing_zeros()) <= f64::MANTISSA_DIGITS
}

#[cfg(all(test, any(feature = "csv", feature = "jsonl")))]
mod tests {
    use super::*;

    #[test]
    fn a_double_holds_an_integer_that_comes_back() {
        let near = |number: i64| (-2..=2).map(move |more| number.saturating_add(more));
        let powers = (0..63).map(|power| 1_i64 << power).flat_map(|one| [one, -one, one | 1]);
        for number in powers.chain([0, i64::MIN, i64::MAX]).flat_map(near) {
            let back = number as f64 as i128 == i128::from(number);
            assert_eq!(is_exact_in_double(number), back, "{number}");
        }
    }
}
