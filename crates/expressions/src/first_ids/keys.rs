//! Reads the values of a column as keys, which can be compared and looked up.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, FixedSizeBinaryArray, LargeBinaryArray,
    RecordBatch, make_array,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::{ArrowError, DataType};
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

/// A float of 16 bits.
type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// One value of a column, for comparisons with other values of that column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// No value.
    Null,
    /// A number, a truth value or a time.
    Word(u64),
    /// Text, bytes, or the comparable form of any other type.
    Bytes(&'a [u8]),
}

/// Reads the keys of one column.
#[derive(Debug)]
pub struct KeyReader {
    /// The position of the column, and its name.
    column: usize,
    name: String,
    /// For types that are neither numbers nor bytes.
    rows: Option<RowConverter>,
}

/// The keys of a column for some rows.
#[derive(Debug)]
pub struct Keys {
    /// For a dictionary, the position in `values` of each row's value.
    codes: Option<Codes>,
    values: Values,
}

#[derive(Debug)]
struct Codes {
    codes: ScalarBuffer<u64>,
    nulls: Option<NullBuffer>,
}

#[derive(Debug)]
enum Values {
    Words(ScalarBuffer<u64>, Option<NullBuffer>),
    Bytes(BinaryArray),
    LongBytes(LargeBinaryArray),
    FixedBytes(FixedSizeBinaryArray),
    Rows(Rows, Option<NullBuffer>),
}

impl KeyReader {
    /// A reader of the keys of the column at this position.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] naming the column if it does not exist or can't be compared (a map or a union).
    pub fn of_column(schema: &ResultSchema, column: usize) -> Result<Self> {
        let fields = schema.arrow().fields();
        let Some(field) = fields.get(column) else {
            let message = format!("column {} of {} does not exist", column + 1, fields.len());
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        };
        let data_type = match field.data_type() {
            DataType::Dictionary(_, values) => values,
            other => other,
        };
        let name = field.name().clone();
        let rows = match has_form(data_type) {
            true => None,
            false => Some(RowConverter::new(vec![SortField::new(data_type.clone())]).map_err(
                |cause| {
                    let message =
                        format!("values of {data_type} can't be compared; choose another column");
                    Error::new(ErrorKind::InvalidRequest, message)
                        .with_column(&name)
                        .with_source(cause)
                },
            )?),
        };
        Ok(Self { column, name, rows })
    }

    /// The keys of the rows of a batch.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] naming the column if the batch does not have it, or has it in another type.
    pub fn of_batch(&self, batch: &RecordBatch) -> Result<Keys> {
        let Some(array) = batch.columns().get(self.column) else {
            let message = format!("the batch has only {} columns", batch.num_columns());
            return Err(Error::new(ErrorKind::SchemaMismatch, message).with_column(&self.name));
        };
        self.of_array(array)
    }

    /// The keys of the values of an array.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] naming the column if the array is of another type.
    pub fn of_array(&self, array: &ArrayRef) -> Result<Keys> {
        let failed = |cause: ArrowError| {
            let message = "the values can't be read as keys";
            Error::new(ErrorKind::SchemaMismatch, message)
                .with_column(&self.name)
                .with_source(cause)
        };
        let keys = match array.as_any_dictionary_opt() {
            Some(dictionary) => {
                // Null rows may have any code; these are ignored.
                let codes = cast(dictionary.keys(), &DataType::UInt64).map_err(failed)?;
                let codes = codes.as_primitive::<UInt64Type>();
                let codes = Codes { codes: codes.values().clone(), nulls: codes.nulls().cloned() };
                values(dictionary.values(), self.rows.as_ref())
                    .map(|values| Keys { codes: Some(codes), values })
            }
            None => values(array, self.rows.as_ref()).map(|values| Keys { codes: None, values }),
        };
        keys.map_err(failed)
    }
}

/// Whether values are read as words or as bytes.
fn has_form(data_type: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Boolean, Date32, Date64, Duration, FixedSizeBinary, LargeBinary,
        LargeUtf8, Time32, Time64, Timestamp, Utf8, Utf8View,
    };
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(
            data_type,
            Boolean | Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) | Duration(_)
        )
        || matches!(
            data_type,
            Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView | FixedSizeBinary(_)
        )
}

fn values(array: &ArrayRef, rows: Option<&RowConverter>) -> Result<Values, ArrowError> {
    use DataType::{
        Binary, BinaryView, Date32, FixedSizeBinary, LargeBinary, LargeUtf8, Time32, UInt64, Utf8,
        Utf8View,
    };
    if let Some(rows) = rows {
        let nulls = array.logical_nulls();
        return Ok(Values::Rows(rows.convert_columns(&[with_one_zero(array)?])?, nulls));
    }
    Ok(match array.data_type() {
        Utf8 | Binary => Values::Bytes(cast(array, &Binary)?.as_binary::<i32>().clone()),
        LargeUtf8 | LargeBinary | Utf8View | BinaryView => {
            Values::LongBytes(cast(array, &LargeBinary)?.as_binary::<i64>().clone())
        }
        FixedSizeBinary(_) => Values::FixedBytes(array.as_fixed_size_binary().clone()),
        floats if floats.is_floating() => {
            let floats = cast(array, &DataType::Float64)?;
            let floats = with_one_zero(&floats)?;
            let words = floats.as_primitive::<Float64Type>().unary::<_, UInt64Type>(f64::to_bits);
            Values::Words(words.values().clone(), words.nulls().cloned())
        }
        UInt64 => {
            let words = array.as_primitive::<UInt64Type>();
            Values::Words(words.values().clone(), words.nulls().cloned())
        }
        other => {
            let counts = match other {
                Date32 | Time32(_) => cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?,
                _ => cast(array, &DataType::Int64)?,
            };
            let words =
                counts.as_primitive::<Int64Type>().unary::<_, UInt64Type>(i64::cast_unsigned);
            Values::Words(words.values().clone(), words.nulls().cloned())
        }
    })
}

