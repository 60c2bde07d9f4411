//! Tables of every type, and the writers to compare.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod cells;
mod random;

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int32Builder, ListBuilder, MapBuilder, StringBuilder,
};
use arrow_array::*;
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::WriterProperties;
use taploom_loom::{Encodings, FloatOrder, LoomOptions, LoomWriter, Written};

pub(crate) use self::random::scatter;

fn some<T>(row: usize, value: T) -> Option<T> {
    (!scatter(row).is_multiple_of(11)).then_some(value)
}

fn word(row: usize) -> String {
    let random = scatter(row);
    "αlpha-βeta ".repeat((random % 5) as usize) + &(random % 1000).to_string()
}

/// Rows `first..first + rows` of a table with every type that Parquet can hold.
pub(crate) fn every_type(first: usize, rows: usize) -> RecordBatch {
    let range = || first..first + rows;
    let floats: Float64Array = range().map(|row| some(row, 1.0 / scatter(row) as f64)).collect();
    let plain: Float64Array = range().map(|row| Some((scatter(row) >> 11) as f64)).collect();
    let longs: Int64Array = range().map(|row| some(row, scatter(row) as i64)).collect();
    let small: Int64Array = range().map(|row| some(row, (scatter(row) % 100) as i64)).collect();
    let words: StringArray = range().map(|row| some(row, word(row))).collect();
    let few: StringArray = range().map(|row| some(row, ["star", "galaxy", ""][row % 3])).collect();
    let bytes: BinaryArray = range().map(|row| some(row, word(row).into_bytes())).collect();
    let flags: BooleanArray =
        range().map(|row| some(row, scatter(row).is_multiple_of(3))).collect();
    let mut fixed = FixedSizeBinaryBuilder::new(5);
    range().for_each(|row| match some(row, scatter(row).to_be_bytes()) {
        Some(bytes) => fixed.append_value(&bytes[..5]).unwrap(),
        None => fixed.append_null(),
    });

    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut add = |name: &str, array: ArrayRef| columns.push((name.to_owned(), array));
    add("double", Arc::new(floats.clone()));
    add("no_nulls", Arc::new(plain));
    add("all_null", Arc::new(Float32Array::new_null(rows)));
    add("null", Arc::new(NullArray::new(rows)));
    add("boolean", Arc::new(flags));
    add("utf8", Arc::new(words.clone()));
    add("few", Arc::new(few.clone()));
    add("binary", Arc::new(bytes.clone()));
    add("fixed", Arc::new(fixed.finish()));
    let halves: Float16Array =
        range().map(|row| some(row, half::f16::from_f64(scatter(row) as f64 / 1e19))).collect();
    add("float16", Arc::new(halves));
    for to in [
        DataType::Float32,
        DataType::Decimal128(38, 3),
        DataType::Decimal256(60, 3),
        DataType::Utf8View,
        DataType::LargeUtf8,
    ] {
        add(&format!("double as {to}"), cast(&floats, &to).unwrap());
    }
    for to in [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Date32,
        DataType::Time32(arrow_schema::TimeUnit::Second),
        DataType::Time64(arrow_schema::TimeUnit::Nanosecond),
        DataType::Decimal32(7, 2),
        DataType::Decimal64(15, 2),
    ] {
        let name = format!("small as {to}");
        let through = match to {
            DataType::Date32 | DataType::Time32(_) => cast(&small, &DataType::Int32).unwrap(),
            _ => Arc::new(small.clone()),
        };
        add(&name, cast(&through, &to).unwrap());
    }
    for to in [
        DataType::Int64,
        DataType::Date64,
        DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None),
        DataType::Timestamp(arrow_schema::TimeUnit::Nanosecond, Some("UTC".into())),
        DataType::Duration(arrow_schema::TimeUnit::Millisecond),
    ] {
        add(&format!("long as {to}"), cast(&longs, &to).unwrap());
    }
    for to in [DataType::LargeUtf8, DataType::Utf8View, DataType::LargeBinary] {
        add(&format!("word as {to}"), cast(&words, &to).unwrap());
    }
    add("binary view", cast(&bytes, &DataType::BinaryView).unwrap());
    for values in [DataType::Utf8, DataType::LargeUtf8, DataType::Binary] {
        let to = DataType::Dictionary(Box::new(DataType::Int16), Box::new(values));
        add(&format!("few as {to}"), cast(&few, &to).unwrap());
    }
    let to = DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Int64));
    add("dictionary of numbers", cast(&small, &to).unwrap());
    let runs = Field::new("values", DataType::Utf8, true);
    let ends = Field::new("run_ends", DataType::Int32, false);
    let to = DataType::RunEndEncoded(Arc::new(ends), Arc::new(runs));
    add("runs", cast(&few, &to).unwrap());

    // Lists: null, empty, and of several lengths.
    let mut lists = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    let mut lists_of_text = ListBuilder::new(StringBuilder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in range() {
        for inner in 0..scatter(row) % 3 {
            for value in 0..scatter(row + 7) % 4 {
                lists.values().values().append_option(some(row + inner as usize, value as i32));
            }
            lists.values().append(!scatter(row).is_multiple_of(5));
        }
        lists.append(!scatter(row).is_multiple_of(7));
        for value in 0..scatter(row) % 4 {
            lists_of_text.values().append_option(some(row, word(row + value as usize)));
            maps.keys().append_value(format!("key {value}"));
            maps.values().append_option(some(row, value as i32));
        }
        lists_of_text.append(!scatter(row).is_multiple_of(7));
        maps.append(!scatter(row).is_multiple_of(7)).unwrap();
    }
    let lists_of_text: ArrayRef = Arc::new(lists_of_text.finish());
    add("lists of lists", Arc::new(lists.finish()));
    add("map", Arc::new(maps.finish()));
    let item = |to: DataType| Arc::new(Field::new_list_field(to, true));
    for to in [
        DataType::LargeList(item(DataType::Utf8)),
        DataType::ListView(item(DataType::Utf8)),
        DataType::List(item(DataType::Utf8View)),
        DataType::List(item(DataType::Dictionary(
            Box::new(DataType::Int32),
            Box::new(DataType::Utf8),
        ))),
    ] {
        add(&format!("lists as {to}"), cast(&lists_of_text, &to).unwrap());
    }
    add("lists of text", lists_of_text);
    let triples: Float32Array = (first * 3..(first + rows) * 3)
        .map(|index| some(index, (scatter(index) % 512) as f32))
        .collect();
    let nulls = NullBuffer::from_iter(range().map(|row| row % 6 != 0));
    let triples =
        FixedSizeListArray::new(item(DataType::Float32), 3, Arc::new(triples), Some(nulls.clone()));
    let fields: Fields = vec![
        Field::new("word", DataType::Utf8, true),
        Field::new("triple", triples.data_type().clone(), true),
    ]
    .into();
    let arrays: Vec<ArrayRef> = vec![Arc::new(words), Arc::new(triples.clone())];
    add("triples", Arc::new(triples));
    let structs = StructArray::new(fields, arrays, Some(nulls));
    let offsets = OffsetBuffer::from_lengths((0..rows).map(|_| 1));
    let item = Arc::new(Field::new_list_field(structs.data_type().clone(), true));
    add("struct", Arc::new(structs.clone()));
    add("list of structs", Arc::new(ListArray::new(item, offsets, Arc::new(structs), None)));

    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(name, array.data_type().clone(), name != "no_nulls"))
        .collect();
    let columns = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Every codec that the loom writes, at its default level.
