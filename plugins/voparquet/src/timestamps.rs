//! Timestamps as counts of microseconds, in place of text.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::timezone::Tz;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::array_value_to_string;
use arrow_cast::parse::string_to_datetime;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::Value;
use taploom_format::{
    CellShape, Column, ColumnMetadata, Datatype, Error, ErrorKind, Resource, Result, ResultSchema,
    TableMetadata, TimeOrigin, TimeSys, VocabularyTerm, XmlId,
};

/// The columns that become counts of microseconds since 1970.
///
/// To the contract they are `long`; what the Parquet file says of them is put back at the end.
pub(crate) struct Timestamps {
    schema: ResultSchema,
    columns: Vec<Counted>,
}

struct Counted {
    index: usize,
    name: String,
    given: DataType,
    /// `UTC` where the count is of UTC, so that readers may take it for an instant.
    zone: Option<Arc<str>>,
}

impl Timestamps {
    /// Finds the columns, and describes them anew: datatype `long`, unit `us`, and the `ref` of a
    /// TIMESYS with the origin of the count.
    ///
    /// # Errors
    /// Those of [`ResultSchema::new`].
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
                metadata.push(column.resolved());
                continue;
            }
            let system = systems.counting(&mut table, column.metadata().reference.as_ref())?;
            columns.push(Counted {
                index,
                name: column.name().to_owned(),
                given: field.data_type().clone(),
                zone: (system.timescale == "UTC").then(|| "UTC".into()),
            });
            fields.push(field.as_ref().clone().with_data_type(DataType::Int64));
            metadata.push(ColumnMetadata {
                datatype: Some(Datatype::Long),
                unit: Some("us".to_owned()),
                reference: Some(system.id),
                arraysize: None,
                xtype: None,
                // They are of the text.
                null_value: None,
                values: None,
                width: None,
                precision: None,
                ..column.metadata().clone()
            });
        }
        let arrow = Schema::new_with_metadata(fields, schema.arrow().metadata().clone());
        let schema = ResultSchema::new(Arc::new(arrow), metadata)?.with_table(table);
        Ok(Self { schema, columns })
    }

    /// The result as it is described in the footer.
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

    /// The batch with counts in place of timestamps; `rows` came before it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidValue`] naming column and row of a cell that is no timestamp, or one that
    /// microseconds can't say.
    pub(crate) fn counted(&self, batch: &RecordBatch, rows: u64) -> Result<RecordBatch> {
        // What is no batch of this result is for the check of all columns to name.
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
            let counts = micros(array).map_err(|Unfit { index, why }| {
                let value = array_value_to_string(array, index).unwrap_or_default();
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

fn contradiction(cause: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "a batch contradicts its schema").with_source(cause)
}

/// Scalars of xtype `timestamp` that come as timestamps, dates or text.
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

/// What a dictionary or a run stands for.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        plain => plain,
    }
}

/// The TIMESYS elements that say where counts begin; one for each scale and place.
struct TimeSystems {
    taken: HashSet<String>,
    given: Vec<TimeSys>,
    made: Vec<TimeSys>,
}

impl TimeSystems {
    fn new(schema: &ResultSchema) -> Self {
        let mut taken = HashSet::new();
        if let Ok(table) = serde_json::to_value(schema.table()) {
            collect_ids(&table, &mut taken);
        }
        for column in schema.columns() {
            if let Ok(field) = serde_json::to_value(column.metadata()) {
                collect_ids(&field, &mut taken);
            }
        }
        let mut given = Vec::new();
        for resource in [&schema.table().resource, &schema.table().document] {
            collect_timesys(resource, &mut given);
        }
        Self { taken, given, made: Vec::new() }
    }

    /// The system of counts of a column that had a reference: with scale and place of the TIMESYS
    /// that it led to, else with those of a timestamp that has none (DALI 1.1, 3.3.3).
    fn counting(
        &mut self,
        table: &mut TableMetadata,
        reference: Option<&XmlId>,
    ) -> Result<TimeSys> {
        let given = self.given.iter().find(|system| Some(&system.id) == reference);
        let (timescale, refposition) = match given {
            Some(given) => (given.timescale.clone(), given.refposition.clone()),
            None => (VocabularyTerm::UTC, VocabularyTerm::UNKNOWN),
        };
        let same = |made: &&TimeSys| made.timescale == timescale && made.refposition == refposition;
        if let Some(made) = self.made.iter().find(same) {
            return Ok(made.clone());
        }
        let numbered = (2_usize..).map(|number| format!("unix_time_{number}"));
        let mut ids = std::iter::once("unix_time".to_owned()).chain(numbered);
        // The numbers do not end.
        let id = ids.find(|id| !self.taken.contains(id)).unwrap_or_default();
        self.taken.insert(id.clone());
        let (id, timeorigin) = (XmlId::try_from(id)?, Some(TimeOrigin::UNIX_EPOCH));
        let system = TimeSys { id, timeorigin, timescale, refposition };
        self.made.push(system.clone());
        table.resource.timesys.push(system.clone());
        Ok(system)
    }
}

fn collect_timesys(resource: &Resource, into: &mut Vec<TimeSys>) {
    into.extend_from_slice(&resource.timesys);
    for inner in &resource.resources {
        collect_timesys(inner, into);
    }
}

fn collect_ids(value: &Value, into: &mut HashSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(id)) = members.get("ID") {
                into.insert(id.clone());
            }
            members.values().for_each(|member| collect_ids(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, into)),
        _ => {}
    }
}

/// A cell for which there is no count.
struct Unfit {
    index: usize,
    why: &'static str,
}

