//! Generated rows for a list of columns, for benchmarks and for tests of wide tables.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, RecordBatchOptions, StringArray, UInt8Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use taploom_model::{
    BatchSource, ColumnMetadata, Datatype, Error, ErrorKind, Extent, Result, RowSource, VoType,
};

use crate::column_list::ColumnList;
use crate::error::invalid;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

const ROWS: u64 = 10_000;
const SEED: u64 = 1;
const NULLS: f64 = 0.07;

/// The source type.
struct Synth;

register_source!(
    /// The source `synth:`: generated rows for a list of columns.
    SYNTH = Synth
);

#[async_trait]
impl SourceType for Synth {
    const INFO: SourceInfo = SourceInfo::new("synth", "generated rows for a list of columns")
        .with_prefixes(&["synth:"], "synth:COLUMNS.json?rows=N&seed=S&nulls=F");

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        open(place.text(), request)
    }
}

/// Opens `COLUMNS.json?rows=N&seed=S&nulls=F`.
fn open(location: &str, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    let (path, parameters) = location.rsplit_once('?').unwrap_or((location, ""));
    if path.is_empty() {
        return Err(invalid(
            "source synth: needs the file with the list of columns: synth:COLUMNS.json?rows=N",
        ));
    }
    let (mut rows, mut seed, mut nulls) = (ROWS, SEED, NULLS);
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
        if seen.contains(&name) {
            return Err(invalid(format!("source synth: parameter {name} is given twice")));
        }
        seen.push(name.clone());
        let wrong = |what: &str| {
            invalid(format!("source synth: {name} can't be {value:?}; it takes {what}"))
        };
        match &*name {
            "rows" => rows = value.parse().map_err(|_| wrong("a whole number"))?,
            "seed" => seed = value.parse().map_err(|_| wrong("a whole number"))?,
            "nulls" => {
                nulls = value
                    .parse()
                    .ok()
                    .filter(|nulls| (0.0..=1.0).contains(nulls))
                    .ok_or_else(|| wrong("a fraction from 0 to 1"))?;
            }
            _ => {
                return Err(invalid(format!(
                    "source synth: parameter {name} is unknown; known: rows, seed, nulls"
                )));
            }
        }
    }
    let list = ColumnList::read(Path::new(path))?;
    let table = GeneratedTable::new(&list.columns, seed, nulls)?;
    let arrow = Arc::clone(&table.schema);
    let schema = request.columns.as_ref().unwrap_or(&list).describe(arrow)?;
    let most = request.batch_rows.max(1) as u64;
    let mut next = 0;
    let batches = std::iter::from_fn(move || {
        let first = next;
        next = rows.min(first + most);
        (first < next).then(|| table.batch(first, (next - first) as usize))
    });
    Ok(Box::new(BatchSource::new(schema, batches).with_rows_hint(rows)))
}

/// Every cell depends only on the seed, the column and the row, so batches may have any size.
struct GeneratedTable {
    schema: SchemaRef,
    columns: Vec<GeneratedColumn>,
}

struct GeneratedColumn {
    rule: ValueRule,
    key: u64,
    /// A cell is null if 32 random bits are below this number.
    nulls_below: u64,
}

enum ValueRule {
    /// Mostly false, like the flags of a survey.
    Boolean,
    UnsignedByte,
    Short,
    Int,
    /// Ascending, like ids.
    Long,
    /// Random mantissas, which no codec can compress, with magnitudes from 1/8 to 4096.
    Float,
    Double,
    /// Words of ASCII letters, up to this length.
    Text(usize),
}

