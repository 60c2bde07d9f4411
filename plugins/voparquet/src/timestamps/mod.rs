//! Writes columns of timestamps as counts of microseconds instead of text.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use taploom_format::{
    Arraysize, CellShape, Column, ColumnMetadata, Datatype, Error, ErrorKind, Result, ResultSchema,
    XmlId, shown_cell,
};

use self::microseconds::{Uncountable, micros, plain};
use self::time_systems::TimeSystems;

mod microseconds;
mod time_systems;

/// The columns that become counts of microseconds since 1970.
///
/// In the result's schema they have datatype `long`. They get their type in the Parquet file, TIMESTAMP, just
/// before they are written.
pub(crate) struct Timestamps {
    schema: ResultSchema,
    columns: Vec<CountedColumn>,
}

/// A column that is counted.
struct CountedColumn {
    index: usize,
    name: String,
    /// The Arrow type in which the column comes.
    given: DataType,
    /// `UTC` if the counts are in UTC, so that readers may take them for instants.
    zone: Option<Arc<str>>,
}

impl Timestamps {
    /// Finds the columns, and gives them new metadata: datatype `long`, unit `us`, and a `ref` to a TIMESYS
    /// with the origin of the counts.
    ///
    /// # Errors
    /// As [`ResultSchema::new`].
    pub(crate) fn new(schema: &ResultSchema) -> Result<Self> {
        let mut table = schema.table().clone();
        let mut systems = TimeSystems::new(schema);
        let mut columns = Vec::new();
        let mut fields = Vec::with_capacity(schema.columns().len());
        let mut metadata = Vec::with_capacity(schema.columns().len());
        for (index, (column, field)) in
            schema.columns().iter().zip(schema.arrow().fields()).enumerate()
        {
            if !is_timestamp(column, field.data_type()) {
                fields.push(field.as_ref().clone());
                metadata.push(column.metadata().clone());
                continue;
            }
            let system = systems.counting(&mut table, column.metadata().reference.as_ref())?;
            columns.push(CountedColumn {
                index,
                name: column.name().to_owned(),
                given: field.data_type().clone(),
                zone: (system.timescale == "UTC").then(|| "UTC".into()),
            });
            fields.push(field.as_ref().clone().with_data_type(DataType::Int64));
            metadata.push(counted(column, Datatype::Long, "us", system.id));
        }
        let arrow = Schema::new_with_metadata(fields, schema.arrow().metadata().clone());
        let schema = ResultSchema::new(Arc::new(arrow), metadata)?.with_table(table);
        Ok(Self { schema, columns })
    }

    /// The result as the footer describes it.
    pub(crate) fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    /// The schema of the Parquet file.
    pub(crate) fn in_parquet(&self, canonical: &Schema) -> SchemaRef {
        let mut fields: Vec<Field> =
            canonical.fields().iter().map(|field| field.as_ref().clone()).collect();
        for column in &self.columns {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, column.zone.clone());
            fields[column.index].set_data_type(micros);
        }
        Arc::new(Schema::new(fields))
    }

    /// The batch with counts instead of timestamps. `rows` is the number of rows before it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidValue`], with column and row, for a cell that is not a timestamp or can't be counted
    /// in microseconds.
    pub(crate) fn counted(&self, batch: &RecordBatch, rows: u64) -> Result<RecordBatch> {
        // The check of all columns refuses a batch of another result, and names the difference.
        if batch.num_columns() != self.schema.columns().len() {
            return Ok(batch.clone());
        }
        let mut fields: Vec<Field> =
            batch.schema_ref().fields().iter().map(|field| field.as_ref().clone()).collect();
        let mut arrays = batch.columns().to_vec();
        for column in &self.columns {
            let array = &arrays[column.index];
            if array.data_type() != &column.given {
                let message = format!(
                    "a batch has Arrow type {} where the result has {}",
                    array.data_type(),
                    column.given
                );
                return Err(Error::new(ErrorKind::SchemaMismatch, message)
                    .with_column(&column.name)
                    .with_row(rows + 1));
            }
            let counts = micros(array).map_err(|Uncountable { index, why }| {
                let value = shown_cell(array, index);
                let message = format!("{value:?} can't be written with timestamp=micros: {why}");
                Error::new(ErrorKind::InvalidValue, message)
                    .with_column(&column.name)
                    .with_row(rows + 1 + index as u64)
            })?;
            fields[column.index].set_data_type(DataType::Int64);
            arrays[column.index] = Arc::new(counts);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(contradiction)
    }

    /// The canonical batch with the types of the Parquet file.
    pub(crate) fn typed(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut arrays = batch.columns().to_vec();
        for column in &self.columns {
            let counts = arrays[column.index].as_primitive::<Int64Type>();
            let micros = counts.reinterpret_cast::<TimestampMicrosecondType>();
            arrays[column.index] = Arc::new(micros.with_timezone_opt(column.zone.clone()));
        }
        RecordBatch::try_new(Arc::clone(schema), arrays).map_err(contradiction)
    }
}

