//! The reader of the format, which shares no code with its writer.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{ArrayRef, ListArray, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, FieldRef};
use serde_json::Value;
use taploom_format::{CanonicalRows, ResultSchema};
use taploom_testkit::{Decoded, Oracle};

/// Reads files of the test format.
pub(crate) struct PlantedOracle;

impl Oracle for PlantedOracle {
    fn decode(&mut self, bytes: &[u8], schema: &ResultSchema) -> Result<Decoded, String> {
        let mut input = Input { bytes, big: false };
        let length = input.length()?;
        let header: Value = parsed(input.take(length)?)?;
        input.big = header["big"] == Value::Bool(true);
        let columns = header["columns"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = columns
            .iter()
            .map(|column| column["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        let nullable: Vec<bool> = parsed_value(header["nullable"].clone())?;
        let canonical = CanonicalRows::new(schema).map_err(|error| error.to_string())?;
        let fields = canonical.schema().arrow().fields();
        if names.len() != fields.len() || nullable.len() != fields.len() {
            return Err(format!("{} columns, expected are {}", names.len(), fields.len()));
        }
        let mut builders: Vec<Builder> =
            fields.iter().map(|field| Builder::of(field.data_type())).collect();
        let mut rows = 0_u64;
        loop {
            match input.take(1)? {
                b"R" => rows += 1,
                b"E" => break,
                other => return Err(format!("row {}: no row begins with {other:?}", rows + 1)),
            }
            for (builder, nullable) in builders.iter_mut().zip(&nullable) {
                builder.read(&mut input, *nullable)?;
            }
        }
        let said = u64::from_le_bytes(array(input.take(8)?));
        if said != rows {
            return Err(format!("the trailer says {said} rows, and there are {rows}"));
        }
        let length = input.length()?;
        let trailer: Value = parsed(input.take(length)?)?;
        if !input.bytes.is_empty() {
            return Err(format!("{} bytes follow the trailer", input.bytes.len()));
        }
        let arrays = builders.into_iter().map(Builder::finish).collect::<Vec<ArrayRef>>();
        let fields = fields.iter().map(|field| field.as_ref().clone().with_nullable(true));
        let arrow = Arc::new(arrow_schema::Schema::new(fields.collect::<Vec<_>>()));
        let rows = RecordBatch::try_new(arrow, arrays).map_err(|error| error.to_string())?;
        let text = |name: &str| trailer[name].as_str().map(str::to_owned);
        let mut metadata = columns.into_iter().map(parsed_value).collect::<Result<Vec<_>, _>>()?;
        let table = parsed_value(header["table"].clone())?;
        let (mut status, message) = (text("status"), text("message"));
        if let Some(envelope) = header["envelope"].as_str() {
            in_envelope(envelope, &text("footer").unwrap_or_default(), &mut metadata, &mut status);
        }
        let decoded = Decoded::new(names, rows).with_status(status, message);
        Ok(decoded.with_metadata(metadata, table))
    }
}

/// The unit of the last FIELD and the status, read from an envelope.
fn in_envelope(
    header: &str,
    footer: &str,
    columns: &mut [taploom_format::ColumnMetadata],
    status: &mut Option<String>,
) {
    let unit = header.rsplit_once("unit=\"").and_then(|(_, rest)| rest.split_once('"'));
    if let (Some(column), Some((unit, _))) = (columns.last_mut(), unit) {
        column.unit = Some(unit.to_owned());
    }
    *status = footer.contains("value=\"OVERFLOW\"").then(|| "OVERFLOW".to_owned());
}

fn parsed(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn parsed_value<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

struct Input<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or("the file ends too early")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize, String> {
        Ok(u32::from_le_bytes(array(self.take(4)?)) as usize)
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

enum Builder {
    Boolean(BooleanBuilder),
    UInt8(PrimitiveBuilder<UInt8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Text(StringBuilder),
    List { item: FieldRef, elements: Box<Builder>, lengths: Vec<usize>, valid: Vec<bool> },
}

impl Builder {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::UInt8 => Self::UInt8(PrimitiveBuilder::new()),
            DataType::Int16 => Self::Int16(PrimitiveBuilder::new()),
            DataType::Int32 => Self::Int32(PrimitiveBuilder::new()),
            DataType::Int64 => Self::Int64(PrimitiveBuilder::new()),
            DataType::Float32 => Self::Float32(PrimitiveBuilder::new()),
            DataType::Float64 => Self::Float64(PrimitiveBuilder::new()),
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::List(item) => Self::List {
                item: Arc::clone(item),
                elements: Box::new(Self::of(item.data_type())),
                lengths: Vec::new(),
                valid: Vec::new(),
            },
            other => panic!("{other} is not a canonical type"),
        }
    }

    fn read(&mut self, input: &mut Input<'_>, nullable: bool) -> Result<(), String> {
        let is_null = nullable && input.take(1)? == [0];
        macro_rules! number {
            ($builder:ident, $native:ty) => {{
                const BYTES: usize = size_of::<$native>();
                let value = match (is_null, input.big) {
                    (true, _) => None,
                    (_, false) => Some(<$native>::from_le_bytes(array(input.take(BYTES)?))),
                    (_, true) => Some(<$native>::from_be_bytes(array(input.take(BYTES)?))),
                };
                $builder.append_option(value);
            }};
        }
        match self {
            Self::Boolean(builder) if is_null => builder.append_null(),
            Self::Boolean(builder) => match input.take(1)? {
                [0] => builder.append_value(false),
                [1] => builder.append_value(true),
                other => return Err(format!("{other:?} is not a boolean")),
            },
            Self::UInt8(builder) => number!(builder, u8),
            Self::Int16(builder) => number!(builder, i16),
            Self::Int32(builder) => number!(builder, i32),
            Self::Int64(builder) => number!(builder, i64),
            Self::Float32(builder) => number!(builder, f32),
            Self::Float64(builder) => number!(builder, f64),
            Self::Text(builder) if is_null => builder.append_null(),
            Self::Text(builder) => {
                let length = input.length()?;
                let text = std::str::from_utf8(input.take(length)?);
                builder.append_value(text.map_err(|error| error.to_string())?);
            }
            Self::List { elements, lengths, valid, .. } => {
                let length = if is_null { 0 } else { input.length()? };
                for _ in 0..length {
                    elements.read(input, true)?;
                }
                lengths.push(length);
                valid.push(!is_null);
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::UInt8(mut builder) => Arc::new(builder.finish()),
            Self::Int16(mut builder) => Arc::new(builder.finish()),
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) => Arc::new(builder.finish()),
            Self::Float32(mut builder) => Arc::new(builder.finish()),
            Self::Float64(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::List { item, elements, lengths, valid } => Arc::new(ListArray::new(
                item,
                OffsetBuffer::from_lengths(lengths),
                elements.finish(),
                Some(valid.into()),
            )),
        }
    }
}
