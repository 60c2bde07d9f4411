//! One value as text.

use crate::short::append_text;

/// How a format spells what is no decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// A boolean that holds.
    pub yes: &'static str,
    /// One that does not.
    pub no: &'static str,
    /// Not a number.
    pub nan: &'static str,
    /// Positive infinity.
    pub infinity: &'static str,
    /// Negative infinity.
    pub negative_infinity: &'static str,
}

/// That of TABLEDATA; VOTable 1.4, 6.
pub const TABLEDATA: Spelling =
    Spelling { yes: "T", no: "F", nan: "NaN", infinity: "+Inf", negative_infinity: "-Inf" };

/// That of programs which read CSV and JSON.
pub const WORDS: Spelling = Spelling {
    yes: "true",
    no: "false",
    nan: "NaN",
    infinity: "Infinity",
    negative_infinity: "-Infinity",
};

/// That of `bit` in an array, and of booleans where they are digits; VOTable 1.4, 6.
pub const BITS: Spelling = Spelling { yes: "1", no: "0", ..TABLEDATA };

/// A value that has one text in every format, but for how it is spelled.
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

    /// Where the text of a value is made.
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

/// Room for the digits of a whole number.
pub struct Integer(itoa::Buffer);

impl Default for Integer {
    fn default() -> Self {
        Self(itoa::Buffer::new())
    }
}

/// Room for the digits of a float.
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
