//! Compares whole files byte by byte, and checks what is refused.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::io;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Int16Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int16Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, UInt8Array,
};
use arrow_schema::{DataType, Field, Schema};
use taploom_format::{
    ColumnMetadata, Completion, EncodeContext, EncodeSummary, Error, ErrorKind, Options, Resources,
    Result, ResultSchema, ScratchSpace, TableMetadata,
};
use taploom_format_fits::PLUGIN;
use taploom_testkit::SharedSink;

fn column(json: &str) -> ColumnMetadata {
    serde_json::from_str(json).unwrap()
}

fn encode(
    batches: &[RecordBatch],
    metadata: &[ColumnMetadata],
    context: &EncodeContext,
    completion: Completion,
) -> Result<(Vec<u8>, EncodeSummary)> {
    let table = TableMetadata { name: Some("t".to_owned()), ..Default::default() };
    let schema = ResultSchema::new(batches[0].schema(), metadata.to_vec())?.with_table(table);
    let sink = SharedSink::default();
    let mut encoder =
        PLUGIN.start(&Options::default(), &schema, context, Box::new(sink.clone()))?;
    for batch in batches {
        encoder.write_batch(batch)?;
    }
    assert!(sink.bytes().is_empty(), "the header is written last, and nothing before it");
    let summary = encoder.finish(completion);
    assert!(summary.is_ok() || sink.bytes().is_empty());
    Ok((sink.bytes(), summary?))
}

fn encode_one(array: ArrayRef, metadata: &str) -> Result<(Vec<u8>, EncodeSummary)> {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    encode(&[batch], &[column(metadata)], &EncodeContext::default(), Completion::Complete)
}

/// The records of the table's header, and the bytes after it.
fn taken_apart(file: &[u8]) -> (Vec<String>, &[u8]) {
    assert_eq!(file.len() % 2880, 0);
    let mut records = Vec::new();
    let mut at = 2880;
    loop {
        let record = str::from_utf8(&file[at..at + 80]).unwrap().trim_end().to_owned();
        at += 80;
        if record == "END" {
            return (records, &file[at.next_multiple_of(2880)..]);
        }
        records.push(record);
    }
}

fn has(records: &[String], record: &str) -> bool {
    records.iter().any(|found| found == record)
}

#[test]
fn a_whole_file() {
    let short = Arc::new(Int16Array::from(vec![Some(-2), None])) as ArrayRef;
    let flag = Arc::new(BooleanArray::from(vec![None, Some(true)])) as ArrayRef;
    let text = Arc::new(StringArray::from(vec!["a", "bé\tc"])) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("s", short, true),
        ("flag", flag, true),
        ("s", text, true),
    ]);
    let metadata = [
        column(r#"{"unit": "m", "ucd": "phys.size", "utype": "a:b", "description": "c"}"#),
        column("{}"),
        column("{}"),
    ];
    let context = EncodeContext::default();
    let (file, summary) =
        encode(&[batch.unwrap()], &metadata, &context, Completion::Overflow).unwrap();
    assert!(file.starts_with(b"SIMPLE  =                    T"));
    let (records, data) = taken_apart(&file);
    assert_eq!(
        records,
        [
            "XTENSION= 'BINTABLE'",
            "BITPIX  =                    8",
            "NAXIS   =                    2",
            "NAXIS1  =                    7",
            "NAXIS2  =                    2",
            "PCOUNT  =                    0",
            "GCOUNT  =                    1",
            "TFIELDS =                    3",
            "EXTNAME = 't       '",
            "QSTATUS = 'OVERFLOW'",
            "TTYPE1  = 's       '",
            "TFORM1  = '1I      '",
            "TNULL1  =               -32768",
            "TUNIT1  = 'm       '",
            "TUCD1   = 'phys.size'",
            "TUTYP1  = 'a:b     '",
            "TCOMM1  = 'c       '",
            "TTYPE2  = 'flag    '",
            "TFORM2  = '1L      '",
            "TTYPE3  = 's_2     '",
            "TFORM3  = '4A      '",
        ]
    );
    assert_eq!(&data[..14], b"\xff\xfe\0a\0\0\0\x80\0Tb??c");
    assert!(data.len() == 2880 && data[14..].iter().all(|byte| *byte == 0));
    assert_eq!((summary.rows, summary.data_bytes, summary.altered_cells), (2, 14, 1));
}

