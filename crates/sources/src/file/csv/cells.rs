//! Converts values of separated text to the Arrow types of their columns.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, FixedSizeListBuilder, ListBuilder, PrimitiveBuilder,
    StringBuilder,
};
use arrow_array::types::{
    BooleanType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::{DataType, Field};
use taploom_model::{Arraysize, CellShape, Datatype, Error, ErrorKind, VoType};

use super::block::Column;
use super::guess::GUESS_ROWS;
use super::numbers::{float, integer};
#[cfg(feature = "ecsv")]
use super::text_types::TextType;
use crate::guesses::Guess;

/// Builds the array of a column.
pub(in crate::file) struct ColumnBuilder {
    name: String,
    /// The name of the type, for messages.
    type_name: String,
    data_type: DataType,
    /// Whether a quoted empty value is an empty value instead of a null.
    has_empty: bool,
    is_guessed: bool,
    build: Box<dyn AppendText>,
}

impl ColumnBuilder {
    /// A column with a given type.
    pub(super) fn declared(name: &str, vo_type: &VoType) -> Self {
        let build = builder(vo_type);
        Self {
            name: name.to_owned(),
            type_name: vo_type.to_string(),
            data_type: data_type(vo_type),
            has_empty: has_empty(vo_type),
            is_guessed: false,
            build,
        }
    }

    /// A column of an ECSV file.
    #[cfg(feature = "ecsv")]
    pub(in crate::file) fn of_text_type(name: &str, text_type: TextType, has_empty: bool) -> Self {
        let (data_type, build) = text_type.builder();
        Self {
            name: name.to_owned(),
            type_name: data_type.to_string(),
            has_empty: has_empty && data_type == DataType::Utf8,
            data_type,
            is_guessed: false,
            build,
        }
    }

    /// A column whose type was guessed from its first values.
    pub(super) fn guessed(name: &str, guess: &Guess) -> Self {
        let vo_type = guess.vo_type();
        let type_name = vo_type.datatype.to_string();
        Self { is_guessed: true, type_name, ..Self::declared(name, &vo_type) }
    }

    pub(in crate::file) fn name(&self) -> &str {
        &self.name
    }

    /// The Arrow type of the cells.
    pub(in crate::file) fn data_type(&self) -> DataType {
        self.data_type.clone()
    }

    /// Appends values.
    ///
    /// # Errors
    /// The index of the first value that does not fit the type, and [`ErrorKind::InvalidValue`] naming the column.
    pub(super) fn append(&mut self, values: &Column<'_>) -> Result<(), (usize, Error)> {
        self.build.append_all(values.clone(), self.has_empty).map_err(|index| {
            let value = values.clone().nth(index);
            (index, self.misfit(value.and_then(|value| value.text)))
        })
    }

    /// The error of a value that does not fit the type. `None` is a value that is not UTF-8.
    fn misfit(&self, text: Option<&str>) -> Error {
        let message = match text {
            None => "a value is not UTF-8".to_owned(),
            Some(text) => {
                let shown: String = text.chars().take(40).collect();
                let dots = if shown.len() < text.len() { "..." } else { "" };
                let remedy = match self.is_guessed {
                    false => String::new(),
                    true => format!(
                        " as in the first {GUESS_ROWS} rows; give the datatype of the column with --columns"
                    ),
                };
                format!("{shown:?}{dots} is not of type {}{remedy}", self.type_name)
            }
        };
        Error::new(ErrorKind::InvalidValue, message).with_column(&self.name)
    }

    /// Returns the cells that were appended since the last call.
    pub(super) fn finish(&mut self) -> ArrayRef {
        self.build.finish()
    }
}

fn data_type(vo_type: &VoType) -> DataType {
    match is_one_complex_number(vo_type) {
        // Without an arraysize, a list of any length would be an array of complex numbers.
        true => pair(vo_type.datatype.element()),
        false => vo_type.carrier(),
    }
}

/// The type of a complex number.
pub(super) fn pair(element: DataType) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new_list_field(element, true)), 2)
}

fn has_empty(vo_type: &VoType) -> bool {
    match vo_type.cell() {
        CellShape::Text { .. } => true,
        CellShape::Array { dimensions } => dimensions.takes(0),
        // An empty array of strings is written `[]`.
        CellShape::Scalar | CellShape::Texts { .. } => false,
    }
}

/// Parses and collects the cells of a column.
pub(super) trait AppendText: Send {
    /// Appends a cell that is not null. Returns `None` if it does not fit.
    fn append(&mut self, text: &str) -> Option<()>;

    fn append_null(&mut self);

