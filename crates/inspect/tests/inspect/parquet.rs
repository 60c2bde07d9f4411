//! Parquet files: facts compared with the `parquet` crate, all kinds of damage, and advice.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{FileReader, SerializedFileReader};
use taploom_heap_meter::HeapMeter;
use taploom_inspect::{Bound, InspectOptions, Inspection, inspect};

fn rows(first: i32, count: i32) -> RecordBatch {
    let numbers: ArrayRef =
        Arc::new(Int32Array::from_iter((first..first + count).map(|n| (n % 7 != 0).then_some(n))));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values(
        (first..first + count).map(|n| f64::from(n) / 3.0),
    ));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (first..first + count).map(|n| format!("star {n}")),
    ));
    RecordBatch::try_from_iter([("n", numbers), ("x", floats), ("name", texts)]).unwrap()
}

fn write(path: &Path, groups: i32, count: i32, properties: WriterPropertiesBuilder) {
    let properties = properties.build();
    let schema = rows(0, 1).schema();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), schema, Some(properties)).unwrap();
    for group in 0..groups {
        writer.write(&rows(group * count, count)).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
}

fn look(path: &Path, verify: bool) -> Inspection {
    let options = InspectOptions::default().with_verify(verify);
    block_on(inspect(path.to_str().unwrap(), &options)).unwrap()
}

fn about(found: &Inspection) -> BTreeSet<&'static str> {
    found.advice.iter().map(|advice| advice.about).collect()
}

#[test]
fn figures_are_those_of_the_footer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_bloom_filter_enabled(true);
    write(&path, 9, 1000, properties);
    let options = InspectOptions::default().with_chunk_bytes(true);
    let found = block_on(inspect(path.to_str().unwrap(), &options)).unwrap();
    assert!(found.is_sound(), "{:?}", found.problems);
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let metadata = reader.metadata();
    let parquet = found.parquet.as_ref().unwrap();
    assert_eq!((found.rows, parquet.row_groups.count), (Some(9000), 9));
    let mut chunk_bytes = Vec::new();
    for group in metadata.row_groups() {
        chunk_bytes.extend(group.columns().iter().map(|chunk| chunk.compressed_size() as u64));
    }
    assert_eq!(parquet.chunk_bytes, chunk_bytes);
    for (index, column) in found.columns.iter().enumerate() {
        let chunks = column.chunks.as_ref().unwrap();
        let of = |bytes: fn(&ColumnChunkMetaData) -> i64| {
            metadata.row_groups().iter().map(|group| bytes(group.column(index)) as u64).sum::<u64>()
        };
        assert_eq!(chunks.compressed_bytes, of(ColumnChunkMetaData::compressed_size));
        assert_eq!(chunks.uncompressed_bytes, of(ColumnChunkMetaData::uncompressed_size));
        assert_eq!(chunks.values, of(ColumnChunkMetaData::num_values));
        assert_eq!(
            chunks.bloom_filter_bytes,
            of(|chunk| chunk.bloom_filter_length().unwrap().into())
        );
        assert_eq!(
            chunks.column_index_bytes,
            of(|chunk| chunk.column_index_length().unwrap().into())
        );
        assert_eq!(
            chunks.offset_index_bytes,
            of(|chunk| chunk.offset_index_length().unwrap().into())
        );
        assert_eq!(chunks.codecs[0].name, "SNAPPY");
        assert_eq!((chunks.chunks, chunks.with_statistics, chunks.bloom_filters), (9, 9, 9));
    }
    let chunks = found.columns[0].chunks.as_ref().unwrap();
    assert_eq!(chunks.nulls, Some(1286));
    assert_eq!((&chunks.min, &chunks.max), (&Some(Bound::Integer(1)), &Some(Bound::Integer(8999))));
    let texts = found.columns[2].chunks.as_ref().unwrap();
    assert_eq!(texts.max, Some(Bound::Text("star 999".to_owned())));
    assert_eq!(found.columns[2].type_name, "STRING");
}

#[test]
fn memory_does_not_grow_with_the_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.parquet");
    let columns = 200;
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let batch =
        RecordBatch::try_from_iter((0..columns).map(|n| (format!("c{n}"), Arc::clone(&column))))
            .unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties))
            .unwrap();
    for _ in 0..100 {
        writer.write(&batch).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    let meter = HeapMeter::start().unwrap();
    let found = look(&path, false);
    let peak = meter.peak();
    assert_eq!((found.rows, found.parquet.unwrap().row_groups.count), (Some(300), 100));
    // As structs of the `parquet` crate, 20,000 chunks take 10 MB.
    assert!(peak < 1_500_000, "{peak} bytes");
}

