//! Columns of an ASCII table: text of a fixed width, with decimal numbers; FITS 4.0, section 7.2.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::PrimitiveBuilder;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int16Type, Int32Type, Int64Type};
use arrow_schema::DataType;
use taploom_model::Datatype;

use super::cells::{Wrong, texts};

/// How the fields of a column are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AsciiForm {
    kind: Kind,
    /// Width of a field in characters.
    pub(super) width: usize,
    /// Number of digits after the decimal point, for a number without a decimal point.
    decimals: usize,
    /// `zero + scale * number`, if the column has TSCALn or TZEROn.
    scaling: Option<(f64, f64)>,
    /// TNULLn: the text that stands for null.
    null: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Integer,
    Float,
}

impl AsciiForm {
    /// Parses `Aw`, `Iw`, `Fw.d`, `Ew.d` or `Dw.d`.
    pub(super) fn parse(form: &str) -> Option<Self> {
        let form = form.trim();
        let kind = match form.bytes().next()? {
            b'A' => Kind::Text,
            b'I' => Kind::Integer,
            b'F' | b'E' | b'D' => Kind::Float,
            _ => return None,
        };
        let (width, decimals) = form[1..].split_once('.').unwrap_or((&form[1..], "0"));
        let number = |digits: &str| digits.parse::<u16>().ok().map(usize::from);
        let width = number(width).filter(|width| *width > 0)?;
        Some(Self { kind, width, decimals: number(decimals)?, scaling: None, null: None })
    }

    /// Adds TSCALn and TZEROn, which are ignored for text.
    pub(super) fn with_scaling(self, scale: f64, zero: f64) -> Self {
        let is_scaled = self.kind != Kind::Text && (scale, zero) != (1.0, 0.0);
        Self { scaling: is_scaled.then_some((scale, zero)), ..self }
    }

    /// Adds TNULLn.
    pub(super) fn with_null(self, null: Option<String>) -> Self {
        Self { null, ..self }
    }

    /// The datatype. For integers, it is the one that fits all numbers of the width, if there is one.
    pub(super) fn datatype(&self) -> Datatype {
        match (self.kind, self.scaling) {
            (Kind::Text, _) => Datatype::Char,
            (Kind::Float, _) | (_, Some(_)) => Datatype::Double,
            (Kind::Integer, None) => match self.width {
                0..=4 => Datatype::Short,
                5..=9 => Datatype::Int,
                _ => Datatype::Long,
            },
        }
    }

    pub(super) fn data_type(&self) -> DataType {
        self.datatype().element()
    }

    /// Converts the fields of a column.
    pub(super) fn cells<'a>(
        &self,
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<ArrayRef, Wrong> {
        let integer = |text: &str| text.parse::<i64>().ok();
        match self.datatype() {
            Datatype::Short => {
                self.numbers::<Int16Type>(fields, |text| integer(text)?.try_into().ok())
            }
            Datatype::Int => {
                self.numbers::<Int32Type>(fields, |text| integer(text)?.try_into().ok())
            }
            Datatype::Long => self.numbers::<Int64Type>(fields, integer),
            Datatype::Double => self.numbers::<Float64Type>(fields, |text| {
                let number = match self.kind {
                    Kind::Integer => integer(text)? as f64,
                    _ => float(text, self.decimals)?,
                };
                Some(self.scaling.map_or(number, |(scale, zero)| zero + scale * number))
            }),
            _ => Ok(texts(fields.map(|field| if self.is_null(field) { &[] } else { field }))),
        }
    }

    fn is_null(&self, field: &[u8]) -> bool {
        self.null.as_ref().is_some_and(|null| {
            field.trim_ascii_end() == null.trim_ascii_end().as_bytes()
                || field.trim_ascii() == null.trim_ascii().as_bytes()
        })
    }

    /// A field of spaces is 0.
    fn numbers<'a, T: ArrowPrimitiveType<Native: Default>>(
        &self,
        fields: impl Iterator<Item = &'a [u8]>,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef, Wrong> {
        let mut numbers = PrimitiveBuilder::<T>::new();
        for (row, field) in fields.enumerate() {
            if self.is_null(field) {
                numbers.append_null();
                continue;
            }
            let text = std::str::from_utf8(field.trim_ascii()).ok();
            let number = text.and_then(|text| match text {
                "" => Some(T::Native::default()),
                text => parse(text),
            });
            let Some(number) = number else {
                let shown = String::from_utf8_lossy(&field[..field.len().min(40)]).into_owned();
                return Err((format!("{shown:?} is not of type {}", self.datatype()), row));
            };
            numbers.append_value(number);
        }
        Ok(Arc::new(numbers.finish()))
    }
}

