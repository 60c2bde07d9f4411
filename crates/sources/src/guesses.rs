//! Guesses of types that hold for several files.

#[cfg(feature = "csv")]
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "csv")]
use crate::file::csv::guess::Guess;

/// The guesses from all files so far, for the columns of text files, by position. Clones share them.
/// Formats with types don't use them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guesses(#[cfg(feature = "csv")] Arc<Mutex<Vec<Guess>>>);

impl Guesses {
    /// Locks the guesses, for reading and widening.
    #[cfg(feature = "csv")]
    pub(crate) fn made(&self) -> MutexGuard<'_, Vec<Guess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the types of any file were guessed.
    pub(crate) fn are_made(&self) -> bool {
        #[cfg(feature = "csv")]
        return !self.made().is_empty();
        #[cfg(not(feature = "csv"))]
        false
    }
}

#[cfg(any(feature = "csv", feature = "jsonl"))]
/// Whether a double represents the integer exactly, as it does all integers of up to 53 bits.
pub(crate) fn is_exact_in_double(number: i64) -> bool {
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
