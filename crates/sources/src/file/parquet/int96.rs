//! Timestamps of type INT96: a Julian day, and the nanoseconds of the day.

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

/// Number of values that are checked at a time.
const VALUES: usize = 8192;

/// A schema with which timestamps of type INT96 are read without loss; `None` if the default schema does
/// so.
///
/// The Parquet crate reads INT96 as nanoseconds. 64 bits of nanoseconds span the years 1677 to 2262, and
/// other dates wrap around. INT96 has no reliable statistics, so all of its values are checked. A column
/// with other dates is read as microseconds. A file with an Arrow schema names the unit, and its writer had
/// its timestamps in that unit.
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

/// Whether a leaf has times outside of the range of nanoseconds.
fn needs_microseconds(reader: &SerializedFileReader<File>, leaf: usize) -> Result<bool> {
    let column = reader.metadata().file_metadata().schema_descr().column(leaf);
    let mut row = 0_u64;
    // The first row that is out of range for nanoseconds, and the first row that needs nanoseconds.
    let (mut beyond, mut finer) = (None, None);
    for index in 0..reader.num_row_groups() {
        let named = |error: ParquetError| {
            let (name, count) = (column.path().string(), reader.num_row_groups());
            let place = format!("column {name:?}, row group {} of {count}", index + 1);
            ParquetError::General(format!("{place}: {error}"))
        };
        let group = reader.get_row_group(index)?;
        let ColumnReader::Int96ColumnReader(mut values) =
            group.get_column_reader(leaf).map_err(named)?
        else {
            continue;
        };
        let (mut levels, mut repeated, mut read) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let (levels, repeated) = (&mut levels, &mut repeated);
            let (records, _, _) = values
                .read_records(VALUES, Some(&mut *levels), Some(&mut *repeated), &mut read)
                .map_err(named)?;
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
            "column {:?}: the time in row {beyond} is out of range for nanoseconds, and the time in row {finer} \
             is finer than microseconds",
            column.path().string()
        ))),
        (beyond, _) => Ok(beyond.is_some()),
    }
}

/// Whether a time fits nanoseconds since 1970, and whether it fits microseconds.
fn fits(time: &Int96) -> (bool, bool) {
    const EPOCH: i128 = 2_440_588;
    const OF_A_DAY: i128 = 86_400_000_000_000;
    let [low, high, day] = *time.data() else { return (false, false) };
    // The reader treats both numbers as signed.
    let nanos = i128::from(((u64::from(high) << 32) | u64::from(low)) as i64);
    let since = (i128::from(day as i32) - EPOCH) * OF_A_DAY + nanos;
    let in_micros = since % 1000 == 0 && i64::try_from(since / 1000).is_ok();
    (i64::try_from(since).is_ok(), in_micros)
}

fn fields(of: &Fields, needed: &mut impl Iterator<Item = bool>) -> Fields {
    of.iter().map(|of| field(of, needed)).collect()
}

/// The field with the types of its leaves replaced. Arrow and Parquet have the same leaves in the same
/// order.
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