impl GeneratedTable {
    fn new(columns: &[ColumnMetadata], seed: u64, nulls: f64) -> Result<Self> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut made = Vec::with_capacity(columns.len());
        for (index, metadata) in columns.iter().enumerate() {
            let name = metadata.name.clone().unwrap_or_else(|| format!("column_{}", index + 1));
            let refused = |message: &str| {
                Error::new(ErrorKind::InvalidRequest, format!("source synth: {message}"))
                    .with_column(&name)
            };
            let datatype =
                metadata.datatype.ok_or_else(|| refused("the column needs a datatype"))?;
            if datatype.is_complex() || (!datatype.is_text() && metadata.arraysize.is_some()) {
                return Err(refused("arrays of numbers can't be generated"));
            }
            let carrier = datatype.element();
            let rule = match datatype {
                Datatype::Boolean | Datatype::Bit => ValueRule::Boolean,
                Datatype::UnsignedByte => ValueRule::UnsignedByte,
                Datatype::Short => ValueRule::Short,
                Datatype::Int => ValueRule::Int,
                Datatype::Long => ValueRule::Long,
                Datatype::Float => ValueRule::Float,
                Datatype::Double => ValueRule::Double,
                _ => ValueRule::Text(text_length(datatype, metadata)),
            };
            // Columns that identify a row are never null.
            let ucd = metadata.ucd.as_deref().unwrap_or_default();
            let main =
                matches!(rule, ValueRule::Long) || ucd.split(';').any(|word| word == "meta.main");
            fields.push(Field::new(&name, carrier, !main));
            made.push(GeneratedColumn {
                rule,
                key: mix(seed ^ mix(index as u64 + 1)),
                nulls_below: if main { 0 } else { (nulls * 2f64.powi(32)) as u64 },
            });
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns: made })
    }

    fn batch(&self, first: u64, rows: usize) -> Result<RecordBatch> {
        let arrays = self.columns.iter().map(|column| column.array(first, rows)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options).map_err(
            |error| Error::new(ErrorKind::Internal, "made-up rows are wrong").with_source(error),
        )
    }
}

fn text_length(datatype: Datatype, metadata: &ColumnMetadata) -> usize {
    let vo_type = VoType { datatype, arraysize: metadata.arraysize.clone(), xtype: None };
    match vo_type.cell().text_length() {
        Some(Extent::Fixed(length) | Extent::Bounded(length)) => (length as usize).min(8),
        Some(Extent::Free) | None => 8,
    }
}

impl GeneratedColumn {
    fn array(&self, first: u64, rows: usize) -> ArrayRef {
        let random = |row: usize| self.random(first + row as u64);
        let nulls = (self.nulls_below > 0).then(|| {
            // Null and value depend on different bits.
            let null = |bits: u64| bits.wrapping_mul(0x9e6c_63d0_676a_9a99) >> 32;
            NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| {
                null(random(row)) >= self.nulls_below
            }))
        });
        macro_rules! numbers {
            ($array:ident, $value:expr) => {{
                let value = $value;
                let values: Vec<_> = (0..rows).map(|row| value(random(row))).collect();
                Arc::new($array::new(values.into(), nulls))
            }};
        }
        match self.rule {
            ValueRule::Boolean => {
                let values = BooleanBuffer::collect_bool(rows, |row| random(row) & 0x1f == 0);
                Arc::new(BooleanArray::new(values, nulls))
            }
            ValueRule::UnsignedByte => numbers!(UInt8Array, |bits: u64| (bits >> 56) as u8),
            ValueRule::Short => numbers!(Int16Array, |bits: u64| (bits >> 48) as i16),
            ValueRule::Int => numbers!(Int32Array, |bits: u64| (bits >> 54) as i32),
            ValueRule::Long => {
                let ids = (0..rows).map(|row| {
                    let id = first + row as u64;
                    (1_000_000_000_000 + id * 8 + (random(row) & 7)) as i64
                });
                Arc::new(Int64Array::from_iter_values(ids))
            }
            ValueRule::Float => numbers!(Float32Array, |bits: u64| {
                let exponent = 124 + ((bits & 0xf) as u32);
                let sign = ((bits >> 4) as u32 & 1) << 31;
                f32::from_bits(sign | exponent << 23 | (bits >> 41) as u32)
            }),
            ValueRule::Double => numbers!(Float64Array, |bits: u64| {
                let exponent = 1020 + (bits & 0xf);
                let sign = (bits >> 4 & 1) << 63;
                f64::from_bits(sign | exponent << 52 | bits >> 12)
            }),
            ValueRule::Text(most) => {
                let words = (0..rows).map(|row| {
                    let mut bits = random(row);
                    let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                    valid.then(|| {
                        let length = 1 + (bits % most.max(1) as u64) as usize;
                        let mut letter = || {
                            bits = bits.rotate_right(5);
                            char::from(b'a' + (bits % 26) as u8)
                        };
                        (0..length).map(|_| letter()).collect::<String>()
                    })
                });
                Arc::new(words.collect::<StringArray>())
            }
        }
    }

    fn random(&self, row: u64) -> u64 {
        mix(self.key.wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every input bit affects every output bit.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
