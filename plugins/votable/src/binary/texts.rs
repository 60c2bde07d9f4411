//! Strings, one per cell.

use arrow_array::cast::AsArray;

use crate::binary::column::{CellWriter, Cells, Width};
use crate::binary::row_block::RowBlock;
use crate::cells::text_of;
use crate::charset::{Charset, Length};
use crate::misfit::Misfit;

/// Writes strings, padded with NUL or with a count before them.
pub(crate) struct TextWriter {
    charset: Charset,
    length: Length,
}

impl TextWriter {
    pub(crate) fn new(charset: Charset, length: Length) -> Self {
        Self { charset, length }
    }
}

impl CellWriter for TextWriter {
    fn width(&self) -> Width {
        match self.length {
            Length::Fixed(length) => Width::Fixed(length * self.charset.unit()),
            Length::AtMost(_) => Width::Variable,
        }
    }

    fn add_widths(&self, cells: Cells<'_>, widths: &mut [usize]) {
        if let Length::AtMost(most) = self.length {
            let texts = cells.array.as_string::<i32>();
            for (row, width) in widths.iter_mut().enumerate() {
                let fitting = self.charset.fit(text_of(texts, cells.first + row), most);
                *width += fitting.units * self.charset.unit();
            }
        }
    }

    fn write(&self, cells: Cells<'_>, offset: usize, block: &mut RowBlock) -> Result<u64, Misfit> {
        let texts = cells.array.as_string::<i32>();
        let mut truncated = 0;
        for row in 0..cells.rows {
            let text = text_of(texts, cells.first + row);
            let fitting = self.charset.fit(text, self.length.most());
            truncated += u64::from(fitting.text.len() < text.len());
            let place = match self.length {
                Length::Fixed(length) => block.fixed(row, offset, length * self.charset.unit()),
                // An Arrow string has at most 2^31 bytes, and at most as many
                // units.
                Length::AtMost(_) => {
                    let width = fitting.units * self.charset.unit();
                    block.variable(row, offset, fitting.units as u32, width)
                }
            };
            self.charset.write(fitting, place);
        }
        Ok(truncated)
    }
}