/// The values with one form of zero instead of two, and one form of NaN instead of many; also within lists
/// and structs.
fn with_one_zero(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    // Adding zero turns minus zero into zero.
    fn half(value: Half) -> Half {
        if value.is_nan() { Half::NAN } else { value + Half::ZERO }
    }
    fn float(value: f32) -> f32 {
        if value.is_nan() { f32::NAN } else { value + 0.0 }
    }
    fn double(value: f64) -> f64 {
        if value.is_nan() { f64::NAN } else { value + 0.0 }
    }
    Ok(match array.data_type() {
        DataType::Float16 => {
            Arc::new(array.as_primitive::<Float16Type>().unary::<_, Float16Type>(half))
        }
        DataType::Float32 => {
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(float))
        }
        DataType::Float64 => {
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(double))
        }
        _ => {
            let data = array.to_data();
            if data.child_data().is_empty() {
                return Ok(ArrayRef::clone(array));
            }
            let children = data.child_data().iter().map(|child| {
                with_one_zero(&make_array(child.clone())).map(|child| child.to_data())
            });
            let children = children.collect::<Result<Vec<_>, _>>()?;
            make_array(data.into_builder().child_data(children).build()?)
        }
    })
}

impl Values {
    fn at(&self, row: usize) -> Key<'_> {
        fn bytes<'a>(array: &dyn Array, row: usize, value: impl FnOnce() -> &'a [u8]) -> Key<'a> {
            if array.is_null(row) { Key::Null } else { Key::Bytes(value()) }
        }
        match self {
            Self::Words(words, nulls) => match words.get(row) {
                Some(word) if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) => {
                    Key::Word(*word)
                }
                _ => Key::Null,
            },
            Self::Bytes(array) => bytes(array, row, || array.value(row)),
            Self::LongBytes(array) => bytes(array, row, || array.value(row)),
            Self::FixedBytes(array) => bytes(array, row, || array.value(row)),
            Self::Rows(_, Some(nulls)) if nulls.is_null(row) => Key::Null,
            Self::Rows(rows, _) => Key::Bytes(rows.row(row).data()),
        }
    }
}

impl Keys {
    /// The key of a row.
    ///
    /// # Panics
    /// For text and bytes, if the row does not exist.
    #[inline]
    pub fn key(&self, row: usize) -> Key<'_> {
        match &self.codes {
            None => self.values.at(row),
            Some(Codes { codes, nulls }) => match codes.get(row) {
                Some(code) if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) => {
                    usize::try_from(*code).map_or(Key::Null, |code| self.values.at(code))
                }
                _ => Key::Null,
            },
        }
    }

    /// Whether two rows have the same key. Equal codes of a dictionary are equal without a comparison of
    /// their values.
    ///
    /// # Panics
    /// As [`key`](Self::key).
    #[inline]
    pub fn is_same(&self, row: usize, other: usize) -> bool {
        if let Some(Codes { codes, nulls: None }) = &self.codes
            && codes[row] == codes[other]
        {
            return true;
        }
        self.key(row) == self.key(other)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Float64Type;
    use arrow_array::{Float16Array, Float32Array, ListArray, StructArray};
    use arrow_schema::{Field, Schema};

    use super::*;

    #[test]
    fn zero_and_nan_have_one_form_however_deep_they_are() {
        let doubles = [0.0, -0.0, 1.0, f64::NAN, -f64::NAN];
        let halves = doubles.map(Half::from_f64);
        let list = || {
            let rows = doubles.map(|value| Some(vec![Some(value), None]));
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows)) as ArrayRef
        };
        let within = StructArray::try_from(vec![("v", list())]).unwrap();
        let longer = ListArray::from_iter_primitive::<Float64Type, _, _>(
            [9.0, 0.0, -0.0, 1.0, f64::NAN, -f64::NAN].map(|value| Some(vec![Some(value), None])),
        );
        let columns: [ArrayRef; 6] = [
            Arc::new(Float16Array::from(halves.to_vec())),
            Arc::new(Float32Array::from(doubles.map(|value| value as f32).to_vec())),
            Arc::new(arrow_array::Float64Array::from(doubles.to_vec())),
            list(),
            Arc::new(within),
            Arc::new(longer.slice(1, 5)),
        ];
        for array in columns {
            let field = Field::new("k", array.data_type().clone(), true);
            let schema = ResultSchema::derived(Arc::new(Schema::new(vec![field])));
            let keys = KeyReader::of_column(&schema, 0).unwrap().of_array(&array).unwrap();
            let same =
                [(0, 1), (3, 4), (0, 2), (0, 3)].map(|(one, other)| keys.is_same(one, other));
            assert_eq!(same, [true, true, false, false], "{}", array.data_type());
        }
    }
}