pub(crate) fn codecs() -> [Compression; 5] {
    [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
    ]
}

/// Batches of odd sizes, each a slice of a larger one.
pub(crate) fn batches(make: impl Fn(usize, usize) -> RecordBatch, rows: usize) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    let mut row = 0;
    while row < rows {
        let count = (1 + scatter(row) as usize % 700).min(rows - row);
        batches.push(make(row.saturating_sub(3), count + 5).slice(row.min(3), count));
        row += count;
    }
    batches
}

/// The file that `ArrowWriter` writes.
pub(crate) fn arrow_writer(batches: &[RecordBatch], properties: WriterProperties) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batches[0].schema(), Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    file
}

/// The file that the loom writes.
pub(crate) fn loom(batches: &[RecordBatch], options: LoomOptions) -> (Vec<u8>, Written) {
    let mut file = Vec::new();
    let mut writer = LoomWriter::try_new(&mut file, batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let written = writer.close().unwrap();
    (file, written)
}

/// Options with which the loom has to write the same file as `ArrowWriter`.
pub(crate) fn as_set(properties: WriterProperties) -> LoomOptions {
    LoomOptions::new()
        .with_properties(properties)
        .with_encodings(Encodings::AsSet)
        .with_float_order(FloatOrder::Total)
        .with_checksums(false)
}

/// All rows of a file, read by the Parquet crate with its page indexes.
pub(crate) fn read(file: Vec<u8>) -> (SchemaRef, Vec<RecordBatch>) {
    use parquet::arrow::arrow_reader::ArrowReaderOptions;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes::Bytes::from(file), options)
            .unwrap();
    let schema = Arc::clone(builder.schema());
    let reader = builder.with_batch_size(1000).build().unwrap();
    (schema, reader.map(Result::unwrap).collect())
}