/// The metadata of a column as a count since 1970.
fn counted(column: &Column, datatype: Datatype, unit: &str, system: XmlId) -> ColumnMetadata {
    ColumnMetadata {
        datatype: Some(datatype),
        unit: Some(unit.to_owned()),
        reference: Some(system),
        arraysize: None,
        xtype: None,
        // These members described the text.
        null_value: None,
        values: None,
        width: None,
        precision: None,
        ..column.metadata().clone()
    }
}

/// The result as the footer describes it if columns of timestamps and dates are not converted: counts since
/// 1970 with their unit, and a `ref` to a TIMESYS with the origin. A column without a VOTable type is `char`
/// with arraysize `*` (Parquet in the VO 1.0, section 2.3). `in_parquet` has the types of the file. The types
/// of the Arrow schema describe only the FIELDs.
///
/// # Errors
/// As [`ResultSchema::new`].
pub(crate) fn described(schema: &ResultSchema, in_parquet: &Schema) -> Result<ResultSchema> {
    let mut table = schema.table().clone();
    let mut systems = TimeSystems::new(schema);
    let mut fields = Vec::with_capacity(schema.columns().len());
    let mut metadata = Vec::with_capacity(schema.columns().len());
    let columns = schema.columns().iter().zip(schema.arrow().fields()).zip(in_parquet.fields());
    for ((column, given), written) in columns {
        let in_time = match written.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Some((Datatype::Long, "ns")),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Some((Datatype::Long, "us")),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Some((Datatype::Long, "ms")),
            DataType::Date32 => Some((Datatype::Int, "d")),
            _ => None,
        };
        let (field, known) = match in_time {
            Some((datatype, unit)) => {
                let reference = column.metadata().reference.as_ref();
                let system = systems.counting(&mut table, reference)?;
                (DataType::Int64, counted(column, datatype, unit, system.id))
            }
            None if column.vo_type().is_err() => {
                let known = ColumnMetadata {
                    datatype: Some(Datatype::Char),
                    arraysize: Some(Arraysize::FREE),
                    ..column.metadata().clone()
                };
                (DataType::Utf8, known)
            }
            None => (given.data_type().clone(), column.metadata().clone()),
        };
        fields.push(given.as_ref().clone().with_data_type(field));
        metadata.push(known);
    }
    let arrow = Schema::new_with_metadata(fields, schema.arrow().metadata().clone());
    Ok(ResultSchema::new(Arc::new(arrow), metadata)?.with_table(table))
}

fn contradiction(cause: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "a batch contradicts its schema").with_source(cause)
}

/// Whether a column has scalars of xtype `timestamp` that come as timestamps, dates or text.
fn is_timestamp(column: &Column, data_type: &DataType) -> bool {
    let is_one = column.vo_type().is_ok_and(|vo_type| {
        matches!(vo_type.cell(), CellShape::Text { .. })
            && vo_type.xtype.as_deref() == Some("timestamp")
    });
    is_one
        && matches!(
            plain(data_type),
            DataType::Timestamp(_, _)
                | DataType::Date32
                | DataType::Date64
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
        )
}

#[cfg(test)]
mod tests {
    use taploom_format::{Resource, TableMetadata, TimeSys};

    use super::*;

    #[test]
    fn the_scale_is_that_of_the_timesys_and_ids_are_free() {
        let field = |name: &str| Field::new(name, DataType::Utf8, true);
        let arrow = Schema::new(vec![field("utc"), field("tdb"), field("text")]);
        let metadata = |json| serde_json::from_value(json).unwrap();
        let schema = ResultSchema::new(
            Arc::new(arrow),
            vec![
                metadata(serde_json::json!({
                    "datatype": "char", "arraysize": "*", "xtype": "timestamp", "ID": "unix_time"
                })),
                metadata(serde_json::json!({
                    "datatype": "char", "arraysize": "*", "xtype": "timestamp", "ref": "bary"
                })),
                ColumnMetadata::default(),
            ],
        );
        let given = TimeSys {
            id: "bary".parse().unwrap(),
            timeorigin: None,
            timescale: "TDB".parse().unwrap(),
            refposition: "BARYCENTER".parse().unwrap(),
        };
        let resource = Resource { timesys: vec![given], ..Default::default() };
        let table = TableMetadata { resource, ..Default::default() };
        let timestamps = Timestamps::new(&schema.unwrap().with_table(table)).unwrap();

        let made = &timestamps.schema().table().resource.timesys[1..];
        let shown: Vec<_> = made
            .iter()
            .map(|made| [made.id.as_str(), made.timescale.as_str(), made.refposition.as_str()])
            .collect();
        assert_eq!(
            shown,
            [["unix_time_2", "UTC", "UNKNOWN"], ["unix_time_3", "TDB", "BARYCENTER"]]
        );
        let zones: Vec<_> = timestamps.columns.iter().map(|column| column.zone.is_some()).collect();
        assert_eq!(zones, [true, false], "only UTC is an instant");
        let columns = timestamps.schema().columns();
        assert_eq!(columns[1].metadata().reference.as_deref(), Some("unix_time_3"));
        assert_eq!(columns[2].vo_type().unwrap().datatype, Datatype::UnicodeChar);
    }
}
