//! The columns of a Parquet file, from its list of schema elements.

use taploom_thrift::{self as thrift, Input, Reader, Taken};

use super::fields::take;

/// A column without child columns: a leaf of the schema, which has chunks.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaf {
    /// The names on the path from the root.
    pub(super) path: Vec<String>,
    /// The top-level column that it belongs to.
    pub(super) root: usize,
    pub(super) physical: i64,
    pub(super) logical: Logical,
}

/// The logical type of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Logical {
    #[default]
    None,
    /// A type without parameters, by its name.
    Named(&'static str),
    Decimal {
        precision: i64,
        scale: i64,
    },
    Date,
    Time {
        unit: Unit,
        utc: bool,
    },
    Timestamp {
        unit: Unit,
        utc: bool,
    },
    Integer {
        bits: i64,
        signed: bool,
    },
    Float16,
    Text,
    Uuid,
    Interval,
}

/// The unit of a time or timestamp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Unit {
    #[default]
    Millis,
    Micros,
    Nanos,
}

/// Names of physical types, by their number in parquet.thrift.
pub(super) const PHYSICAL: [&str; 8] =
    ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"];

impl Leaf {
    /// The physical type, as parquet.thrift calls it.
    pub(super) fn physical_name(&self) -> &'static str {
        usize::try_from(self.physical).ok().and_then(|at| PHYSICAL.get(at)).unwrap_or(&"UNKNOWN")
    }

    /// The logical type with its parameters.
    pub(super) fn logical_name(&self) -> Option<String> {
        let unit = |unit, utc| {
            let unit = match unit {
                Unit::Millis => "ms",
                Unit::Micros => "us",
                Unit::Nanos => "ns",
            };
            if utc { format!("{unit}, UTC") } else { unit.to_owned() }
        };
        Some(match self.logical {
            Logical::None => return None,
            Logical::Named(name) => name.to_owned(),
            Logical::Decimal { precision, scale } => format!("DECIMAL({precision}, {scale})"),
            Logical::Date => "DATE".to_owned(),
            Logical::Time { unit: of, utc } => format!("TIME({})", unit(of, utc)),
            Logical::Timestamp { unit: of, utc } => format!("TIMESTAMP({})", unit(of, utc)),
            Logical::Integer { bits, signed: true } => format!("INT{bits}"),
            Logical::Integer { bits, signed: false } => format!("UINT{bits}"),
            Logical::Float16 => "FLOAT16".to_owned(),
            Logical::Text => "STRING".to_owned(),
            Logical::Uuid => "UUID".to_owned(),
            Logical::Interval => "INTERVAL".to_owned(),
        })
    }
}

/// Maximum number of schema elements; a footer with more counts as damaged.
const MOST_ELEMENTS: usize = 1 << 20;
/// Maximum size in bytes of a name.
const MOST_NAME: u64 = 64 << 10;
/// Maximum depth of nesting.
const MOST_DEPTH: usize = 100;

/// Collects leaves from schema elements, which come depth first.
#[derive(Debug, Default)]
pub(super) struct SchemaReader {
    elements: usize,
    /// The open groups from the root: name, and number of children still to come.
    open: Vec<(String, u64)>,
    roots: usize,
    pub(super) leaves: Vec<Leaf>,
}

impl SchemaReader {
    /// Reads the next element.
    pub(super) fn element<I: Input>(&mut self, reader: &mut Reader<I>) -> thrift::Result<()> {
        let (mut name, mut children, mut physical) = (String::new(), 0, -1);
        let (mut converted, mut scale, mut precision) = (-1, 0, 0);
        let mut logical = Logical::None;
        reader.each_field(|reader, id, kind| match id {
            1 => take!(physical, reader.integer(kind)),
            4 => take!(name, reader.text(kind, MOST_NAME)),
            5 => take!(children, reader.size(kind)),
            6 => take!(converted, reader.integer(kind)),
            7 => take!(scale, reader.integer(kind)),
            8 => take!(precision, reader.integer(kind)),
            10 => take!(logical, logical_type(reader)),
            _ => Ok(Taken::No),
        })?;
        self.elements += 1;
        if self.elements > MOST_ELEMENTS || self.open.len() > MOST_DEPTH {
            return Err(reader.malformed("part of a schema with fewer columns"));
        }
        if self.elements == 1 {
            self.open.push((name, children));
            return Ok(());
        }
        if logical == Logical::None {
            logical = by_converted_type(converted, precision, scale);
        }
        while self.open.last().is_some_and(|(_, left)| *left == 0) {
            self.open.pop();
        }
        let depth = self.open.len();
        let Some((_, left)) = self.open.last_mut() else {
            return Err(reader.malformed("the end of the schema"));
        };
        *left -= 1;
        if depth == 1 {
            self.roots += 1;
        }
        if children > 0 {
            self.open.push((name, children));
            return Ok(());
        }
        let path = self.open.iter().skip(1).map(|(name, _)| name.clone()).chain([name]).collect();
        self.leaves.push(Leaf { path, root: self.roots - 1, physical, logical });
        Ok(())
    }
}

