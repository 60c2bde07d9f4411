//! Minima and maxima of columns: how they are compared, and how they are shown.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal256Array, Time32MillisecondArray, Time64MicrosecondArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow_buffer::i256;
use half::f16;
use serde::{Serialize, Serializer};
use taploom_model::shown_cell;

use super::schema::{Leaf, Logical, Unit};

/// A minimum or a maximum. In JSON, floats that are not numbers are the words that the format `json` has for them:
/// `"NaN"`, `"Infinity"` and `"-Infinity"`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Bound {
    /// A boolean.
    Boolean(bool),
    /// A signed integer.
    Integer(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A float of two or four bytes.
    Float(#[serde(serialize_with = "in_json")] f32),
    /// A double.
    Double(#[serde(serialize_with = "in_json")] f64),
    /// Text, a date, a time or a decimal; other bytes as hexadecimal digits.
    Text(String),
}

/// JSON has no infinities and no NaN.
fn in_json<F: Copy + Into<f64> + Serialize, S: Serializer>(
    float: &F,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value: f64 = (*float).into();
    match value.is_finite() {
        true => float.serialize(serializer),
        false if value.is_nan() => serializer.serialize_str("NaN"),
        false if value > 0.0 => serializer.serialize_str("Infinity"),
        false => serializer.serialize_str("-Infinity"),
    }
}

/// How the bounds of a column are compared.
#[derive(Debug, Clone, Copy)]
enum Order {
    Boolean,
    Int32,
    Unsigned32,
    Int64,
    Unsigned64,
    Float16,
    Float,
    Double,
    /// Big-endian signed integers: decimals.
    Signed,
    Bytes,
}

impl Order {
    /// `None` for types without a defined order.
    fn of(leaf: &Leaf) -> Option<Self> {
        let unsigned = matches!(leaf.logical, Logical::Integer { signed: false, .. });
        Some(match (leaf.physical, leaf.logical) {
            (0, _) => Self::Boolean,
            (1, _) if unsigned => Self::Unsigned32,
            (1, _) => Self::Int32,
            (2, _) if unsigned => Self::Unsigned64,
            (2, _) => Self::Int64,
            (4, _) => Self::Float,
            (5, _) => Self::Double,
            (6 | 7, Logical::Decimal { .. }) => Self::Signed,
            (7, Logical::Float16) => Self::Float16,
            (_, Logical::Interval) => return None,
            (6 | 7, _) => Self::Bytes,
            _ => return None,
        })
    }

    /// Whether the deprecated fields `min` and `max` can be used: their writers compared bytes as signed.
    fn is_signed(self) -> bool {
        !matches!(self, Self::Unsigned32 | Self::Unsigned64 | Self::Signed | Self::Bytes)
    }

    /// Whether the bytes have the right length for a value.
    fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Boolean => bytes.len() == 1,
            Self::Float16 => bytes.len() == 2,
            Self::Int32 | Self::Unsigned32 | Self::Float => bytes.len() == 4,
            Self::Int64 | Self::Unsigned64 | Self::Double => bytes.len() == 8,
            Self::Signed | Self::Bytes => true,
        }
    }

    fn compare(self, one: &[u8], other: &[u8]) -> Ordering {
        let [one8, other8] = [one, other].map(little_endian);
        match self {
            Self::Boolean | Self::Unsigned32 | Self::Unsigned64 => one8.cmp(&other8),
            Self::Int32 => (one8 as i32).cmp(&(other8 as i32)),
            Self::Int64 => (one8 as i64).cmp(&(other8 as i64)),
            Self::Float16 => f16::from_bits(one8 as u16).total_cmp(&f16::from_bits(other8 as u16)),
            Self::Float => f32::from_bits(one8 as u32).total_cmp(&f32::from_bits(other8 as u32)),
            Self::Double => f64::from_bits(one8).total_cmp(&f64::from_bits(other8)),
            Self::Bytes => one.cmp(other),
            Self::Signed => match (wide(one), wide(other)) {
                (Some(one), Some(other)) => one.cmp(&other),
                _ => one.cmp(other),
            },
        }
    }
}

/// Up to eight bytes as a little-endian number.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A big-endian signed number of at most 32 bytes.
fn wide(bytes: &[u8]) -> Option<i256> {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut all = [sign; 32];
    let start = all.len().checked_sub(bytes.len())?;
    all[start..].copy_from_slice(bytes);
    Some(i256::from_be_bytes(all))
}

/// The statistics of a chunk that are used here.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) is_there: bool,
    pub(super) nulls: Option<u64>,
    pub(super) min: Option<Vec<u8>>,
    pub(super) max: Option<Vec<u8>>,
    /// The deprecated fields `min` and `max`.
    pub(super) old_min: Option<Vec<u8>>,
    pub(super) old_max: Option<Vec<u8>>,
}

/// The smallest minimum and the largest maximum of a column's chunks.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// Number of chunks with a minimum and a maximum.
    pub(super) chunks: u64,
    least: Option<Vec<u8>>,
    greatest: Option<Vec<u8>>,
}

