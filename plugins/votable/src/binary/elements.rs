//! The elements of an array as bytes; VOTable 1.4, section 6.

use std::ops::Range;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, BooleanArray, PrimitiveArray, StringArray};
use taploom_format::{Column, Error, ErrorKind, Result};

use crate::binary::bits::nulls_of;
use crate::binary::column::Rules;
use crate::binary::row_block::put;
use crate::cells::text_of;
use crate::charset::Charset;
use crate::nulls::{NO_NULL_BIT, NO_NULL_ELEMENT, NullValue};

/// The reason why a null can't be written in BINARY.
pub(crate) const NO_NULL: &str = "BINARY has no null flags, and the column has no null value; give \
    one as \"null\" in the metadata of the column, or write BINARY2";

/// Writes elements of one type.
pub(crate) trait Elements: Send + Sync {
    /// The Arrow array that carries the elements.
    type Array: Array + 'static;

    /// Bytes of this number of elements.
    fn bytes(&self, elements: u64) -> u64;

    /// Writes elements to a slice of exactly their size; returns whether characters were
    /// lost.
    fn write(
        &self,
        values: &Self::Array,
        range: Range<usize>,
        place: &mut [u8],
    ) -> Result<bool, String>;

    /// Fills the slice of a null cell, which holds zeros.
    fn write_null(&self, place: &mut [u8]) -> Result<(), String>;
}

/// A type of numbers.
pub(crate) trait Number: ArrowPrimitiveType {
    /// NaN for floats, which have a null value without metadata.
    const NAN: Option<Self::Native>;

    /// Writes a number to the beginning of a slice.
    fn put(value: Self::Native, place: &mut [u8]);

    /// A word that begins with the bytes of a number, the most significant first.
    fn word(value: Self::Native) -> u64;

    fn parse(text: &str) -> Option<Self::Native>;
}

macro_rules! numbers {
    ($($number:ty, $native:ty, $nan:expr;)*) => {$(
        impl Number for $number {
            const NAN: Option<$native> = $nan;

            fn put(value: $native, place: &mut [u8]) {
                put(value.to_be_bytes(), place);
            }

            fn word(value: $native) -> u64 {
                let mut word = [0; 8];
                put(value.to_be_bytes(), &mut word);
                u64::from_be_bytes(word)
            }

            fn parse(text: &str) -> Option<$native> {
                text.parse().ok()
            }
        }
    )*};
}

numbers! {
    UInt8Type, u8, None;
    Int16Type, i16, None;
    Int32Type, i32, None;
    Int64Type, i64, None;
    Float32Type, f32, Some(f32::NAN);
    Float64Type, f64, Some(f64::NAN);
}

/// Numbers, with a value for null.
pub(crate) struct Numbers<T: Number> {
    /// Written for a null cell, and for every element of a null fixed array.
    pub(crate) null_cell: Option<T::Native>,
    null_element: Option<T::Native>,
    /// A number that readers would take for null.
    reserved: Option<T::Native>,
}

impl<T: Number> Numbers<T> {
    pub(crate) fn new(column: &Column, nulls: NullValue, rules: Rules) -> Result<Self> {
        let given = column.metadata().null_value.as_deref().filter(|_| T::NAN.is_none());
        let given = given.map(|text| {
            T::parse(text).ok_or_else(|| {
                let message = format!("the null value {text:?} is not a value of {}", T::DATA_TYPE);
                Error::new(ErrorKind::InvalidRequest, message)
            })
        });
        let null_element = given.transpose()?.or(T::NAN);
        let zero = rules.flags.then(T::default_value);
        Ok(Self {
            null_cell: if rules.flags { T::NAN.or(zero) } else { null_element },
            null_element,
            reserved: null_element.filter(|_| nulls == NullValue::Chosen),
        })
    }

    /// Finds a number that readers would take for null; `index` counts from the beginning
    /// of the range.
    pub(crate) fn find_reserved(
        &self,
        values: &PrimitiveArray<T>,
        range: Range<usize>,
    ) -> Result<(), (usize, String)> {
        let Some(reserved) = self.reserved else { return Ok(()) };
        let start = range.start;
        let mut numbers = values.values()[range].iter().enumerate();
        match numbers.find(|(index, value)| **value == reserved && values.is_valid(start + *index))
        {
            Some((index, value)) => Err((
                index,
                format!(
                    "{value:?} is the null value of the column in BINARY; give another one as \
                     \"null\" in the metadata of the column, or write BINARY2"
                ),
            )),
            None => Ok(()),
        }
    }
}

