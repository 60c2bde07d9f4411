//! Writes columns as text.

use crate::cells::Cells;
use crate::kernel::{Code, Kernel};
use crate::number::Number;
use crate::rows::Rows;
use crate::values::Values;
use crate::words::{ShortWords, Words};

/// Values for which room is made at a time.
const BLOCK: usize = 256;

/// Writes columns of numbers as text: the shortest decimal that reads back to the same number.
#[derive(Debug, Clone, Copy)]
pub struct Decimals<'a> {
    words: ShortWords<'a>,
    code: Code,
}

impl<'a> Decimals<'a> {
    /// Numbers with these words, by the fastest kernel for this processor.
    pub fn new(words: Words<'a>) -> Self {
        Self { words: ShortWords::new(words), code: Code::fastest() }
    }

    /// Numbers with these words, by this kernel; `None` if the processor lacks its instructions.
    ///
    /// ```
    /// use taploom_decimals::{Decimals, Kernel, Words};
    ///
    /// let words = Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };
    /// assert!(Kernel::available().all(|kernel| Decimals::with_kernel(words, kernel).is_some()));
    /// ```
    pub fn with_kernel(words: Words<'a>, kernel: Kernel) -> Option<Self> {
        Code::of(kernel).map(|code| Self { words: ShortWords::new(words), code })
    }

    /// The kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.code.kernel()
    }

    /// Appends the text of each value to `text`, and the offset of its end to `ends`.
    pub fn append<N: Number>(
        &self,
        values: Values<'_, N>,
        text: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) {
        let room = self.words.room();
        let mut start = text.len();
        for block in values.blocks(BLOCK) {
            let needed = start + block.len() * room;
            if text.len() < needed {
                text.resize(needed, 0);
            }
            let first = ends.len();
            ends.resize(first + block.len(), 0);
            let cells = Cells { text, ends: &mut ends[first..], rows: false, start };
            start = self.code.write(block, &self.words, cells);
        }
        text.truncate(start);
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
        self.words.append(value, to);
    }

    /// Appends `before` and the text of a value to each row: the first value to the first row. Values beyond the last
    /// row are not written.
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
        let values = values.first(rows.len());
        let words = match before {
            [] => self.words,
            [lead] => self.words.with_lead(*lead),
            _ => {
                rows.append_to_each(values.len(), before);
                self.words
            }
        };
        let cells = rows.cells(values.len(), words.room());
        self.code.write(values, &words, cells);
    }
}
