//! One value as text.

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
    fn append(self, spelling: &Spelling, to: &mut Vec<u8>);
}

impl Value for bool {
    fn append(self, spelling: &Spelling, to: &mut Vec<u8>) {
        to.extend_from_slice(if self { spelling.yes } else { spelling.no }.as_bytes());
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Value for $integer {
            fn append(self, _: &Spelling, to: &mut Vec<u8>) {
                to.extend_from_slice(itoa::Buffer::new().format(self).as_bytes());
            }
        }
    )*};
}

integers! { u8 i16 i32 i64 }

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Value for $float {
            fn append(self, spelling: &Spelling, to: &mut Vec<u8>) {
                if self.is_finite() {
                    to.extend_from_slice(zmij::Buffer::new().format_finite(self).as_bytes());
                } else {
                    let word = if self.is_nan() {
                        spelling.nan
                    } else if self > 0.0 {
                        spelling.infinity
                    } else {
                        spelling.negative_infinity
                    };
                    to.extend_from_slice(word.as_bytes());
                }
            }
        }
    )*};
}

floats! { f32 f64 }
