//! Writes one column as text. The strategy is chosen once, at the start.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use taploom_format::{CellLosses, CellShape, Column, Datatype, Error, ErrorKind, Result};
use taploom_text::{BITS, Cells, ColumnText, Elements, TABLEDATA};

use crate::charset::{Charset, Length};
use crate::tabledata::lists::{Numbers, Strings};
use crate::tabledata::text::Text;

/// Writes the cells of one column. A null is an empty cell.
pub(crate) struct TextColumn {
    name: String,
    kind: Kind,
}

enum Kind {
    Scalars(Elements<'static>),
    Text(Text),
    Numbers(Numbers),
    Strings(Strings),
}

impl TextColumn {
    pub(crate) fn new(column: &Column) -> Result<Self> {
        let vo_type = column.vo_type()?;
        let kind = match (Charset::of(vo_type.datatype), vo_type.cell()) {
            (Some(charset), CellShape::Text { length }) => {
                Kind::Text(Text { charset, most: Length::of(length).most() })
            }
            (Some(charset), CellShape::Texts { length, .. }) => {
                Kind::Strings(Strings(Text { charset, most: length as usize }))
            }
            (_, CellShape::Array { .. }) => Kind::Numbers(Numbers::new(column, vo_type.datatype)?),
            _ => {
                let spelling = if vo_type.datatype == Datatype::Bit { &BITS } else { &TABLEDATA };
                Kind::Scalars(Elements::new(&vo_type.datatype.element(), spelling, "", "")?)
            }
        };
        Ok(Self { name: column.name().to_owned(), kind })
    }
}

impl ColumnText for TextColumn {
    fn append(&self, array: &ArrayRef, rows: Range<usize>, to: &mut Cells) -> Result<CellLosses> {
        let first = rows.start;
        let mut losses = CellLosses::default();
        match &self.kind {
            Kind::Scalars(elements) => elements.append_cells(array, rows, to),
            Kind::Text(text) => {
                let texts = array.as_string::<i32>();
                to.extend_strings(texts, rows, "", &text.escaping(), |string, to| {
                    losses += text.append(string, to).losses;
                });
            }
            Kind::Numbers(numbers) => {
                let lists = array.as_list::<i32>();
                to.try_extend(array, rows, "", |row, to| {
                    numbers.append(lists, row, to).map_err(|message| {
                        Error::new(ErrorKind::InvalidValue, message)
                            .with_column(&self.name)
                            .with_row((row - first) as u64 + 1)
                    })
                })?;
            }
            Kind::Strings(strings) => {
                let lists = array.as_list::<i32>();
                to.extend(array, rows, "", |row, to| losses += strings.append(lists, row, to));
            }
        }
        Ok(losses)
    }
}
