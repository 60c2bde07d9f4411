//! One value as text.

use crate::short::append_text;

/// How a format spells values that are not decimal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// A true boolean.
    pub yes: &'static str,
    /// A false boolean.
    pub no: &'static str,
    /// Not a number.
    pub nan: &'static str,
    /// Positive infinity.
    pub infinity: &'static str,
    /// Negative infinity.
    pub negative_infinity: &'static str,
}

/// The spelling of TABLEDATA; VOTable 1.4, section 6.
pub const TABLEDATA: Spelling =
    Spelling { yes: "T", no: "F", nan: "NaN", infinity: "+Inf", negative_infinity: "-Inf" };

/// The spelling that programs read in CSV and JSON.
pub const WORDS: Spelling = Spelling {
    yes: "true",
    no: "false",
    nan: "NaN",
    infinity: "Infinity",
    negative_infinity: "-Infinity",
};

/// The spelling of `bit` in an array, and of booleans as digits; VOTable 1.4, section 6.
pub const BITS: Spelling = Spelling { yes: "1", no: "0", ..TABLEDATA };

/// A value that is written as the same text in every format, except for the spelling.
pub trait Value: Copy {
    /// Appends the text of the value.
    ///
    /// ```
    /// use taploom_text::{TABLEDATA, Value, WORDS};
    ///
    /// let mut text = Vec::new();
    /// 0.1_f32.append(&TABLEDATA, &mut text);
    /// text.push(b' ');
    /// f64::INFINITY.append(&TABLEDATA, &mut text);
    /// text.push(b' ');
    /// true.append(&WORDS, &mut text);
    /// assert_eq!(text, b"0.1 +Inf true");
    /// ```
    #[inline]
    fn append(self, spelling: &Spelling, to: &mut Vec<u8>) {
        append_text(self.text(spelling, &mut Self::Buffer::default()).as_bytes(), to);
    }

    /// The buffer for the text of a value.
    type Buffer: Default;

    /// The text of the value, at most 32 bytes.
    fn text<'a>(self, spelling: &'a Spelling, buffer: &'a mut Self::Buffer) -> &'a str;
}

impl Value for bool {
    type Buffer = ();

    #[inline]
    fn text<'a>(self, spelling: &'a Spelling, (): &'a mut ()) -> &'a str {
        if self { spelling.yes } else { spelling.no }
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
        impl Value for $integer {
            type Buffer = Integer;

            #[inline]
            fn text<'a>(self, _: &'a Spelling, buffer: &'a mut Integer) -> &'a str {
                buffer.0.format(self)
            }
        }
    )*};
}

integers! { u8 i16 i32 i64 }

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Value for $float {
            type Buffer = Float;

            #[inline]
            fn text<'a>(self, spelling: &'a Spelling, buffer: &'a mut Float) -> &'a str {
                if self.is_finite() {
                    buffer.0.format_finite(self)
                } else if self.is_nan() {
                    spelling.nan
                } else if self > 0.0 {
                    spelling.infinity
                } else {
                    spelling.negative_infinity
                }
            }
        }
    )*};
}

floats! { f32 f64 }
