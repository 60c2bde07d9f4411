//! Arrays as text, one element after the other.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ListArray};
use taploom_format::{CellLosses, Column, Datatype, Result};
use taploom_text::{BITS, Elements, TABLEDATA};

use crate::cells::{elements_of, text_of};
use crate::nulls::{NO_NULL_BIT, NO_NULL_ELEMENT};
use crate::tabledata::text::Text;

/// Numbers, booleans and bits.
pub(crate) struct Numbers {
    elements: Elements<'static>,
    /// The text of a null element, or the reason why it can't be written.
    null: Result<String, &'static str>,
}

impl Numbers {
    pub(crate) fn new(column: &Column, datatype: Datatype) -> Result<Self> {
        let given = column.metadata().null_value.as_deref().map(str::to_owned);
        let null = match datatype {
            Datatype::Boolean => Ok("?".to_owned()),
            Datatype::Bit => Err(NO_NULL_BIT),
            datatype if datatype.is_integer() => given.ok_or(NO_NULL_ELEMENT),
            _ => Ok(TABLEDATA.nan.to_owned()),
        };
        let spelling = if datatype == Datatype::Bit { &BITS } else { &TABLEDATA };
        let elements = Elements::new(&datatype.element(), spelling, " ", "")?;
        Ok(Self { elements, null })
    }

    /// Appends the elements of a list.
    pub(crate) fn append(
        &self,
        lists: &ListArray,
        row: usize,
        to: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let range = elements_of(lists, row);
        let values = lists.values().slice(range.start, range.len());
        let mut elements: Elements<'_> = self.elements;
        match &self.null {
            Ok(null) => elements.null = null,
            Err(why) if values.null_count() > 0 => return Err(why),
            Err(_) => {}
        }
        elements.append(&values, to);
        Ok(())
    }
}

/// Strings of one length, padded with spaces, so that readers can tell where the next string
/// begins.
pub(crate) struct Strings(pub(crate) Text);

impl Strings {
    /// Appends the strings of a list.
    pub(crate) fn append(&self, lists: &ListArray, row: usize, to: &mut Vec<u8>) -> CellLosses {
        let texts = lists.values().as_string::<i32>();
        let mut cell = CellLosses::default();
        for index in elements_of(lists, row) {
            let appended = self.0.append(text_of(texts, index), to);
            cell += appended.losses;
            to.resize(to.len() + self.0.most - appended.units, b' ');
        }
        // The losses in the strings of one cell.
        CellLosses { truncated: cell.truncated.min(1), altered: cell.altered.min(1) }
    }
}
