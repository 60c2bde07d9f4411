//! The types of number.

/// A number that is written as decimal text: a float, or an integer of up to 64 bits.
pub trait Number: Copy + sealed::Text {}

pub(crate) mod sealed {
    use crate::Words;

    /// The text of one number.
    pub trait Text: Copy {
        /// A buffer for the digits.
        type Buffer: Default;

        /// The text: digits, or one of `words` for NaN and the infinities. At most 32 bytes, if the words are not longer.
        fn text<'a>(self, words: &'a Words<'_>, buffer: &'a mut Self::Buffer) -> &'a str;
    }
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
    ($($integer:ty)*) => {$(
        impl Number for $integer {}

        impl sealed::Text for $integer {
            type Buffer = Integer;

            #[inline]
            fn text<'a>(self, _: &'a crate::Words<'_>, buffer: &'a mut Integer) -> &'a str {
                buffer.0.format(self)
            }
        }
    )*};
}

integers! { i8 u8 i16 u16 i32 u32 i64 u64 }

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Number for $float {}

        impl sealed::Text for $float {
            type Buffer = Float;

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

floats! { f32 f64 }
