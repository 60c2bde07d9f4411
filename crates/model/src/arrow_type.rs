//! Derives the VOTable type of an Arrow type.

use arrow_schema::{DataType, TimeUnit};

use crate::arraysize::{Arraysize, Extent};
use crate::datatype::Datatype;

/// An Arrow type taken apart: its nested lists, and the type of their innermost values.
pub(crate) struct Nesting<'a> {
    /// The lists from the outermost inwards, each with its length if the type fixes it.
    pub(crate) levels: Vec<Option<u32>>,
    pub(crate) leaf: &'a DataType,
}

impl<'a> Nesting<'a> {
    pub(crate) fn of(data_type: &'a DataType) -> Self {
        use DataType::{
            Binary, BinaryView, Dictionary, FixedSizeBinary, FixedSizeList, LargeBinary, LargeList,
            LargeListView, List, ListView, RunEndEncoded,
        };
        let (level, inner) = match data_type {
            Dictionary(_, values) => return Self::of(values),
            RunEndEncoded(_, values) => return Self::of(values.data_type()),
            List(item) | LargeList(item) | ListView(item) | LargeListView(item) => {
                (None, item.data_type())
            }
            FixedSizeList(item, length) => (u32::try_from(*length).ok(), item.data_type()),
            Binary | LargeBinary | BinaryView => (None, &DataType::UInt8),
            FixedSizeBinary(length) => (u32::try_from(*length).ok(), &DataType::UInt8),
            leaf => return Self { levels: Vec::new(), leaf },
        };
        let mut inner = Self::of(inner);
        inner.levels.insert(0, level);
        inner
    }

    /// The dimensions of the lists, after `first` if it is given; `None` if only the rows could tell
    /// them.
    pub(crate) fn shape(&self, first: Option<u32>) -> Option<Arraysize> {
        let (outermost, inner) = self.levels.split_first()?;
        let inner = inner.iter().rev().copied().collect::<Option<Vec<u32>>>()?;
        let dimensions: Vec<u32> = first.into_iter().chain(inner).collect();
        // An arraysize has no dimension of 0; VOTable 1.4, 2.2.
        if dimensions.contains(&0) {
            return None;
        }
        let last = match outermost {
            Some(0) | None => Extent::Free,
            Some(length) => Extent::Fixed(*length),
        };
        Some(Arraysize::of(dimensions, last))
    }
}

/// The VOTable type of one element of an Arrow type.
pub(crate) struct Element {
    pub(crate) datatype: Datatype,
    pub(crate) xtype: Option<&'static str>,
    /// The most characters that a text of this type can have, if the type limits them.
    pub(crate) length: Option<u32>,
}

/// The VOTable type of an innermost type, or `None` if VOTable has no such type.
pub(crate) fn derive_element(leaf: &DataType) -> Option<Element> {
    use DataType::{
        Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Duration, Float16,
        Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Time32, Time64, Timestamp,
        UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    let number = |datatype| Some(Element { datatype, xtype: None, length: None });
    // Types that no VOTable datatype can hold without loss become text. The characters of numbers
    // and times are ASCII.
    let text = |length, xtype| Some(Element { datatype: Datatype::Char, xtype, length });
    match leaf {
        Boolean => number(Datatype::Boolean),
        UInt8 => number(Datatype::UnsignedByte),
        Int8 | Int16 => number(Datatype::Short),
        UInt16 | Int32 => number(Datatype::Int),
        UInt32 | Int64 | Duration(_) => number(Datatype::Long),
        Float16 | Float32 => number(Datatype::Float),
        Float64 => number(Datatype::Double),
        Utf8 | LargeUtf8 | Utf8View => number(Datatype::UnicodeChar),
        Timestamp(unit, _) => text(Some(19 + fraction(*unit)), Some("timestamp")),
        Date32 => text(Some(10), Some("timestamp")),
        Date64 => text(Some(19), Some("timestamp")),
        Time32(unit) | Time64(unit) => text(Some(8 + fraction(*unit)), None),
        UInt64 => text(Some(20), None),
        Decimal32(precision, scale)
        | Decimal64(precision, scale)
        | Decimal128(precision, scale)
        | Decimal256(precision, scale) => {
            // Three more characters for sign, leading zero and point. A negative scale appends zeros.
            let digits = u32::from(*precision) + u32::from(scale.unsigned_abs());
            text(Some(digits + 3), None)
        }
        Null => text(None, None),
        _ => None,
    }
}

/// The number of characters in the decimals of a second, including the point.
fn fraction(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 4,
        TimeUnit::Microsecond => 7,
        TimeUnit::Nanosecond => 10,
    }
}

/// The unit of a count of time, in the syntax of VOUnits.
pub(crate) fn unit_of(data_type: &DataType, datatype: Datatype) -> Option<&'static str> {
    match Nesting::of(data_type).leaf {
        DataType::Duration(unit) if !datatype.is_text() => Some(match unit {
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        }),
        _ => None,
    }
}