impl Bounds {
    /// Adds the bounds of a chunk, if it has any.
    pub(super) fn take(&mut self, leaf: &Leaf, statistics: &Statistics) {
        let Some(order) = Order::of(leaf) else { return };
        let (mut min, mut max) = (&statistics.min, &statistics.max);
        if min.is_none() && max.is_none() && order.is_signed() {
            (min, max) = (&statistics.old_min, &statistics.old_max);
        }
        let (Some(min), Some(max)) = (min, max) else { return };
        if !order.fits(min) || !order.fits(max) {
            return;
        }
        self.chunks += 1;
        let is_new = |known: &Option<Vec<u8>>, found: &[u8], wanted| {
            known.as_ref().is_none_or(|known| order.compare(found, known) == wanted)
        };
        if is_new(&self.least, min, Ordering::Less) {
            self.least = Some(min.clone());
        }
        if is_new(&self.greatest, max, Ordering::Greater) {
            self.greatest = Some(max.clone());
        }
    }

    /// Both bounds in readable form.
    pub(super) fn shown(&self, leaf: &Leaf) -> Option<(Bound, Bound)> {
        let order = Order::of(leaf)?;
        let both = [self.least.as_ref()?, self.greatest.as_ref()?];
        let are_text = are_text(leaf, both);
        let [least, greatest] = both.map(|bytes| bound(order, leaf, bytes, are_text));
        Some((least, greatest))
    }
}

fn bound(order: Order, leaf: &Leaf, bytes: &[u8], is_text: bool) -> Bound {
    let number = little_endian(bytes);
    let signed = match order {
        Order::Int32 => i64::from(number as i32),
        _ => number as i64,
    };
    if let Some(array) = meaning(leaf, order, signed, bytes) {
        return Bound::Text(shown_cell(&array, 0));
    }
    match order {
        Order::Boolean => Bound::Boolean(number != 0),
        Order::Int32 | Order::Int64 => Bound::Integer(signed),
        Order::Unsigned32 | Order::Unsigned64 => Bound::Unsigned(number),
        Order::Float16 => Bound::Float(f16::from_bits(number as u16).to_f32()),
        Order::Float => Bound::Float(f32::from_bits(number as u32)),
        Order::Double => Bound::Double(f64::from_bits(number)),
        Order::Signed | Order::Bytes if is_text => Bound::Text(text(bytes)),
        Order::Signed | Order::Bytes => Bound::Text(digits(leaf, bytes)),
    }
}

/// The value as an array of its logical type, if that shows more than the number does.
fn meaning(leaf: &Leaf, order: Order, number: i64, bytes: &[u8]) -> Option<ArrayRef> {
    Some(match leaf.logical {
        Logical::Date => Arc::new(Date32Array::from(vec![i32::try_from(number).ok()?])),
        Logical::Time { unit: Unit::Millis, .. } => {
            Arc::new(Time32MillisecondArray::from(vec![i32::try_from(number).ok()?]))
        }
        Logical::Time { unit: Unit::Micros, .. } => {
            Arc::new(Time64MicrosecondArray::from(vec![number]))
        }
        Logical::Time { unit: Unit::Nanos, .. } => {
            Arc::new(Time64NanosecondArray::from(vec![number]))
        }
        Logical::Timestamp { unit, utc } => {
            let zone = utc.then(|| Arc::<str>::from("UTC"));
            match unit {
                Unit::Millis => {
                    Arc::new(TimestampMillisecondArray::from(vec![number]).with_timezone_opt(zone))
                }
                Unit::Micros => {
                    Arc::new(TimestampMicrosecondArray::from(vec![number]).with_timezone_opt(zone))
                }
                Unit::Nanos => {
                    Arc::new(TimestampNanosecondArray::from(vec![number]).with_timezone_opt(zone))
                }
            }
        }
        Logical::Decimal { precision, scale } => {
            let number = match order {
                Order::Signed => wide(bytes)?,
                _ => i256::from_i128(number.into()),
            };
            let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
            let array = Decimal256Array::from(vec![number]);
            Arc::new(array.with_precision_and_scale(precision, scale).ok()?)
        }
        _ => return None,
    })
}

/// Maximum number of characters of a text that are shown.
const MOST_CHARACTERS: usize = 80;

/// Whether the bounds of a column are shown as text, and not as hexadecimal digits. The type decides for both of them,
/// and where it says nothing, both have to look like text, because old writers do not mark text as such.
fn are_text(leaf: &Leaf, bounds: [&Vec<u8>; 2]) -> bool {
    match leaf.logical {
        Logical::Text | Logical::Named("ENUM" | "JSON") => true,
        Logical::None => {
            let is_text = |bytes: &[u8]| {
                std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control))
            };
            bounds.iter().all(|bytes| is_text(bytes))
                && bounds.iter().any(|bytes| !bytes.is_empty())
        }
        _ => false,
    }
}

