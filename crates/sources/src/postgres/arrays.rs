//! Converts arrays and shapes to lists of numbers.

use arrow_array::builder::PrimitiveBuilder;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, builder::ArrayBuilder};
use arrow_schema::FieldRef;
use taploom_model::{Arraysize, Result};

use super::cells::{CellReader, cells};
use super::sphere::Shape;
use crate::server::cells::{BadCell, Cells, Unfit};
use crate::server::lists::ListEnds;

/// Arrays of numbers or booleans, as the server's `array_send` writes them.
///
/// The elements of an array with several dimensions are kept in the order in which the server sends them: the last
/// index varies fastest. It is the first dimension of an arraysize in VOTable that varies fastest, so an array with 3
/// rows of 2 elements has the arraysize 2x3.
pub(super) struct ArrayCells {
    elements: Box<dyn Cells>,
    ends: ListEnds,
}

impl ArrayCells {
    pub(super) fn new(item: FieldRef, dimensions: Arraysize) -> Result<Self> {
        let elements = cells(CellReader::Binary, item.data_type(), None)?;
        Ok(Self { elements, ends: ListEnds::new(item, dimensions) })
    }
}

impl Cells for ArrayCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        let mut rest = cell;
        let dimensions = word(&mut rest)?;
        // Whether there are nulls, and the type of the elements, which are both known otherwise.
        let (_, _) = (word(&mut rest)?, word(&mut rest)?);
        // The server has arrays of up to 6 dimensions. An empty one has none.
        if dimensions > 6 {
            return Err(BadCell::Malformed);
        }
        let mut lengths = [0; 6];
        let lengths = &mut lengths[..dimensions as usize];
        for length in lengths.iter_mut() {
            *length = word(&mut rest)?;
            // The index of the first element is lost, as it is in psql's text of an ordinary array.
            word(&mut rest)?;
        }
        if let [_, inner @ ..] = &lengths[..]
            && !inner.is_empty()
            && !inner.iter().rev().eq(self.ends.dimensions().inner())
        {
            return Err(several_dimensions(lengths));
        }
        let mut count = 0;
        while !rest.is_empty() {
            match word(&mut rest)?.cast_signed() {
                -1 => self.elements.append_null(),
                length => {
                    let length = usize::try_from(length).map_err(|_| BadCell::Malformed)?;
                    let (element, after) =
                        rest.split_at_checked(length).ok_or(BadCell::Malformed)?;
                    self.elements.append(element)?;
                    rest = after;
                }
            }
            count += 1;
        }
        let mut all = lengths.iter().map(|length| *length as usize);
        let expected = match dimensions {
            0 => Some(0),
            _ => all.try_fold(1_usize, usize::checked_mul),
        };
        if Some(count) != expected {
            return Err(BadCell::Malformed);
        }
        self.ends.end(count)
    }

    fn append_null(&mut self) {
        self.ends.end_null();
    }

    fn finish(&mut self, _rows: usize) -> Result<ArrayRef> {
        let elements = self.elements.finish(0)?;
        self.ends.finish(elements)
    }
}

fn word(rest: &mut &[u8]) -> Result<u32, BadCell> {
    let (word, after) = rest.split_first_chunk().ok_or(BadCell::Malformed)?;
    *rest = after;
    Ok(u32::from_be_bytes(*word))
}

/// The error for an array whose dimensions are not declared.
#[cold]
fn several_dimensions(lengths: &[u32]) -> BadCell {
    let words = |lengths: &mut dyn Iterator<Item = &u32>| {
        let words: Vec<String> = lengths.map(ToString::to_string).collect();
        words.join("x")
    };
    let shown = format!("an array of {} elements", words(&mut lengths.iter()));
    let inner = words(&mut lengths.iter().skip(1).rev());
    let remedy = format!(
        "; declare arraysize {inner}x* with --columns, if all arrays have this form, or char with arraysize * for text"
    );
    BadCell::Unfit(Box::new(Unfit { shown, remedy: Some(remedy) }))
}

/// Shapes on the sphere, as lists of degrees.
pub(super) struct ShapeCells {
    shape: Shape,
    numbers: PrimitiveBuilder<Float64Type>,
    ends: ListEnds,
}

impl ShapeCells {
    pub(super) fn new(item: FieldRef, shape: Shape, dimensions: Arraysize) -> Self {
        let numbers = PrimitiveBuilder::with_capacity(0);
        Self { shape, numbers, ends: ListEnds::new(item, dimensions) }
    }
}

impl Cells for ShapeCells {
    fn append(&mut self, cell: &[u8]) -> Result<(), BadCell> {
        let count = self.shape.parse(cell, |number| self.numbers.append_value(number));
        let count = count.ok_or_else(|| BadCell::unfit_text(cell))?;
        self.ends.end(count)
    }

    fn append_null(&mut self) {
        self.ends.end_null();
    }

    fn finish(&mut self, _rows: usize) -> Result<ArrayRef> {
        let numbers = ArrayBuilder::finish(&mut self.numbers);
        self.ends.finish(numbers)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field};

    use super::*;

    #[test]
    fn an_array_that_can_not_be_whole_is_malformed() {
        let item = Arc::new(Field::new_list_field(DataType::Int32, true));
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let huge = u32::MAX;
        let cells: [Vec<u8>; 5] = [
            words(&[]),
            words(&[7, 0, 23]),
            words(&[1, 0, 23, 2, 1, 4, 5]),
            words(&[1, 0, 23, 1, 1, 400, 5]),
            words(&[3, 0, 23, huge, 1, huge, 1, huge, 1]),
        ];
        let is_malformed = cells.map(|cell| {
            let shape = format!("{huge}x{huge}x*").parse().unwrap();
            let shape = if cell.len() == 36 { shape } else { Arraysize::FREE };
            let appended = ArrayCells::new(Arc::clone(&item), shape).unwrap().append(&cell);
            matches!(appended, Err(BadCell::Malformed))
        });
        assert_eq!(is_malformed, [true; 5]);
    }
}