    /// Appends cells. An empty one is a null, unless it is quoted and the type has empty values; so is one of blanks
    /// only, if the type has no empty values. Returns the index of the first that does not fit or is not UTF-8.
    ///
    /// Each type has its own copy of this method: one call appends many cells.
    fn append_all(&mut self, cells: Column<'_>, has_empty: bool) -> Result<(), usize> {
        for (index, cell) in cells.enumerate() {
            let text = cell.text.ok_or(index)?;
            if text.is_empty() && !(cell.is_quoted && has_empty) {
                self.append_null();
            } else if self.append(text).is_none() {
                if has_empty || !text.trim().is_empty() {
                    return Err(index);
                }
                self.append_null();
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef;
}

fn builder(vo_type: &VoType) -> Box<dyn AppendText> {
    match vo_type.datatype {
        Datatype::Boolean | Datatype::Bit => of::<BooleanType>(vo_type),
        Datatype::UnsignedByte => of::<UInt8Type>(vo_type),
        Datatype::Short => of::<Int16Type>(vo_type),
        Datatype::Int => of::<Int32Type>(vo_type),
        Datatype::Long => of::<Int64Type>(vo_type),
        Datatype::Float | Datatype::FloatComplex => of::<Float32Type>(vo_type),
        Datatype::Double | Datatype::DoubleComplex => of::<Float64Type>(vo_type),
        Datatype::Char | Datatype::UnicodeChar => match vo_type.cell() {
            CellShape::Texts { dimensions, .. } => {
                Box::new(Texts { lists: ListBuilder::new(StringBuilder::new()), dimensions })
            }
            _ => Box::new(Text(StringBuilder::new())),
        },
    }
}

fn of<E: Element>(vo_type: &VoType) -> Box<dyn AppendText> {
    match vo_type.cell() {
        CellShape::Array { .. } if is_one_complex_number(vo_type) => {
            Box::new(Pair::<E>(FixedSizeListBuilder::new(E::Builder::default(), 2)))
        }
        CellShape::Array { dimensions } => {
            Box::new(List::<E> { lists: ListBuilder::new(E::Builder::default()), dimensions })
        }
        _ => Box::new(ScalarBuilder::<E>(E::Builder::default())),
    }
}

fn is_one_complex_number(vo_type: &VoType) -> bool {
    vo_type.datatype.is_complex() && vo_type.arraysize.is_none()
}

/// A type of single values and of array elements.
pub(super) trait Element: 'static {
    type Builder: ArrayBuilder + Default;

    /// Parses and appends a value. Returns `None` if it is not of this type.
    fn append(text: &str, to: &mut Self::Builder) -> Option<()>;

    fn append_null(to: &mut Self::Builder);
}

macro_rules! numbers {
    ($($number:ty: $parse:expr,)*) => {$(
        impl Element for $number {
            type Builder = PrimitiveBuilder<$number>;

            fn append(text: &str, to: &mut Self::Builder) -> Option<()> {
                to.append_value($parse(text)?);
                Some(())
            }

            fn append_null(to: &mut Self::Builder) {
                to.append_null();
            }
        }
    )*};
}

numbers! {
    Int8Type: integer,
    UInt8Type: integer,
    UInt16Type: integer,
    UInt32Type: integer,
    UInt64Type: integer,
    Int16Type: integer,
    Int32Type: integer,
    Int64Type: integer,
    Float32Type: float,
    Float64Type: float,
}

impl Element for BooleanType {
    type Builder = BooleanBuilder;

    fn append(text: &str, to: &mut BooleanBuilder) -> Option<()> {
        to.append_value(match text.as_bytes() {
            [b'1' | b't' | b'T'] => true,
            [b'0' | b'f' | b'F'] => false,
            word if word.eq_ignore_ascii_case(b"true") => true,
            word if word.eq_ignore_ascii_case(b"false") => false,
            _ => return None,
        });
        Some(())
    }

    fn append_null(to: &mut BooleanBuilder) {
        to.append_null();
    }
}

pub(super) struct ScalarBuilder<E: Element>(pub(super) E::Builder);

impl<E: Element> AppendText for ScalarBuilder<E> {
    #[inline]
    fn append(&mut self, text: &str) -> Option<()> {
        match E::append(text, &mut self.0) {
            None => E::append(text.trim(), &mut self.0),
            appended => appended,
        }
    }

    fn append_null(&mut self) {
        E::append_null(&mut self.0);
    }

    fn finish(&mut self) -> ArrayRef {
        self.0.finish()
    }
}

struct List<E: Element> {
    lists: ListBuilder<E::Builder>,
    /// The dimensions that every list has to have.
    dimensions: Arraysize,
}

impl<E: Element> AppendText for List<E> {
    fn append(&mut self, text: &str) -> Option<()> {
        let elements = append_elements::<E>(text, self.lists.values())?;
        self.dimensions.takes(elements as u64).then(|| self.lists.append(true))
    }

    fn append_null(&mut self) {
        self.lists.append(false);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.lists.finish())
    }
}

/// A complex number.
struct Pair<E: Element>(FixedSizeListBuilder<E::Builder>);

impl<E: Element> AppendText for Pair<E> {
    fn append(&mut self, text: &str) -> Option<()> {
        let elements = append_elements::<E>(text, self.0.values())?;
        (elements == 2).then(|| self.0.append(true))
    }

    fn append_null(&mut self) {
        E::append_null(self.0.values());
        E::append_null(self.0.values());
        self.0.append(false);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Parses and appends values that are separated by spaces, and returns their number.
fn append_elements<E: Element>(text: &str, to: &mut E::Builder) -> Option<usize> {
    let mut elements = 0;
    for element in text.split_ascii_whitespace() {
        match element {
            "null" | "?" => E::append_null(to),
            value => E::append(value, to)?,
        }
        elements += 1;
    }
    Some(elements)
}

pub(super) struct Text(pub(super) StringBuilder);

impl AppendText for Text {
    fn append(&mut self, text: &str) -> Option<()> {
        self.0.append_value(text);
        Some(())
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Arrays of strings, written as JSON.
struct Texts {
    lists: ListBuilder<StringBuilder>,
    /// The dimensions that every list has to have.
    dimensions: Arraysize,
}

impl AppendText for Texts {
    fn append(&mut self, text: &str) -> Option<()> {
        let strings: Vec<Option<String>> = serde_json::from_str(text).ok()?;
        self.dimensions.takes(strings.len() as u64).then(|| self.lists.append_value(strings))
    }

    fn append_null(&mut self) {
        self.lists.append(false);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.lists.finish())
    }
}
