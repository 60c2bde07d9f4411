//! What values are, of files that do not say so, when several files are one table.

#[cfg(feature = "csv")]
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "csv")]
use crate::file::csv::guess::Guess;

/// The guesses of all files so far, of the columns of text files by position. Clones are the same guesses. Without text
/// files, nothing is guessed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guesses(#[cfg(feature = "csv")] Arc<Mutex<Vec<Guess>>>);

impl Guesses {
    /// The guesses, to be read and widened.
    #[cfg(feature = "csv")]
    pub(crate) fn made(&self) -> MutexGuard<'_, Vec<Guess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any file had columns whose types were guessed.
    pub(crate) fn are_made(&self) -> bool {
        #[cfg(feature = "csv")]
        return !self.made().is_empty();
        #[cfg(not(feature = "csv"))]
        false
    }
}

#[cfg(any(feature = "csv", feature = "jsonl"))]
/// Whether a double holds the integer. All integers of up to 53 bits are held.
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