/// The beginning of a text. A writer may have cut the bound of a text within a character.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// The first bytes as hexadecimal digits.
fn digits(leaf: &Leaf, bytes: &[u8]) -> String {
    let digits = bytes.iter().take(MOST_CHARACTERS / 2).map(|byte| format!("{byte:02x}"));
    let mut digits: String = digits.collect();
    if let (Logical::Uuid, 32) = (leaf.logical, digits.len()) {
        [20, 16, 12, 8].into_iter().for_each(|at| digits.insert(at, '-'));
        return digits;
    }
    let dots = if bytes.len() > MOST_CHARACTERS / 2 { "…" } else { "" };
    format!("0x{digits}{dots}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(
        physical: i64,
        logical: Logical,
        chunks: &[(&[u8], &[u8])],
    ) -> Option<(Bound, Bound)> {
        let leaf = Leaf { physical, logical, ..Leaf::default() };
        let mut bounds = Bounds::default();
        for (min, max) in chunks {
            let [min, max] = [min, max].map(|bytes| Some(bytes.to_vec()));
            bounds.take(&leaf, &Statistics { min, max, ..Statistics::default() });
        }
        bounds.shown(&leaf)
    }

    #[test]
    fn every_type_has_its_order() {
        let chunks = [
            (&(-1_i32).to_le_bytes()[..], &5_i32.to_le_bytes()[..]),
            (&[2, 0, 0, 0], &[9, 0, 0, 0]),
        ];
        assert_eq!(
            bounds(1, Logical::None, &chunks),
            Some((Bound::Integer(-1), Bound::Integer(9)))
        );
        let unsigned = Logical::Integer { bits: 32, signed: false };
        let (min, max) = (2_i32.to_le_bytes(), (-1_i32).to_le_bytes());
        assert_eq!(
            bounds(1, unsigned, &[(&min, &max)]),
            Some((Bound::Unsigned(2), Bound::Unsigned(u32::MAX.into())))
        );
        let floats = [(&(-1.5_f32).to_le_bytes()[..], &0.45_f32.to_le_bytes()[..])];
        assert_eq!(
            bounds(4, Logical::None, &floats),
            Some((Bound::Float(-1.5), Bound::Float(0.45)))
        );
        let text = |text: &str| Bound::Text(text.to_owned());
        let decimal = Logical::Decimal { precision: 5, scale: 2 };
        let chunks = [(&[0xff, 0x85][..], &[0x01, 0x00][..]), (&[0x00, 0x7b], &[0x30, 0x39])];
        assert_eq!(bounds(7, decimal, &chunks), Some((text("-1.23"), text("123.45"))));
        assert_eq!(
            bounds(1, Logical::Date, &[(&0_i32.to_le_bytes(), &1_i32.to_le_bytes())]),
            Some((text("1970-01-01"), text("1970-01-02")))
        );
        let time = Logical::Timestamp { unit: Unit::Micros, utc: true };
        assert_eq!(
            bounds(2, time, &[(&0_i64.to_le_bytes(), &1_500_000_i64.to_le_bytes())]),
            Some((text("1970-01-01T00:00:00Z"), text("1970-01-01T00:00:01.500Z")))
        );
        assert_eq!(
            bounds(6, Logical::Text, &[(b"a", "é".as_bytes())]),
            Some((text("a"), text("é")))
        );
        assert_eq!(
            bounds(6, Logical::None, &[(b"\xff", b"\xff\x00")]),
            Some((text("0xff"), text("0xff00")))
        );
        assert_eq!(bounds(3, Logical::None, &[(&[0; 12], &[0; 12])]), None);
        // Bytes of a wrong length are not a value.
        assert_eq!(bounds(2, Logical::None, &[(&[0; 4], &[0; 4])]), None);
    }

    #[test]
    fn both_bounds_of_a_column_are_text_or_both_are_digits() {
        let shown = |logical, min: &[u8], max: &[u8]| {
            let (min, max) = bounds(6, logical, &[(min, max)]).unwrap();
            let text = |bound| match bound {
                Bound::Text(text) => text,
                other => panic!("{other:?}"),
            };
            [text(min), text(max)]
        };
        assert_eq!(shown(Logical::None, b"", b"b"), ["", "b"]);
        assert_eq!(shown(Logical::None, b"", b""), ["0x", "0x"]);
        assert_eq!(shown(Logical::None, b"a", b"b\0"), ["0x61", "0x6200"]);
        assert_eq!(shown(Logical::None, b"a", b"b\xff"), ["0x61", "0x62ff"]);
        // A writer has cut a bound within a character.
        assert_eq!(shown(Logical::Text, b"a", b"b\xc3"), ["a", "b\u{fffd}"]);
        assert_eq!(shown(Logical::Named("JSON"), b"1\n", b"{}"), ["1\n", "{}"]);
        assert_eq!(shown(Logical::Named("BSON"), b"a", b"\xff"), ["0x61", "0xff"]);
    }
}
