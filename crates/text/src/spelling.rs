//! How formats spell values that have no digits.

use taploom_decimals::{Decimals, Words};

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

impl Spelling {
    /// Numbers in this spelling, with a text for null.
    pub(crate) fn decimals<'a>(&self, null: &'a str) -> Decimals<'a> {
        let Self { nan, infinity, negative_infinity, .. } = *self;
        Decimals::new(Words { null, nan, infinity, negative_infinity })
    }

    /// The text of a boolean.
    pub(crate) fn boolean(&self, value: bool) -> &'static str {
        if value { self.yes } else { self.no }
    }
}
