//! Every reader reads every encoding and codec of Parquet that the loom writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, TimeUnit};
use half::f16;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use taploom_loom::{Encodings, LoomOptions};
use taploom_tests::{Reader, Readers};

use super::page::Cell;

use crate::common::loom;

const ROWS: usize = 3000;

/// A row of the table: the written encoding, and the result of each reader.
pub(crate) struct Tried {
    pub(crate) encoding: String,
    pub(crate) of: &'static str,
    pub(crate) cells: Vec<Cell>,
}

/// The readers with their own decoder. Astropy is left out, because it uses pyarrow's.
pub(crate) fn readers() -> Vec<Reader> {
    Reader::OF_PARQUET.into_iter().filter(|reader| *reader != Reader::Astropy).collect()
}

/// All encodings of the physical types that have them.
pub(crate) fn encodings() -> Vec<Tried> {
    use Encoding::*;
    let fixed = [PLAIN, RLE_DICTIONARY, DELTA_BYTE_ARRAY, BYTE_STREAM_SPLIT];
    let integers = [PLAIN, RLE_DICTIONARY, DELTA_BINARY_PACKED, BYTE_STREAM_SPLIT];
    let cases: [(&'static str, ArrayRef, &[Encoding]); 12] = [
        ("BOOLEAN", booleans(), &[PLAIN, RLE]),
        ("INT32", cast::<Int32Type>(|row| (row * 37 % 5000) as i32), &integers),
        (
            "INT32, of more than 28 bits",
            cast::<Int32Type>(|row| scatter(row) as i32),
            &integers[2..3],
        ),
        ("INT64", cast::<Int64Type>(|row| 1_000_000_000_000 + row as i64 * 37), &integers),
        (
            "INT64, of more than 28 bits",
            cast::<Int64Type>(|row| scatter(row) as i64),
            &integers[2..3],
        ),
        ("INT64, timestamps", timestamps(), &integers),
        (
            "FLOAT",
            cast::<Float32Type>(|row| row as f32 / 7.0),
            &[PLAIN, RLE_DICTIONARY, BYTE_STREAM_SPLIT],
        ),
        (
            "DOUBLE",
            cast::<Float64Type>(|row| row as f64 / 7.0),
            &[PLAIN, RLE_DICTIONARY, BYTE_STREAM_SPLIT],
        ),
        (
            "BYTE_ARRAY",
            texts(),
            &[PLAIN, RLE_DICTIONARY, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY],
        ),
        ("FIXED_LEN_BYTE_ARRAY", binaries(), &fixed),
        (
            "FIXED_LEN_BYTE_ARRAY, float16",
            cast::<Float16Type>(|row| f16::from_f32(row as f32 / 8.0)),
            &fixed,
        ),
        ("FIXED_LEN_BYTE_ARRAY, decimals", decimals(), &fixed),
    ];
    let mut tried = Vec::new();
    for (of, nullable, encodings) in cases {
        for encoding in encodings {
            let properties = match encoding {
                RLE_DICTIONARY => builder().set_dictionary_enabled(true),
                encoding => builder().set_dictionary_enabled(false).set_encoding(*encoding),
            };
            let cells = cells(&batch(&nullable), properties.build());
            tried.push(Tried { encoding: encoding.to_string(), of, cells });
        }
    }
    tried
}

/// All codecs, and a file with both compressed and uncompressed chunks.
pub(crate) fn codecs() -> Vec<Tried> {
    let rows = batch(&texts());
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ];
    let mut tried: Vec<Tried> = codecs
        .into_iter()
        .map(|codec| {
            let name = codec.to_string();
            let encoding = name.split('(').next().unwrap_or_default().to_owned();
            let cells = cells(&rows, builder().set_compression(codec).build());
            Tried { encoding, of: "all columns", cells }
        })
        .collect();
    let mixed = builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_column_compression("required".into(), Compression::UNCOMPRESSED)
        .build();
    tried.push(Tried {
        encoding: "ZSTD".to_owned(),
        of: "some columns",
        cells: cells(&rows, mixed),
    });
    tried
}

fn builder() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_data_page_size_limit(4 << 10)
        .set_data_page_row_count_limit(1000)
        .set_write_batch_size(500)
}

/// The results of all readers for the rows.
fn cells(rows: &RecordBatch, properties: WriterProperties) -> Vec<Cell> {
    let rows = std::slice::from_ref(rows);
    let options = LoomOptions::new().with_properties(properties).with_encodings(Encodings::AsSet);
    let (bytes, _) = loom(rows, options);
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let cell = |reader| {
        let compared = Readers::with(|readers| readers.compare(reader, file.path(), rows));
        match compared.map(BTreeMap::into_iter).map(|mut differences| differences.next()) {
            Ok(None) => Cell::Yes,
            Ok(Some((_, why))) | Err(why) => Cell::No(why),
        }
    };
    readers().into_iter().map(cell).collect()
}

/// The same values with nulls and without.
fn batch(nullable: &ArrayRef) -> RecordBatch {
    let valid: Vec<u32> = (0..ROWS as u32).filter(|row| nullable.is_valid(*row as usize)).collect();
    let repeated = UInt32Array::from_iter_values((0..ROWS).map(|row| valid[row % valid.len()]));
    let required = arrow_select::take::take(nullable, &repeated, None).unwrap();
    let columns = [("nullable", Arc::clone(nullable), true), ("required", required, false)];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn some<T>(row: usize, value: T) -> Option<T> {
    (row % 7 != 3).then_some(value)
}

fn cast<T: ArrowPrimitiveType>(value: fn(usize) -> T::Native) -> ArrayRef {
    Arc::new((0..ROWS).map(|row| some(row, value(row))).collect::<PrimitiveArray<T>>())
}

fn booleans() -> ArrayRef {
    Arc::new((0..ROWS).map(|row| some(row, row / 5 % 3 == 0)).collect::<BooleanArray>())
}

fn timestamps() -> ArrayRef {
    let seconds = cast::<Int64Type>(|row| 1_700_000_000_000_000 + row as i64 * 1_000_001);
    arrow_cast::cast(&seconds, &DataType::Timestamp(TimeUnit::Microsecond, None)).unwrap()
}

fn texts() -> ArrayRef {
    let text = |row: usize| format!("object {:06} {}", row * 3, "é".repeat(row % 5));
    Arc::new((0..ROWS).map(|row| some(row, text(row))).collect::<StringArray>())
}

fn binaries() -> ArrayRef {
    let bytes = (0..ROWS).map(|row| some(row, (row as u32 * 7).to_be_bytes()));
    Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 4).unwrap())
}

fn decimals() -> ArrayRef {
    let numbers = (0..ROWS).map(|row| some(row, 10_i128.pow(20) * row as i128));
    let numbers: Decimal128Array = numbers.collect();
    Arc::new(numbers.with_precision_and_scale(38, 3).unwrap())
}

fn scatter(row: usize) -> u64 {
    (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