/// The union LogicalType.
fn logical_type<I: Input>(reader: &mut Reader<I>) -> thrift::Result<Logical> {
    let mut logical = Logical::None;
    reader.each_field(|reader, id, _| {
        logical = match id {
            1 => Logical::Text,
            4 => Logical::Named("ENUM"),
            5 => {
                let (mut scale, mut precision) = (0, 0);
                reader.each_field(|reader, id, kind| match id {
                    1 => take!(scale, reader.integer(kind)),
                    2 => take!(precision, reader.integer(kind)),
                    _ => Ok(Taken::No),
                })?;
                logical = Logical::Decimal { precision, scale };
                return Ok(Taken::Yes);
            }
            6 => Logical::Date,
            7 | 8 => {
                let (unit, utc) = time(reader)?;
                logical = match id {
                    7 => Logical::Time { unit, utc },
                    _ => Logical::Timestamp { unit, utc },
                };
                return Ok(Taken::Yes);
            }
            10 => {
                let (mut bits, mut signed) = (0, true);
                reader.each_field(|reader, id, kind| match id {
                    1 => take!(bits, reader.integer(kind)),
                    2 => take!(signed, reader.boolean(kind)),
                    _ => Ok(Taken::No),
                })?;
                logical = Logical::Integer { bits, signed };
                return Ok(Taken::Yes);
            }
            11 => Logical::Named("NULL"),
            12 => Logical::Named("JSON"),
            13 => Logical::Named("BSON"),
            14 => Logical::Uuid,
            15 => Logical::Float16,
            16 => Logical::Named("VARIANT"),
            17 => Logical::Named("GEOMETRY"),
            18 => Logical::Named("GEOGRAPHY"),
            _ => logical,
        };
        Ok(Taken::No)
    })?;
    Ok(logical)
}

/// TimeType and TimestampType.
fn time<I: Input>(reader: &mut Reader<I>) -> thrift::Result<(Unit, bool)> {
    let (mut unit, mut utc) = (Unit::default(), false);
    reader.each_field(|reader, id, kind| match id {
        1 => take!(utc, reader.boolean(kind)),
        2 => {
            reader.each_field(|_, id, _| {
                unit = match id {
                    2 => Unit::Micros,
                    3 => Unit::Nanos,
                    _ => Unit::Millis,
                };
                Ok(Taken::No)
            })?;
            Ok(Taken::Yes)
        }
        _ => Ok(Taken::No),
    })?;
    Ok((unit, utc))
}

/// The logical type in files from before logical types existed.
fn by_converted_type(converted: i64, precision: i64, scale: i64) -> Logical {
    match converted {
        0 => Logical::Text,
        4 => Logical::Named("ENUM"),
        5 => Logical::Decimal { precision, scale },
        6 => Logical::Date,
        7 => Logical::Time { unit: Unit::Millis, utc: true },
        8 => Logical::Time { unit: Unit::Micros, utc: true },
        9 => Logical::Timestamp { unit: Unit::Millis, utc: true },
        10 => Logical::Timestamp { unit: Unit::Micros, utc: true },
        bits @ 11..=14 => Logical::Integer { bits: 8 << (bits - 11), signed: false },
        bits @ 15..=18 => Logical::Integer { bits: 8 << (bits - 15), signed: true },
        19 => Logical::Named("JSON"),
        20 => Logical::Named("BSON"),
        21 => Logical::Interval,
        _ => Logical::None,
    }
}