#[test]
fn arrays_of_any_length_stand_in_the_heap() {
    let lists = ListArray::from_iter_primitive::<Int16Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![Some(3)]),
    ]);
    let metadata = r#"{"datatype": "short", "arraysize": "*", "null": "7"}"#;
    let (file, _) = encode_one(Arc::new(lists), metadata).unwrap();
    let (records, data) = taken_apart(&file);
    for record in
        ["PCOUNT  =                    6", "TFORM1  = '1QI(2)  '", "TNULL1  =                    7"]
    {
        assert!(has(&records, record), "{record}: {records:?}");
    }
    let descriptors: Vec<u64> =
        data[..48].chunks(8).map(|word| u64::from_be_bytes(word.try_into().unwrap())).collect();
    assert_eq!(descriptors, [2, 0, 0, 4, 1, 4]);
    assert_eq!(data[48..54], [0, 1, 0, 7, 0, 3]);
}

#[test]
fn fixed_arrays_have_dimensions() {
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>([Some(vec![Some(1.0); 12])]);
    let metadata = r#"{"datatype": "floatComplex", "arraysize": "2x3"}"#;
    let (file, _) = encode_one(Arc::new(lists), metadata).unwrap();
    let (records, data) = taken_apart(&file);
    assert!(has(&records, "TFORM1  = '6C      '") && has(&records, "TDIM1   = '(2,3)   '"));
    assert_eq!(&data[..4], 1.0_f32.to_be_bytes());
}

#[test]
fn bits_are_packed_cell_by_cell_and_are_never_null() {
    let cells = |last| {
        let bits = [true, false, true, true, false, false, false, false, true, false, true, true];
        let mut bits = bits.map(Some);
        bits[11] = last;
        let field = Arc::new(Field::new_list_field(DataType::Boolean, true));
        let offsets = arrow_buffer::OffsetBuffer::from_lengths([9, 3]);
        let values = Arc::new(BooleanArray::from(bits.to_vec()));
        Arc::new(ListArray::new(field, offsets, values, None)) as ArrayRef
    };
    let metadata = r#"{"datatype": "bit", "arraysize": "3x*"}"#;
    let (file, _) = encode_one(cells(None), metadata).unwrap();
    let (records, data) = taken_apart(&file);
    assert!(has(&records, "TFORM1  = '1QL(9)  '"), "bits of any number are logical values");
    assert_eq!(&data[32..44], b"TFTTFFFFTFT\0");

    let fixed = cells(None);
    let nine = r#"{"datatype": "bit", "arraysize": "9"}"#;
    let (file, _) = encode_one(fixed.slice(0, 1), nine).unwrap();
    assert_eq!(taken_apart(&file).1[..2], [0b1011_0000, 0b1000_0000]);
    let three = r#"{"datatype": "bit", "arraysize": "3"}"#;
    let error = encode_one(fixed.slice(1, 1), three).unwrap_err();
    assert_eq!(
        error.to_string(),
        "format fits, column \"x\", row 1: FITS has no null bits; declare the datatype boolean"
    );
}

