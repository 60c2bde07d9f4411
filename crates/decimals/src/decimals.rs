//! Writes columns as text.

use crate::kernel::Kernel;
use crate::number::Number;
use crate::rows::Rows;
use crate::values::Values;
use crate::portable;

/// The text of cells that have no digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// A null.
    pub null: &'a str,
    /// Not a number.
    pub nan: &'a str,
    /// Positive infinity.
    pub infinity: &'a str,
    /// Negative infinity.
    pub negative_infinity: &'a str,
}

/// Writes columns of numbers as text: the shortest decimal that reads back to the same number.
#[derive(Debug, Clone, Copy)]
pub struct Decimals<'a> {
    words: Words<'a>,
    kernel: Kernel,
}

impl<'a> Decimals<'a> {
    /// Numbers with these words, by the fastest kernel for this processor.
    pub fn new(words: Words<'a>) -> Self {
        Self { words, kernel: Kernel::fastest() }
    }

    /// The kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Appends the text of each value to `text`, and the offset of its end to `ends`.
    pub fn append<N: Number>(&self, values: Values<'_, N>, text: &mut Vec<u8>, ends: &mut Vec<usize>) {
        match self.kernel {
            Kernel::Portable => portable::append(values, &self.words, text, ends),
        }
    }

    /// Appends the text of one value.
    ///
    /// ```
    /// use taploom_decimals::{Decimals, Words};
    ///
    /// let words = Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };
    /// let mut text = b"x = ".to_vec();
    /// Decimals::new(words).append_one(0.1_f32, &mut text);
    /// assert_eq!(text, b"x = 0.1");
    /// ```
    #[inline]
    pub fn append_one<N: Number>(&self, value: N, to: &mut Vec<u8>) {
        portable::append_one(value, &self.words, to);
    }

    /// Appends `before` and the text of a value to each row: the first value to the first row. Values beyond the last row
    /// are not written.
    ///
    /// ```
    /// use taploom_decimals::{Decimals, Rows, Values, Words};
    ///
    /// let decimals = Decimals::new(Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" });
    /// let mut rows = Rows::default();
    /// rows.start(2, 8);
    /// decimals.append_to_rows(Values::new(&[1_i32, 20]), b"", &mut rows);
    /// decimals.append_to_rows(Values::new(&[0.5, 1e23]), b",", &mut rows);
    /// assert_eq!(rows.iter().collect::<Vec<_>>(), [&b"1,0.5"[..], b"20,1e+23"]);
    /// ```
    pub fn append_to_rows<N: Number>(&self, values: Values<'_, N>, before: &[u8], rows: &mut Rows) {
        match self.kernel {
            Kernel::Portable => portable::append_to_rows(values, &self.words, before, rows),
        }
    }
}
