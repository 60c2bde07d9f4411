//! Writes cells as bytes.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use taploom_format::{CellLosses, Error, ErrorKind, Result};

use crate::encoder::Piece;
use crate::faults::{Fault, rows, starts, summary, values};
use crate::format::{ByteOrder, ColumnLayout, Layout, has_null, reserved};

/// The destination of the values of a cell.
pub(crate) struct Cell<'a> {
    pub(crate) fault: Fault,
    pub(crate) order: ByteOrder,
    pub(crate) column: &'a ColumnLayout,
    pub(crate) bytes: &'a mut Vec<u8>,
    pub(crate) losses: &'a mut CellLosses,
}

pub(crate) fn append_rows(layout: &Layout, batch: &RecordBatch, piece: &mut Piece) -> Result<()> {
    let fault = layout.fault;
    let columns = rows::columns(layout, batch);
    for row in 0..batch.num_rows() {
        piece.bytes.push(b'R');
        for (index, array) in columns.iter().enumerate() {
            let column = &layout.columns[index];
            let is_null = rows::is_null(fault, array, row);
            if layout.narrow {
                check_narrow(fault, array, row, is_null, column).map_err(|error| {
                    let row = starts::row(fault, piece.first_row, row as u64);
                    error.with_column(&column.name).with_row(row + 1)
                })?;
            }
            let mut cell = Cell {
                fault,
                order: layout.order,
                column,
                bytes: &mut piece.bytes,
                losses: &mut piece.losses[index],
            };
            if values::instead(&mut cell, array, row) {
                continue;
            }
            if column.nullable || fault == Fault::NotNullableFlagged {
                let is_null = values::is_null(&cell, array, row, is_null);
                if fault != Fault::NullableIgnored {
                    cell.bytes.push(u8::from(!is_null));
                }
                if is_null && fault != Fault::NullableIgnored {
                    continue;
                }
            }
            append(&mut cell, array, row)?;
        }
    }
    Ok(())
}

fn check_narrow(
    fault: Fault,
    array: &ArrayRef,
    row: usize,
    is_null: bool,
    column: &ColumnLayout,
) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidValue, message));
    if is_null && !has_null(&column.vo_type) && fault != Fault::NullTaken {
        return wrong("a bit can't be null");
    }
    if let (Some(reserved), DataType::Int16) =
        (reserved(column.vo_type.datatype), array.data_type())
        && !is_null
        && fault != Fault::ReservedValueTaken
        && i64::from(array.as_primitive::<Int16Type>().value(row)) == reserved
    {
        return wrong("the value stands for null");
    }
    Ok(())
}

/// Appends a value: a cell, or an element of a list.
pub(crate) fn append(cell: &mut Cell<'_>, array: &ArrayRef, row: usize) -> Result<()> {
    macro_rules! number {
        ($type:ty, $change:path) => {{
            let value = $change(cell.fault, array.as_primitive::<$type>().value(row));
            match cell.order {
                ByteOrder::Little => cell.bytes.extend_from_slice(&value.to_le_bytes()),
                ByteOrder::Big => cell.bytes.extend_from_slice(&value.to_be_bytes()),
            }
        }};
    }
    match array.data_type() {
        DataType::Boolean => {
            let flag = rows::flag(cell.fault, array.as_boolean(), row);
            cell.bytes.push(u8::from(values::flag(cell.fault, flag)));
        }
        DataType::UInt8 => number!(UInt8Type, values::same),
        DataType::Int16 => number!(Int16Type, values::same),
        DataType::Int32 => number!(Int32Type, values::same),
        DataType::Int64 => number!(Int64Type, values::long),
        DataType::Float32 => number!(Float32Type, values::float),
        DataType::Float64 => number!(Float64Type, values::double),
        DataType::Utf8 => {
            let text = rows::text(cell.fault, array.as_string::<i32>(), row);
            append_text(cell, &text);
        }
        DataType::List(_) => append_list(cell, array, row)?,
        other => {
            let message = format!("{other} is not a canonical type");
            return Err(Error::new(ErrorKind::Internal, message));
        }
    }
    Ok(())
}

fn append_list(cell: &mut Cell<'_>, array: &ArrayRef, row: usize) -> Result<()> {
    let lists = array.as_list::<i32>();
    let (start, end) = rows::elements(cell.fault, lists, row);
    let elements: Vec<usize> = (start..end)
        .filter(|index| values::keeps_element(cell.fault, lists.values(), *index))
        .collect();
    let count = values::count(cell.fault, elements.len());
    cell.bytes.extend_from_slice(&(count as u32).to_le_bytes());
    for index in elements.into_iter().take(count) {
        let is_valid = lists.values().is_valid(index);
        cell.bytes.push(u8::from(is_valid));
        if is_valid {
            append(cell, lists.values(), index)?;
        }
    }
    Ok(())
}

fn append_text(cell: &mut Cell<'_>, text: &str) {
    let text = values::text(cell.fault, text);
    let text = summary::ascii(cell, &text);
    let text = summary::cut(cell, &text);
    let bytes = values::text_bytes(cell.fault, text.as_bytes());
    cell.bytes.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    cell.bytes.extend_from_slice(bytes);
}