impl<T: Number> Elements for Numbers<T> {
    type Array = PrimitiveArray<T>;

    fn bytes(&self, elements: u64) -> u64 {
        elements.saturating_mul(size_of::<T::Native>() as u64)
    }

    fn write(
        &self,
        values: &PrimitiveArray<T>,
        range: Range<usize>,
        place: &mut [u8],
    ) -> Result<bool, String> {
        let width = size_of::<T::Native>();
        let numbers = &values.values()[range.clone()];
        for (number, place) in numbers.iter().zip(place.chunks_exact_mut(width)) {
            T::put(*number, place);
        }
        self.find_reserved(values, range.clone()).map_err(|(_, message)| message)?;
        if let Some(nulls) = nulls_of(values) {
            for (index, place) in range.zip(place.chunks_exact_mut(width)) {
                if nulls.is_null(index) {
                    let null = self.null_element.ok_or(NO_NULL_ELEMENT)?;
                    T::put(null, place);
                }
            }
        }
        Ok(false)
    }

    fn write_null(&self, place: &mut [u8]) -> Result<(), String> {
        let null = self.null_cell.ok_or(NO_NULL)?;
        for place in place.chunks_exact_mut(size_of::<T::Native>()) {
            T::put(null, place);
        }
        Ok(())
    }
}

/// `T`, `F`, and 0x00 for null.
pub(crate) struct Booleans;

impl Elements for Booleans {
    type Array = BooleanArray;

    fn bytes(&self, elements: u64) -> u64 {
        elements
    }

    fn write(
        &self,
        values: &BooleanArray,
        range: Range<usize>,
        place: &mut [u8],
    ) -> Result<bool, String> {
        let nulls = nulls_of(values);
        for (index, place) in range.zip(place) {
            let is_null = nulls.is_some_and(|nulls| nulls.is_null(index));
            *place = if is_null { 0 } else { letter(values.values().value(index)) };
        }
        Ok(false)
    }

    fn write_null(&self, _place: &mut [u8]) -> Result<(), String> {
        Ok(())
    }
}

pub(crate) const fn letter(value: bool) -> u8 {
    if value { b'T' } else { b'F' }
}

/// Eight bits per byte, the first in the most significant bit.
pub(crate) struct Bits {
    pub(crate) rules: Rules,
}

impl Elements for Bits {
    type Array = BooleanArray;

    fn bytes(&self, elements: u64) -> u64 {
        elements.div_ceil(8)
    }

    fn write(
        &self,
        values: &BooleanArray,
        range: Range<usize>,
        place: &mut [u8],
    ) -> Result<bool, String> {
        if nulls_of(values).is_some_and(|nulls| range.clone().any(|index| nulls.is_null(index))) {
            return Err(NO_NULL_BIT.to_owned());
        }
        place.fill(0);
        for (index, bit) in range.enumerate() {
            place[index / 8] |= u8::from(values.values().value(bit)) << (7 - index % 8);
        }
        Ok(false)
    }

    fn write_null(&self, _place: &mut [u8]) -> Result<(), String> {
        self.rules.check_null_bit()
    }
}

impl Rules {
    /// Bits have no value for null.
    pub(crate) fn check_null_bit(self) -> Result<(), String> {
        match self.flags {
            true => Ok(()),
            false => Err("BINARY has no null for bits; declare the datatype boolean, or write \
                BINARY2"
                .to_owned()),
        }
    }
}

/// Strings of one length, each filled up with NULs.
pub(crate) struct Strings {
    charset: Charset,
    length: usize,
}

impl Strings {
    pub(crate) fn new(charset: Charset, length: usize) -> Self {
        Self { charset, length }
    }

    fn width(&self) -> usize {
        self.length * self.charset.unit()
    }
}

impl Elements for Strings {
    type Array = StringArray;

    fn bytes(&self, elements: u64) -> u64 {
        elements.saturating_mul(self.width() as u64)
    }

    fn write(
        &self,
        values: &StringArray,
        range: Range<usize>,
        place: &mut [u8],
    ) -> Result<bool, String> {
        let mut truncated = false;
        for (index, place) in range.zip(place.chunks_exact_mut(self.width())) {
            let text = text_of(values, index);
            let fitting = self.charset.fit(text, self.length);
            truncated |= fitting.text.len() < text.len();
            self.charset.write(fitting, place);
        }
        Ok(truncated)
    }

    fn write_null(&self, _place: &mut [u8]) -> Result<(), String> {
        Ok(())
    }
}
