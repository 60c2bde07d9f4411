//! The Arrow type for each type of the server, and how its cells are read.

use arrow_schema::{DataType, TimeUnit};
use taploom_model::{Arraysize, Datatype, Extent};

use super::cells::CellReader;
use super::sphere::Shape;

/// Object ids of types, as in the server's `pg_type.dat`.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const OID: u32 = 26;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const BOOL_ARRAY: u32 = 1000;
    pub(super) const INT2_ARRAY: u32 = 1005;
    pub(super) const INT4_ARRAY: u32 = 1007;
    pub(super) const INT8_ARRAY: u32 = 1016;
    pub(super) const FLOAT4_ARRAY: u32 = 1021;
    pub(super) const FLOAT8_ARRAY: u32 = 1022;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const NUMERIC: u32 = 1700;

    /// Types whose texts have only ASCII characters: ids of the system (27 to 30, 3220, 5069); geometric types (600 to
    /// 604, 628, 718); addresses (650, 774, 829, 869); times without a date, intervals and bits (1083, 1186, 1266, 1560,
    /// 1562); UUIDs (2950); arrays of dates, times, decimals and UUIDs (1115, 1182, 1183, 1185, 1187, 1231, 2951);
    /// ranges of numbers and times (3904 to 3926), and several of them (4451 to 4536).
    pub(super) const ASCII: &[u32] = &[
        27, 28, 29, 30, 600, 601, 602, 603, 604, 628, 650, 718, 774, 829, 869, 1083, 1115, 1182,
        1183, 1185, 1186, 1187, 1231, 1266, 1560, 1562, 2950, 2951, 3220, 3904, 3906, 3908, 3910,
        3912, 3926, 4451, 4532, 4533, 4534, 4535, 4536, 5069,
    ];

    /// From here on, types belong to extensions and users.
    pub(super) const FIRST_OF_USERS: u32 = 16384;
}

/// The greatest precision of a decimal in Arrow.
const MAX_PRECISION: u32 = 38;

/// How a type of the server is read if the caller does not ask for another one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServerType {
    pub(super) data_type: DataType,
    pub(super) reader: CellReader,
    /// The VO type, if the Arrow type does not imply it.
    pub(super) vo_type: Option<(Datatype, Option<Arraysize>)>,
    pub(super) xtype: Option<&'static str>,
    pub(super) unit: Option<&'static str>,
}

/// Whether the name of a type is needed to know how it is read.
pub(super) fn is_of_users(type_oid: u32) -> bool {
    type_oid >= oid::FIRST_OF_USERS
}

impl ServerType {
    /// The type with this object id. The modifier has what stands in parentheses after the type's name.
    ///
    /// Types that are not listed here, such as enums, composite types, other arrays and the types of extensions, are
    /// read as the text that the server itself makes of their values.
    pub(super) fn of(type_oid: u32, modifier: i32) -> Self {
        let plain =
            |data_type, reader| Self { data_type, reader, vo_type: None, xtype: None, unit: None };
        let list = |element: DataType, datatype| Self {
            vo_type: Some((datatype, Some(Arraysize::FREE))),
            ..plain(DataType::new_list(element, true), CellReader::Array)
        };
        match type_oid {
            oid::BOOL => plain(DataType::Boolean, CellReader::Binary),
            oid::INT2 => plain(DataType::Int16, CellReader::Binary),
            oid::INT4 => plain(DataType::Int32, CellReader::Binary),
            oid::INT8 => plain(DataType::Int64, CellReader::Binary),
            oid::OID => plain(DataType::Int64, CellReader::ObjectId),
            oid::FLOAT4 => plain(DataType::Float32, CellReader::Binary),
            oid::FLOAT8 => plain(DataType::Float64, CellReader::Binary),
            oid::BYTEA => plain(DataType::Binary, CellReader::Binary),
            oid::DATE => plain(DataType::Date32, CellReader::Binary),
            oid::TIMESTAMP | oid::TIMESTAMPTZ => {
                // The modifier is the number of decimals of the second.
                let unit = match modifier {
                    0 => TimeUnit::Second,
                    1..=3 => TimeUnit::Millisecond,
                    _ => TimeUnit::Microsecond,
                };
                plain(DataType::Timestamp(unit, None), CellReader::Binary)
            }
            oid::NUMERIC => match decimal(modifier) {
                Some(decimal) => plain(decimal, CellReader::Decimal),
                None => Self::ascii(),
            },
            oid::BOOL_ARRAY => list(DataType::Boolean, Datatype::Boolean),
            oid::INT2_ARRAY => list(DataType::Int16, Datatype::Short),
            oid::INT4_ARRAY => list(DataType::Int32, Datatype::Int),
            oid::INT8_ARRAY => list(DataType::Int64, Datatype::Long),
            oid::FLOAT4_ARRAY => list(DataType::Float32, Datatype::Float),
            oid::FLOAT8_ARRAY => list(DataType::Float64, Datatype::Double),
            type_oid if oid::ASCII.contains(&type_oid) => Self::ascii(),
            _ => plain(DataType::Utf8, CellReader::Text),
        }
    }

    /// A shape on the sphere, in the form of DALI 1.1, 3.3.5 to 3.3.7.
    pub(super) fn of_shape(shape: Shape) -> Self {
        let arraysize = match shape.numbers() {
            Some(numbers) => Arraysize::of_one_dimension(Extent::Fixed(numbers)),
            None => Arraysize::FREE,
        };
        Self {
            data_type: DataType::new_list(DataType::Float64, true),
            reader: CellReader::Shape(shape),
            vo_type: Some((Datatype::Double, Some(arraysize))),
            xtype: Some(shape.xtype()),
            unit: Some("deg"),
        }
    }

    fn ascii() -> Self {
        Self {
            data_type: DataType::Utf8,
            reader: CellReader::Text,
            vo_type: Some((Datatype::Char, Some(Arraysize::FREE))),
            xtype: None,
            unit: None,
        }
    }

    /// Whether the server writes the cells in its binary format.
    pub(super) fn is_binary(&self) -> bool {
        matches!(self.reader, CellReader::Binary | CellReader::ObjectId | CellReader::Array)
    }
}

/// Whether a type is `timestamp` or `timestamptz`.
pub(super) fn is_timestamp(type_oid: u32) -> bool {
    matches!(type_oid, oid::TIMESTAMP | oid::TIMESTAMPTZ)
}

/// The Arrow type for `numeric(precision, scale)`, or `None` for numbers with any number of digits.
fn decimal(modifier: i32) -> Option<DataType> {
    // See numeric_typmod_precision and numeric_typmod_scale in the server's numeric.c.
    let packed = u32::try_from(modifier).ok()?.checked_sub(4)?;
    let (precision, scale) = (packed >> 16, packed & 0x7ff);
    // A scale of 11 bits with a sign. Negative scales round to tens, and scales may exceed the precision.
    let fits = precision <= MAX_PRECISION && scale <= precision;
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    (fits && precision > 0).then_some(DataType::Decimal128(precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_of_their_declaration() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        for (precision, scale, expected) in [
            (5, 2, Some(DataType::Decimal128(5, 2))),
            (38, 38, Some(DataType::Decimal128(38, 38))),
            (10, 0, Some(DataType::Decimal128(10, 0))),
            (39, 2, None),
            (1000, 500, None),
            (3, 5, None),
            (3, -2, None),
        ] {
            assert_eq!(decimal(modifier(precision, scale)), expected, "{precision}, {scale}");
        }
        assert_eq!(decimal(-1), None);
    }
}