/// `[+-]digits[.digits][(E|D|+|-)exponent]`. Without a decimal point, the last `decimals` digits follow it.
fn float(text: &str, decimals: usize) -> Option<f64> {
    let text = text.replace(['D', 'd', 'e'], "E");
    let sign = usize::from(text.starts_with(['+', '-']));
    let end = text[sign..].find(['E', '+', '-']).map_or(text.len(), |place| sign + place);
    let (mantissa, exponent) = text.split_at(end);
    let exponent = match exponent {
        "" => 0,
        exponent => exponent.strip_prefix('E').unwrap_or(exponent).parse::<i32>().ok()?,
    };
    let digits = mantissa[sign..].bytes();
    if !digits.clone().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let implied = match digits.clone().any(|byte| byte == b'.') {
        true => 0,
        false => i32::try_from(decimals).ok()?,
    };
    let number: f64 = format!("{mantissa}E{}", exponent.checked_sub(implied)?).parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: &AsciiForm, fields: &[&str]) -> Result<String, Wrong> {
        let cells = form.cells(fields.iter().map(|field| field.as_bytes()))?;
        Ok(format!("{cells:?}").split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn forms_are_parsed() {
        for (form, datatype) in [
            ("A8", Datatype::Char),
            ("I4", Datatype::Short),
            ("I5", Datatype::Int),
            ("I9", Datatype::Int),
            ("I10", Datatype::Long),
            ("F8.2", Datatype::Double),
            (" E15.7 ", Datatype::Double),
            ("D25.17", Datatype::Double),
            ("E9", Datatype::Double),
        ] {
            assert_eq!(AsciiForm::parse(form).unwrap().datatype(), datatype, "{form}");
        }
        for form in ["", "A", "A0", "8A", "L1", "F8.x", "I99999999", "É4"] {
            assert_eq!(AsciiForm::parse(form), None, "{form}");
        }
    }

    #[test]
    fn fields_are_read() {
        let form = |form: &str| AsciiForm::parse(form).unwrap();
        for (form, fields, expected) in [
            (form("A4"), &["ab  ", "    ", " c  "][..], "StringArray [ \"ab\", null, \" c\", ]"),
            (form("I4"), &[" -12", "+7  ", "    "], "PrimitiveArray<Int16> [ -12, 7, 0, ]"),
            (
                form("I20"),
                &["-9223372036854775808"],
                "PrimitiveArray<Int64> [ -9223372036854775808, ]",
            ),
            (
                form("I4").with_null(Some("****".to_owned())),
                &["****", "   1"],
                "PrimitiveArray<Int16> [ null, 1, ]",
            ),
            (form("I4").with_scaling(0.5, 10.0), &["   2"], "PrimitiveArray<Float64> [ 11.0, ]"),
            (
                form("F6.2"),
                &["  1.5 ", "   123", "-.5", "1E3", "2D-1", "3+2", "     "],
                "PrimitiveArray<Float64> [ 1.5, 1.23, -0.5, 10.0, 0.002, 3.0, 0.0, ]",
            ),
        ] {
            assert_eq!(shown(&form, fields).unwrap(), expected, "{form:?}");
        }
        for (form, fields) in [
            (form("I4"), ["   1", "  x "]),
            (form("I4"), ["   1", "99999"]),
            (form("I20"), ["1", "99999999999999999999"]),
            (form("F6.2"), ["1", "1.2.3"]),
            (form("F6.2"), ["1", "nan"]),
            (form("F6.2"), ["1", "1E999"]),
            (form("F6.2"), ["1", "1E"]),
            (form("F6.2"), ["1", "--1"]),
        ] {
            let (message, row) = shown(&form, &fields).unwrap_err();
            assert_eq!(row, 1);
            let expected = format!("{:?} is not of type {}", fields[1], form.datatype());
            assert_eq!(message, expected);
        }
    }
}
