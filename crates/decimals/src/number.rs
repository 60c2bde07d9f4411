//! The types of number.

use crate::values::Values;

/// A number that is written as decimal text: a float, or an integer of up to 64 bits.
pub trait Number: Copy + sealed::Text {}

pub(crate) mod sealed {
    use super::Column;
    use crate::{Values, Words};

    /// The text of one number.
    pub trait Text: Copy {
        /// Values of this type.
        fn column(values: Values<'_, Self>) -> Column<'_>;

        /// A buffer for the digits.
        type Buffer: Default;

        /// The text: digits, or one of `words` for NaN and the infinities. At most 32 bytes, if the words are not
        /// longer.
        fn text<'a>(self, words: &'a Words<'_>, buffer: &'a mut Self::Buffer) -> &'a str;
    }
}

/// A column of one of the types.
pub enum Column<'a> {
    I8(Values<'a, i8>),
    U8(Values<'a, u8>),
    I16(Values<'a, i16>),
    U16(Values<'a, u16>),
    I32(Values<'a, i32>),
    U32(Values<'a, u32>),
    I64(Values<'a, i64>),
    U64(Values<'a, u64>),
    F32(Values<'a, f32>),
    F64(Values<'a, f64>),
}

/// A buffer for the digits of an integer.
pub struct Integer(itoa::Buffer);

impl Default for Integer {
    fn default() -> Self {
        Self(itoa::Buffer::new())
    }
}

/// A buffer for the digits of a float.
pub struct Float(zmij::Buffer);

impl Default for Float {
    fn default() -> Self {
        Self(zmij::Buffer::new())
    }
}

macro_rules! integers {
    ($($integer:ty, $column:ident;)*) => {$(
        impl Number for $integer {}

        impl sealed::Text for $integer {
            type Buffer = Integer;

            #[inline]
            fn column(values: Values<'_, Self>) -> Column<'_> {
                Column::$column(values)
            }

            #[inline]
            fn text<'a>(self, _: &'a crate::Words<'_>, buffer: &'a mut Integer) -> &'a str {
                buffer.0.format(self)
            }
        }
    )*};
}

integers! { i8, I8; u8, U8; i16, I16; u16, U16; i32, I32; u32, U32; i64, I64; u64, U64; }

macro_rules! floats {
    ($($float:ty, $column:ident;)*) => {$(
        impl Number for $float {}

        impl sealed::Text for $float {
            type Buffer = Float;

            #[inline]
            fn column(values: Values<'_, Self>) -> Column<'_> {
                Column::$column(values)
            }

            #[inline]
            fn text<'a>(self, words: &'a crate::Words<'_>, buffer: &'a mut Float) -> &'a str {
                if self.is_finite() {
                    buffer.0.format_finite(self)
                } else if self.is_nan() {
                    words.nan
                } else if self > 0.0 {
                    words.infinity
                } else {
                    words.negative_infinity
                }
            }
        }
    )*};
}

floats! { f32, F32; f64, F64; }