const TOO_FINE: &str = "it has parts of a microsecond";
const TOO_FAR: &str = "it is too far from 1970";

/// Microseconds since 1970.
fn micros(array: &ArrayRef) -> Result<PrimitiveArray<Int64Type>, Unfit> {
    let broken = |_| Unfit { index: 0, why: "its type can't be converted" };
    let per_day = 86_400_000_000;
    match array.data_type() {
        DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _) => {
            micros(&cast(array, plain(array.data_type())).map_err(broken)?)
        }
        DataType::Timestamp(unit, _) => {
            let ticks = cast(array, &DataType::Int64).map_err(broken)?;
            let ticks = ticks.as_primitive();
            match unit {
                TimeUnit::Second => scaled(ticks, 1_000_000),
                TimeUnit::Millisecond => scaled(ticks, 1_000),
                TimeUnit::Microsecond => Ok(ticks.clone()),
                TimeUnit::Nanosecond => each(ticks, |nanos| match nanos % 1_000 {
                    0 => Ok(nanos / 1_000),
                    _ => Err(TOO_FINE),
                }),
            }
        }
        DataType::Date32 => {
            let days = cast(array, &DataType::Int32).and_then(|days| cast(&days, &DataType::Int64));
            scaled(days.map_err(broken)?.as_primitive(), per_day)
        }
        DataType::Date64 => {
            let millis = cast(array, &DataType::Int64).map_err(broken)?;
            scaled(millis.as_primitive(), 1_000)
        }
        _ => {
            let texts = cast(array, &DataType::Utf8).map_err(broken)?;
            let texts = texts.as_string::<i32>();
            let counts = texts.iter().enumerate().map(|(index, text)| {
                text.map(|text| parsed(text).map_err(|why| Unfit { index, why })).transpose()
            });
            counts.collect()
        }
    }
}

fn scaled(
    ticks: &PrimitiveArray<Int64Type>,
    factor: i64,
) -> Result<PrimitiveArray<Int64Type>, Unfit> {
    each(ticks, |tick| tick.checked_mul(factor).ok_or(TOO_FAR))
}

fn each(
    ticks: &PrimitiveArray<Int64Type>,
    count: impl Fn(i64) -> Result<i64, &'static str>,
) -> Result<PrimitiveArray<Int64Type>, Unfit> {
    let counts = ticks.iter().enumerate().map(|(index, tick)| {
        tick.map(|tick| count(tick).map_err(|why| Unfit { index, why })).transpose()
    });
    counts.collect()
}

/// A timestamp of DALI 1.1, 3.3.3; an offset is taken into account.
fn parsed(text: &str) -> Result<i64, &'static str> {
    /// Decimals of a second that are more than microseconds.
    const BEYOND: Range<usize> = 6..usize::MAX;
    let utc: Tz = "+00:00".parse().map_err(|_| "there is no UTC")?;
    let text = text.trim();
    let time = string_to_datetime(&utc, text)
        .map_err(|_| "it is no timestamp; one is 2025-05-23T17:00:35.025")?;
    if let Some((_, decimals)) = text.split_once('.') {
        let digits = decimals.bytes().take_while(u8::is_ascii_digit).enumerate();
        if digits.filter(|(place, _)| BEYOND.contains(place)).any(|(_, digit)| digit != b'0') {
            return Err(TOO_FINE);
        }
    }
    Ok(time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Date32Array, Date64Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
        TimestampSecondArray,
    };

    use super::*;

    fn counts(array: &ArrayRef) -> Result<Vec<Option<i64>>, (usize, &'static str)> {
        let counts = micros(array).map_err(|unfit| (unfit.index, unfit.why))?;
        Ok(counts.iter().collect())
    }

    #[test]
    fn every_unit_is_counted_in_microseconds() {
        let expected = Ok(vec![Some(86_400_000_000), None]);
        for array in [
            Arc::new(TimestampSecondArray::from(vec![Some(86_400), None])) as ArrayRef,
            Arc::new(TimestampMillisecondArray::from(vec![Some(86_400_000), None])),
            Arc::new(TimestampNanosecondArray::from(vec![Some(86_400_000_000_000), None])),
            Arc::new(Date32Array::from(vec![Some(1), None])),
            Arc::new(Date64Array::from(vec![Some(86_400_000), None])),
            Arc::new(StringArray::from(vec![Some("1970-01-02"), None])),
            Arc::new(StringArray::from(vec![Some("1970-01-02T00:00:00Z"), None])),
            Arc::new(StringArray::from(vec![Some("1970-01-02T02:00:00+02:00"), None])),
        ] {
            assert_eq!(counts(&array), expected, "{}", array.data_type());
        }
    }

    #[test]
    fn what_has_no_count_is_named() {
        for (array, expected) in [
            (
                Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001])) as ArrayRef,
                (1, TOO_FINE),
            ),
            (Arc::new(TimestampSecondArray::from(vec![0, i64::MAX])), (1, TOO_FAR)),
            (Arc::new(StringArray::from(vec!["2025-05-23T17:00:35.0250001"])), (0, TOO_FINE)),
            (
                Arc::new(StringArray::from(vec!["2025-05-23", "yesterday"])),
                (1, "it is no timestamp; one is 2025-05-23T17:00:35.025"),
            ),
        ] {
            assert_eq!(counts(&array), Err(expected));
        }
        let zeros = StringArray::from(vec!["1970-01-01T00:00:00.000001000"]);
        let zeros = Arc::new(zeros) as ArrayRef;
        assert_eq!(counts(&zeros), Ok(vec![Some(1)]));
    }

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
