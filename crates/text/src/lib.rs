#![doc = include_str!("../README.md")]

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{Array, BooleanArray, PrimitiveArray};
use arrow_schema::DataType;
use taploom_encoder::{Error, ErrorKind, Result};

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

/// How the elements of a column become text, one after the other with something between them; chosen
/// once, for numbers and booleans alone.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    append: AppendElements,
    spelling: &'a Spelling,
    /// What stands between two elements.
    pub separator: &'a [u8],
    /// What stands for an element that is null.
    pub null: &'a [u8],
}

type AppendElements = fn(&Elements<'_>, &dyn Array, &mut Vec<u8>);

impl<'a> Elements<'a> {
    /// Elements of an Arrow type.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] for a type that is no number and no boolean in canonical form.
    pub fn new(
        element: &DataType,
        spelling: &'a Spelling,
        separator: &'a [u8],
        null: &'a [u8],
    ) -> Result<Self> {
        let append: AppendElements = match element {
            DataType::Boolean => |elements, array, to| elements.booleans(array.as_boolean(), to),
            DataType::UInt8 => |elements, array, to| elements.numbers::<UInt8Type>(array, to),
            DataType::Int16 => |elements, array, to| elements.numbers::<Int16Type>(array, to),
            DataType::Int32 => |elements, array, to| elements.numbers::<Int32Type>(array, to),
            DataType::Int64 => |elements, array, to| elements.numbers::<Int64Type>(array, to),
            DataType::Float32 => |elements, array, to| elements.numbers::<Float32Type>(array, to),
            DataType::Float64 => |elements, array, to| elements.numbers::<Float64Type>(array, to),
            other => {
                let message = format!("Arrow type {other} is not canonical for an element");
                return Err(Error::new(ErrorKind::Internal, message));
            }
        };
        Ok(Self { append, spelling, separator, null })
    }

    /// Appends all elements of `array`, which is of the type that was chosen.
    ///
    /// ```
    /// use arrow_array::Float64Array;
    /// use arrow_schema::DataType;
    /// use taploom_text::{Elements, TABLEDATA};
    ///
    /// let elements = Elements::new(&DataType::Float64, &TABLEDATA, b" ", b"NaN")?;
    /// let mut text = Vec::new();
    /// elements.append(&Float64Array::from(vec![Some(1.5), None, Some(f64::INFINITY)]), &mut text);
    /// assert_eq!(text, b"1.5 NaN +Inf");
    /// # Ok::<(), taploom_encoder::Error>(())
    /// ```
    pub fn append(&self, array: &dyn Array, to: &mut Vec<u8>) {
        (self.append)(self, array, to);
    }

    fn booleans(&self, array: &BooleanArray, to: &mut Vec<u8>) {
        self.each(array, array.values().iter(), to);
    }

    fn numbers<T: ArrowPrimitiveType<Native: Value>>(&self, array: &dyn Array, to: &mut Vec<u8>) {
        let array: &PrimitiveArray<T> = array.as_primitive();
        self.each(array, array.values().iter().copied(), to);
    }

    fn each(&self, array: &dyn Array, values: impl Iterator<Item = impl Value>, to: &mut Vec<u8>) {
        for (index, value) in values.enumerate() {
            if index > 0 {
                to.extend_from_slice(self.separator);
            }
            if array.is_null(index) {
                to.extend_from_slice(self.null);
            } else {
                value.append(self.spelling, to);
            }
        }
    }
}
