//! Timestamps of INT96, which has a Julian day and the nanoseconds of the day.

use std::fs::File;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Type;
use parquet::column::reader::ColumnReader;
use parquet::data_type::Int96;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};

/// Values that are looked at together.
const VALUES: usize = 8192;

/// The schema that reads timestamps of INT96 without a loss, or `None` if the file needs no other schema.
///
/// The Parquet crate reads INT96 in nanoseconds, of which 64 bits span the years 1677 to 2262: other dates
/// wrap around. INT96 has no statistics that can be relied on, so that all of its values are looked at. A column
/// with other dates is read in microseconds. A file with an Arrow schema names the unit, and its timestamps were
/// in range.
pub(super) fn without_loss(file: &File, read: &ArrowReaderMetadata) -> Result<Option<SchemaRef>> {
    let metadata = read.metadata().file_metadata();
    let leaves = metadata.schema_descr().columns();
    if !leaves.iter().any(|leaf| leaf.physical_type() == Type::INT96) {
        return Ok(None);
    }
    let mut keys = metadata.key_value_metadata().into_iter().flatten();
    if keys.any(|pair| pair.key == ARROW_SCHEMA_META_KEY) {
        return Ok(None);
    }
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    let needed = leaves.iter().enumerate().map(|(leaf, column)| match column.physical_type() {
        Type::INT96 => needs_microseconds(&reader, leaf),
        _ => Ok(false),
    });
    let mut needed = needed.collect::<Result<Vec<_>>>()?.into_iter();
    let schema = read.schema();
    let fields = fields(schema.fields(), &mut needed);
    Ok(Some(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))))
}

/// Whether a leaf has times that nanoseconds do not span.
fn needs_microseconds(reader: &SerializedFileReader<File>, leaf: usize) -> Result<bool> {
    let column = reader.metadata().file_metadata().schema_descr().column(leaf);
    let mut row = 0_u64;
    // The rows of the first time beyond nanoseconds, and of the first that microseconds do not hold.
    let (mut beyond, mut finer) = (None, None);
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let ColumnReader::Int96ColumnReader(mut values) = group.get_column_reader(leaf)? else {
            continue;
        };
        let (mut levels, mut repeated, mut read) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let (levels, repeated) = (&mut levels, &mut repeated);
            let (records, _, _) =
                values.read_records(VALUES, Some(&mut *levels), Some(&mut *repeated), &mut read)?;
            if records == 0 {
                break;
            }
            let is_nested = column.max_rep_level() > 0;
            let entries = if column.max_def_level() > 0 { levels.len() } else { read.len() };
            let mut cells = read.iter();
            for entry in 0..entries {
                row += u64::from(!is_nested || repeated.get(entry) == Some(&0));
                if levels.get(entry).is_some_and(|level| *level < column.max_def_level()) {
                    continue;
                }
                let Some(cell) = cells.next() else { break };
                let (in_nanos, in_micros) = fits(cell);
                beyond = beyond.or((!in_nanos).then_some(row));
                finer = finer.or((!in_micros).then_some(row));
            }
            levels.clear();
            repeated.clear();
            read.clear();
        }
    }
    match (beyond, finer) {
        (Some(beyond), Some(finer)) => Err(ParquetError::NYI(format!(
            "column {:?}: row {beyond} has a time that nanoseconds since 1970 do not span, and row {finer} one \
             that microseconds do not hold",
            column.path().string()
        ))),
        (beyond, _) => Ok(beyond.is_some()),
    }
}

/// Whether a time is held by nanoseconds since 1970, and by microseconds.
fn fits(time: &Int96) -> (bool, bool) {
    const EPOCH: i128 = 2_440_588;
    const OF_A_DAY: i128 = 86_400_000_000_000;
    let [low, high, day] = *time.data() else { return (false, false) };
    // The reader takes both numbers as signed.
    let nanos = i128::from(((u64::from(high) << 32) | u64::from(low)) as i64);
    let since = (i128::from(day as i32) - EPOCH) * OF_A_DAY + nanos;
    let in_micros = since % 1000 == 0 && i64::try_from(since / 1000).is_ok();
    (i64::try_from(since).is_ok(), in_micros)
}

fn fields(of: &Fields, needed: &mut impl Iterator<Item = bool>) -> Fields {
    of.iter().map(|of| field(of, needed)).collect()
}

/// The field with its leaves replaced. Arrow has the same leaves as Parquet, in the same order.
fn field(of: &FieldRef, needed: &mut impl Iterator<Item = bool>) -> FieldRef {
    let data_type = match of.data_type() {
        DataType::Struct(inner) => DataType::Struct(fields(inner, needed)),
        DataType::List(item) => DataType::List(field(item, needed)),
        DataType::LargeList(item) => DataType::LargeList(field(item, needed)),
        DataType::FixedSizeList(item, length) => {
            DataType::FixedSizeList(field(item, needed), *length)
        }
        DataType::Map(entries, sorted) => DataType::Map(field(entries, needed), *sorted),
        leaf => match (needed.next(), leaf) {
            (Some(true), DataType::Timestamp(_, zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            _ => leaf.clone(),
        },
    };
    Arc::new(Field::clone(of).with_data_type(data_type))
}