#[test]
fn a_flipped_bit_in_a_page_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 3, 1000, WriterProperties::builder());
    // The `parquet` crate writes no checksums by default, so its pages can't be verified.
    let sound = look(&path, true);
    assert!(sound.is_sound(), "{:?}", sound.problems);
    assert_eq!(sound.readable.as_ref().unwrap().rows, 3000);
    let bytes = fs::read(&path).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let chunk = reader.metadata().row_group(1).column(2);
    let (start, _) = chunk.byte_range();
    let mut damaged = bytes;
    // The first byte of the header of the first page.
    damaged[usize::try_from(start).unwrap()] = 0xff;
    fs::write(&path, damaged).unwrap();
    assert!(look(&path, false).is_sound(), "the footer is whole");
    let found = look(&path, true);
    assert!(
        found.problems[0].starts_with("column \"name\", row group 2: "),
        "{:?}",
        found.problems
    );
    let readable = found.readable.unwrap();
    assert_eq!((readable.rows, readable.of), (2000, Some(3000)));
    assert_eq!(
        (readable.damaged_row_groups, readable.damaged_columns),
        (vec![2], vec!["name".to_owned()])
    );
}

/// One changed byte can turn a field into another one. Readers refuse a footer that lacks a required field.
#[test]
fn a_footer_without_a_field_that_is_required_is_damaged() {
    const CHECKED: [&str; 13] = [
        "version",
        "schema",
        "num_rows",
        "row_groups",
        "columns",
        "total_byte_size",
        "file_offset",
        "encodings",
        "codec",
        "num_values",
        "total_uncompressed_size",
        "total_compressed_size",
        "data_page_offset",
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 2, 50, WriterProperties::builder());
    let bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    let footer = u32::from_le_bytes(bytes[length - 8..length - 4].try_into().unwrap());
    let mut missing = BTreeSet::new();
    for place in length - 8 - usize::try_from(footer).unwrap()..length - 8 {
        for change in [0x10, 0x20, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] ^= change;
            fs::write(&path, damaged).unwrap();
            let Err(error) = SerializedFileReader::new(File::open(&path).unwrap()) else {
                continue;
            };
            let error = error.to_string();
            let name = error.split_once("Required field ").map(|(_, rest)| rest);
            let name = name.and_then(|rest| rest.split_whitespace().next());
            if let Some(name) = name.filter(|name| CHECKED.contains(name)) {
                let found = look(&path, false);
                assert!(!found.is_sound(), "byte {place}, changed by {change:#x}: {error}");
                missing.insert(name.to_owned());
            }
        }
    }
    assert!(missing.contains("codec") && missing.len() > 5, "{missing:?}");
}

#[test]
fn a_file_cut_anywhere_or_with_any_byte_changed_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 2, 50, WriterProperties::builder());
    let bytes = fs::read(&path).unwrap();
    for length in (4..bytes.len()).step_by(11) {
        fs::write(&path, &bytes[..length]).unwrap();
        let found = look(&path, true);
        assert!(!found.is_sound(), "cut to {length} bytes");
        assert_eq!(found.readable.unwrap().rows, 0);
    }
    // Any byte of the footer or of the first pages.
    let footer = bytes.len()
        - 8
        - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    for at in (4..400).chain(footer..bytes.len()) {
        for change in [0xff_u8, 0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            fs::write(&path, &changed).unwrap();
            // Not every change can be detected, but none may panic or take long.
            look(&path, true);
        }
    }
}

#[test]
fn advice_says_what_is_so_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let builder = || WriterProperties::builder();
    write(&path, 60, 100, builder().set_statistics_enabled(EnabledStatistics::None));
    assert_eq!(
        about(&look(&path, false)),
        BTreeSet::from([
            "row_groups",
            "dictionaries",
            "statistics",
            "float_order",
            "checksums",
            "compression"
        ])
    );
    let snappy = || builder().set_compression(Compression::SNAPPY);
    write(&path, 1, 20_000, snappy().set_dictionary_enabled(false));
    assert_eq!(about(&look(&path, false)), BTreeSet::from(["checksums", "float_order"]));
    // All texts are different, so the writer gives up the dictionary.
    write(&path, 1, 200_000, snappy().set_dictionary_page_size_limit(100_000));
    assert!(about(&look(&path, false)).contains("dictionaries"));
}

#[test]
fn what_is_not_a_file_is_the_callers_fault() {
    let options = InspectOptions::default();
    for path in ["/no/where.parquet", "/tmp"] {
        let error = block_on(inspect(path, &options)).unwrap_err();
        assert!(error.is_caller_fault() && error.to_string().contains(path), "{error}");
    }
}

#[test]
fn a_file_is_parquet_by_its_name_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    fs::write(&path, "").unwrap();
    assert_eq!(look(&path, true).problems, ["the file is empty"]);
    write(&path, 1, 10, WriterProperties::builder());
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] = b'X';
    fs::write(&path, bytes).unwrap();
    let found = look(&path, true);
    assert!(
        found.problems[0].starts_with("the file does not begin with PAR1"),
        "{:?}",
        found.problems
    );
    assert_eq!(found.rows, Some(10));
}
