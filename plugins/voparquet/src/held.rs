//! The Arrow types that a Parquet file can hold, and the information that readers need to restore
//! them.

use arrow_schema::{DataType, Field, IntervalUnit, Metadata, Schema, TimeUnit};
use parquet::arrow::{ArrowSchemaConverter, PARQUET_FIELD_ID_META_KEY, parquet_to_arrow_schema};
use parquet::schema::types::SchemaDescriptor;
use taploom_format::{Error, ErrorKind, Result, plain_type};

use crate::options::Timestamp;

/// The keys of VO metadata in an Arrow schema, which the VOTable in the footer replaces.
const OURS: &str = "vo:";

/// The type in which a file holds an Arrow type; `None` if it can't hold the type.
///
/// Dictionaries, runs and views become plain values. Parquet has no seconds (LogicalTypes.md, Temporal Types):
/// timestamps and times in seconds become milliseconds, and Date64 becomes a DATE.
pub(crate) fn held(data_type: &DataType, timestamp: Timestamp) -> Option<DataType> {
    let leaf = |leaf: &DataType| match leaf {
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64
            if timestamp != Timestamp::AsGiven =>
        {
            None
        }
        DataType::Timestamp(TimeUnit::Second, zone) => {
            Some(DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))
        }
        DataType::Time32(TimeUnit::Second) => Some(DataType::Time32(TimeUnit::Millisecond)),
        DataType::Date64 => Some(DataType::Date32),
        // A Parquet group has at least one field, and an INTERVAL counts milliseconds.
        DataType::Interval(IntervalUnit::MonthDayNano) => None,
        held => Some(held.clone()),
    };
    plain_type(data_type, &leaf).filter(|plain| !has_empty_struct(plain))
}

fn has_empty_struct(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => {
            fields.is_empty() || fields.iter().any(|field| has_empty_struct(field.data_type()))
        }
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::Map(inner, _) => has_empty_struct(inner.data_type()),
        _ => false,
    }
}

/// The Parquet schema of an Arrow schema.
///
/// # Errors
/// [`ErrorKind::UnsupportedColumn`] if Parquet can't hold a column.
pub(crate) fn in_parquet(schema: &Schema) -> Result<SchemaDescriptor> {
    let converted = ArrowSchemaConverter::new().with_coerce_types(true).convert(schema);
    converted.map_err(|error| {
        Error::new(ErrorKind::UnsupportedColumn, "Parquet can't hold a column").with_source(error)
    })
}

/// Whether a reader needs Arrow's schema in addition to Parquet's to restore the types and the field
/// metadata.
pub(crate) fn needs_arrow_schema(schema: &Schema, in_parquet: &SchemaDescriptor) -> bool {
    let Ok(read) = parquet_to_arrow_schema(in_parquet, None) else { return true };
    schema.fields().iter().zip(read.fields()).any(|(field, read)| {
        !field.data_type().equals_datatype(read.data_type()) || has_metadata(field)
    })
}

fn has_metadata(field: &Field) -> bool {
    // Parquet itself can store the id of a field.
    let mut keys = field.metadata().keys();
    keys.any(|key| key != PARQUET_FIELD_ID_META_KEY)
        || match field.data_type() {
            DataType::Struct(fields) => fields.iter().any(|field| has_metadata(field)),
            DataType::List(inner)
            | DataType::LargeList(inner)
            | DataType::FixedSizeList(inner, _)
            | DataType::Map(inner, _) => has_metadata(inner),
            _ => false,
        }
}

/// The columns without the keys of VO metadata.
pub(crate) fn without_vo_keys(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| {
        let keys = field.metadata().iter().filter(|(key, _)| !key.starts_with(OURS));
        let keys: Metadata = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        field.as_ref().clone().with_metadata(keys)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The keys of a source that the new file keeps, in alphabetical order: all except the keys that describe
/// only the old file, which are written again.
pub(crate) fn kept_keys(schema: &Schema) -> Vec<(String, String)> {
    let ours = ["ARROW:schema", "IVOA.VOTable-Parquet.", crate::longest::PREFIX, OURS];
    let keys = schema.metadata().iter();
    let keys = keys.filter(|(key, _)| !ours.iter().any(|ours| key.starts_with(ours)));
    let mut keys: Vec<_> = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    keys.sort_unstable();
    keys
}