#[test]
fn strings_in_arrays_are_all_as_wide() {
    let values = Arc::new(StringArray::from(vec![Some("a"), None, Some("bcd"), Some("e")]));
    let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let offsets = arrow_buffer::OffsetBuffer::from_lengths([2, 0, 2]);
    let nulls = Some(vec![true, false, true].into());
    let lists = Arc::new(ListArray::new(field, offsets, values, nulls));
    let (file, _) =
        encode_one(lists.clone(), r#"{"datatype": "char", "arraysize": "8x2"}"#).unwrap();
    let (records, data) = taken_apart(&file);
    assert!(has(&records, "TFORM1  = '6A      '") && has(&records, "TDIM1   = '(3,2)   '"));
    assert_eq!(&data[..18], b"a\0\0\0\0\0\0\0\0\0\0\0bcde\0\0");
    let error = encode_one(lists, r#"{"datatype": "char", "arraysize": "8x*"}"#).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::UnsupportedColumn, Some("x")));
}

#[test]
fn few_long_texts_stand_in_the_heap_and_many_in_the_rows() {
    let long = "y".repeat(2000);
    let form = |texts: Vec<&str>| {
        let (file, _) = encode_one(Arc::new(StringArray::from(texts)), "{}").unwrap();
        let form = taken_apart(&file).0.into_iter().find(|record| record.starts_with("TFORM1"));
        form.unwrap()
    };
    assert_eq!(form(vec![""]), "TFORM1  = '1A      '");
    assert_eq!(form(vec![&long, "", &long, ""]), "TFORM1  = '2000A   '");
    assert_eq!(form([vec![&*long], vec![""; 9]].concat()), "TFORM1  = '1QA(2000)'");
}

#[test]
fn what_stands_for_null_does_not_occur() {
    let null_of = |array: ArrayRef, metadata: &str| {
        let (file, _) = encode_one(array, metadata)?;
        let (records, data) = taken_apart(&file);
        let null =
            records.iter().find_map(|record| record.strip_prefix("TNULL1  =")?.trim().parse().ok());
        Ok::<(Option<i64>, Vec<u8>), Error>((null, data[..24].to_vec()))
    };
    let longs = Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(-9), None])) as ArrayRef;
    let (null, data) = null_of(Arc::clone(&longs), r#"{"null": "-9"}"#).unwrap();
    assert_eq!(
        null,
        Some(i64::MIN + 1),
        "the null of the metadata is a value, and so is the smallest"
    );
    assert_eq!(data[16..], (i64::MIN + 1).to_be_bytes());
    assert_eq!(null_of(Arc::clone(&longs), r#"{"null": "7"}"#).unwrap().0, Some(7));
    assert_eq!(null_of(longs.slice(0, 2), r#"{"null": "7"}"#).unwrap().0, None);
    let error = null_of(longs, r#"{"null": "none"}"#).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidRequest, Some("x")));

    let bytes = |most: u8| {
        Arc::new(UInt8Array::from_iter(
            [None].into_iter().chain((3..=most).map(Some)).chain([Some(0), Some(1)]),
        ))
    };
    assert_eq!(null_of(bytes(254), "{}").unwrap().0, Some(255));
    assert_eq!(null_of(bytes(255), "{}").unwrap().0, Some(2));
    let all = Arc::new(UInt8Array::from_iter([None].into_iter().chain((0..=255).map(Some))));
    assert_eq!(
        null_of(all, "{}").unwrap_err().to_string(),
        "format fits, column \"x\": every value of unsignedByte occurs, and none is left for \
         null; declare a larger datatype"
    );
}

#[test]
fn a_thousand_columns_are_too_many() {
    let start = |columns: usize| {
        let fields = (1..=columns).map(|n| Field::new(format!("c{n}"), DataType::Int32, true));
        let schema = ResultSchema::derived(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
        let context = EncodeContext::default();
        PLUGIN.start(&Options::default(), &schema, &context, Box::new(io::sink())).map(drop)
    };
    assert!(start(999).is_ok());
    let error = start(1000).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::UnsupportedColumn, Some("c1000")));
}

fn many() -> (RecordBatch, Vec<ColumnMetadata>) {
    let texts: Vec<String> = (0..20_000).map(|n: i32| "z".repeat((n % 97) as usize)).collect();
    let lists = (0..20_000).map(|n: i32| Some((0..n % 5).map(Some).collect::<Vec<_>>()));
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
    let batch = RecordBatch::try_from_iter([
        ("d", Arc::new(Float64Array::from_iter_values((0..20_000).map(f64::from))) as ArrayRef),
        ("t", Arc::new(StringArray::from(texts)) as ArrayRef),
        ("v", Arc::new(lists) as ArrayRef),
    ]);
    let lists = column(r#"{"datatype": "int", "arraysize": "*"}"#);
    (batch.unwrap(), vec![ColumnMetadata::default(), ColumnMetadata::default(), lists])
}

#[test]
fn the_same_bytes_from_memory_and_from_disk_and_whatever_the_batches() {
    let (batch, metadata) = many();
    let folder = tempfile::tempdir().unwrap();
    let small = small_memory().with_scratch(ScratchSpace::in_folder(folder.path())).into();
    let missing = Resources::default().with_scratch(ScratchSpace::in_folder("/missing")).into();
    let whole = [batch.clone()];
    let (want, _) = encode(&whole, &metadata, &missing, Completion::Complete).unwrap();
    let pieces: Vec<_> =
        (0..20_000).step_by(77).map(|n| batch.slice(n, 77.min(20_000 - n))).collect();
    for batches in [&whole[..], &pieces] {
        let (got, _) = encode(batches, &metadata, &small, Completion::Complete).unwrap();
        assert!(got == want);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn the_same_bytes_on_several_threads_where_rows_are_narrow_and_where_they_are_padded() {
    for widest in [10, 1000] {
        let (batch, mut metadata) = many();
        let texts =
            (0..20_000).map(|row| if row == 12_345 { "w".repeat(widest) } else { "w".into() });
        let texts = Arc::new(StringArray::from_iter_values(texts)) as ArrayRef;
        let integers = (0..20_000_i16).map(|row| (row % 7 != 0).then_some(row));
        let integers = Arc::new(Int16Array::from_iter(integers)) as ArrayRef;
        let fields = batch.schema();
        let fields = fields.fields().iter().map(|field| field.name().clone());
        let columns = fields.zip(batch.columns().iter().cloned());
        let columns = columns.chain([("w".to_owned(), texts), ("i".to_owned(), integers)]);
        let batch = [RecordBatch::try_from_iter(columns).unwrap()];
        metadata.extend([ColumnMetadata::default(), ColumnMetadata::default()]);
        let on = |threads| {
            let context = EncodeContext::from(Resources::default().with_threads(threads));
            encode(&batch, &metadata, &context, Completion::Complete).unwrap()
        };
        let (want, summary) = on(1);
        for threads in [2, 3] {
            let (got, same) = on(threads);
            assert!(got == want, "{threads} threads, {widest}");
            assert_eq!(same, summary);
        }
    }
}

#[test]
fn memory_is_within_the_budget() {
    let (batch, metadata) = many();
    let schema = ResultSchema::new(batch.schema(), metadata).unwrap();
    let context = EncodeContext::from(small_memory());
    let mut encoder =
        PLUGIN.start(&Options::default(), &schema, &context, Box::new(io::sink())).unwrap();
    for _ in 0..5 {
        encoder.write_batch(&batch).unwrap();
        let held = encoder.buffered_bytes();
        assert!((1..=context.resources.memory_budget).contains(&held), "{held} bytes are held");
    }
}

/// Resources with so little memory that rows go to a temporary file.
fn small_memory() -> Resources {
    Resources::default().with_memory_budget(256 << 10)
}

fn refused(scratch: ScratchSpace) -> Error {
    let (batch, metadata) = many();
    let context = small_memory().with_scratch(scratch).into();
    encode(&[batch], &metadata, &context, Completion::Complete).unwrap_err()
}

#[test]
fn scratch_that_runs_out_is_named() {
    let error = refused(ScratchSpace::in_folder("/missing"));
    assert_eq!(error.kind(), ErrorKind::Resources);
    assert_eq!(
        error.to_string(),
        "format fits: can't create a temporary file in /missing; --scratch-dir chooses another folder"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = refused(ScratchSpace::in_folder(folder.path()).limited_to(100_000));
    assert_eq!(error.kind(), ErrorKind::Resources);
    assert_eq!(
        error.to_string(),
        format!(
            "format fits: temporary files in {} would take more than their limit of 100000 bytes; \
             --scratch-budget raises it",
            folder.path().display()
        )
    );
}

#[test]
fn an_array_wider_than_the_budget_is_refused_before_it_is_null() {
    let lists = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([None::<Vec<_>>]));
    let error = encode_one(lists, r#"{"datatype": "int", "arraysize": "1000000000"}"#).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::InvalidRequest, Some("x")));
}

#[test]
fn a_failure_writes_nothing() {
    let batch =
        RecordBatch::try_from_iter([("x", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
    let failed = Completion::Failed { message: "the database is away".to_owned() };
    let context = EncodeContext::default();
    let error = encode(&[batch.unwrap()], &[column("{}")], &context, failed).unwrap_err();
    assert_eq!(error.to_string(), "format fits: the database is away");
}
