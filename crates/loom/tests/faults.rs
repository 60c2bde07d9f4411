//! What fails is an error that says what failed, and what has failed is never taken for a whole
//! file: faults of scratch and of the sink one by one, values that can't be written, budgets that
//! are too small, writers that are dropped.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::io::{self, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, ListArray, RecordBatch, RunArray,
    StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use common::{every_type, loom, read, scatter};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{BloomFilterPosition, WriterProperties, WriterPropertiesBuilder};
use taploom_loom::{
    Error, LoomOptions, LoomWriter, MemoryPool, Result, ScratchAction, ScratchError, ScratchSpace,
    Written,
};
use taploom_scratch::{ReadPattern, ScratchStorage, StorageFile};

const MIB: usize = 1 << 20;

/// A table and options with which so many scratch files are made.
struct Case {
    batches: Vec<RecordBatch>,
    properties: WriterProperties,
    files: usize,
}

impl Case {
    /// Rows, pages, and all of the footer but the row groups go through scratch.
    fn wide() -> Self {
        let batches = (0..6).map(|batch| with_long_words(&every_type(batch * 50, 50))).collect();
        let properties = properties(170).set_data_page_row_count_limit(20).set_write_batch_size(20);
        Self { batches, properties: properties.build(), files: 6 }
    }

    /// So many row groups that even their sums go through scratch, with the chunks' metadata and
    /// the bloom filters.
    fn long() -> Self {
        let batch = every_type(0, 200).project(&[0]).unwrap();
        let properties = properties(1).set_bloom_filter_position(BloomFilterPosition::End);
        Self { batches: vec![batch], properties: properties.build(), files: 4 }
    }

    fn options(&self, threads: usize) -> LoomOptions {
        LoomOptions::new()
            .with_properties(self.properties.clone())
            .with_memory_budget(MIB)
            .with_threads(threads)
    }
}

fn properties(row_group_rows: usize) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_bloom_filter_enabled(true)
}

/// One column more, whose chunks alone are larger than what may wait in memory.
fn with_long_words(batch: &RecordBatch) -> RecordBatch {
    let words = (0..batch.num_rows()).map(|row| format!("{:1200}", scatter(row)));
    let words = StringArray::from_iter_values(words);
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("long words", DataType::Utf8, false)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(words));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Writes and closes. Whatever comes of it, all further calls have to be refused.
fn attempt(
    sink: impl Write + Send,
    schema: SchemaRef,
    batches: &[RecordBatch],
    options: LoomOptions,
) -> Result<Written> {
    let mut writer = LoomWriter::try_new(sink, schema, options)?;
    let outcome = batches.iter().try_for_each(|batch| writer.write(batch));
    let outcome = outcome.and_then(|()| writer.finish());
    assert!(matches!(writer.write(&batches[0]), Err(Error::Unfinished)));
    assert!(matches!(writer.flush(), Err(Error::Unfinished)));
    assert!(matches!(writer.finish(), Err(Error::Unfinished)));
    assert!(matches!(writer.close(), Err(Error::Unfinished)));
    outcome
}

/// The error of writing these batches to a file with this schema; there must be no file.
#[track_caller]
fn error_of(schema: &SchemaRef, batches: &[RecordBatch], options: LoomOptions) -> Error {
    let mut file = Vec::new();
    let error = match attempt(&mut file, Arc::clone(schema), batches, options) {
        Ok(written) => panic!("{written:?} of {}", schema.field(0)),
        Err(error) => error,
    };
    assert!(!is_readable(&file), "a file in spite of: {error}");
    error
}

fn is_readable(file: &[u8]) -> bool {
    ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(file)).is_ok()
}

/// All of `0..count`, or three hundred of them with the first and the last.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    let tries = count.min(300);
    (0..tries).map(move |index| index * (count - 1) / (tries - 1).max(1))
}

const ACTIONS: [ScratchAction; 3] =
    [ScratchAction::Create, ScratchAction::Write, ScratchAction::Read];

/// Scratch in memory that counts what is done, and fails or panics once.
#[derive(Clone, Default)]
struct Faulty {
    done: Arc<[AtomicUsize; 3]>,
    fault: Option<(ScratchAction, usize)>,
    panics: bool,
}

impl Faulty {
    fn done(&self, action: ScratchAction) -> &AtomicUsize {
        &self.done[ACTIONS.iter().position(|one| *one == action).unwrap()]
    }

    fn act(&self, action: ScratchAction) -> io::Result<()> {
        let number = self.done(action).fetch_add(1, Ordering::Relaxed);
        if self.fault == Some((action, number)) {
            assert!(!self.panics, "injected");
            return Err(io::Error::new(kind_of(action), "injected"));
        }
        Ok(())
    }
}

fn kind_of(action: ScratchAction) -> io::ErrorKind {
    match action {
        ScratchAction::Write => io::ErrorKind::StorageFull,
        _ => io::ErrorKind::Other,
    }
}

impl ScratchStorage for Faulty {
    fn create(&self, _: ReadPattern) -> io::Result<Box<dyn StorageFile>> {
        self.act(ScratchAction::Create)?;
        Ok(Box::new(FaultyFile { space: self.clone(), bytes: Mutex::default() }))
    }

    fn place(&self) -> String {
        "a place that fails".to_owned()
    }
}

struct FaultyFile {
    space: Faulty,
    bytes: Mutex<Vec<u8>>,
}

impl StorageFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.space.act(ScratchAction::Write)?;
        let mut file = self.bytes.lock().unwrap();
        let offset = offset as usize;
        assert!(offset <= file.len(), "a hole in a scratch file");
        let end = file.len().max(offset + bytes.len());
        file.resize(end, 0);
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.space.act(ScratchAction::Read)?;
        let offset = offset as usize;
        bytes.copy_from_slice(&self.bytes.lock().unwrap()[offset..offset + bytes.len()]);
        Ok(())
    }
}

/// Fails each operation on scratch once.
fn every_fault_of_scratch(case: &Case, threads: usize) {
    let sound = Faulty::default();
    let options = || case.options(threads);
    let (whole, _) = loom(&case.batches, options().with_scratch(ScratchSpace::on(sound.clone())));
    let files = sound.done(ScratchAction::Create).load(Ordering::Relaxed);
    assert_eq!(files, case.files, "less goes through scratch than is meant to");
    for action in ACTIONS {
        let count = sound.done(action).load(Ordering::Relaxed);
        let mut faults = 0;
        for number in spread(count) {
            let scratch = Faulty { fault: Some((action, number)), ..Faulty::default() };
            let mut file = Vec::new();
            let schema = case.batches[0].schema();
            let options = options().with_scratch(ScratchSpace::on(scratch.clone()));
            let outcome = attempt(&mut file, schema, &case.batches, options);
            if scratch.done(action).load(Ordering::Relaxed) <= number {
                // Which pages find room in memory is up to the threads.
                assert!(threads > 1 && outcome.is_ok() && file == whole);
                continue;
            }
            faults += 1;
            match outcome {
                Err(Error::Scratch(ScratchError::Failed { action: failed, place, source })) => {
                    assert_eq!(failed, action);
                    assert_eq!(place, scratch.place());
                    assert_eq!(source.kind(), kind_of(action));
                    assert_eq!(source.to_string(), "injected");
                }
                other => panic!("{action} no. {number} of {count}: {other:?}"),
            }
            assert!(!is_readable(&file), "{action} no. {number} of {count}: a file");
        }
        assert!(faults * 2 > spread(count).count(), "{faults} faults of {count} times {action}");
    }
}

#[test]
fn scratch_fails_under_a_wide_table() {
    every_fault_of_scratch(&Case::wide(), 1);
}

#[test]
fn scratch_fails_under_a_wide_table_and_threads() {
    every_fault_of_scratch(&Case::wide(), 3);
}

#[test]
fn scratch_fails_under_a_long_table() {
    every_fault_of_scratch(&Case::long(), 1);
    every_fault_of_scratch(&Case::long(), 3);
}

/// A sink that fails some of its writes.
#[derive(Default)]
struct FaultySink {
    bytes: Vec<u8>,
    writes: usize,
    failing: Range<usize>,
    kind: Option<io::ErrorKind>,
}

impl Write for FaultySink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let number = self.writes;
        self.writes += 1;
        if let Some(kind) = self.kind.filter(|_| self.failing.contains(&number)) {
            return Err(io::Error::new(kind, "injected"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails each write to the sink: this one and all that follow, or only this one.
fn every_fault_of_the_sink(case: &Case, threads: usize, for_good: bool) {
    let kind = if for_good { io::ErrorKind::BrokenPipe } else { io::ErrorKind::TimedOut };
    let schema = case.batches[0].schema();
    let run = |sink: &mut FaultySink| {
        let options = case.options(threads).with_scratch(ScratchSpace::on(Faulty::default()));
        attempt(sink, Arc::clone(&schema), &case.batches, options)
    };
    let mut sound = FaultySink::default();
    run(&mut sound).unwrap();
    assert!(is_readable(&sound.bytes));
    for number in spread(sound.writes) {
        let end = if for_good { usize::MAX } else { number + 1 };
        let mut sink = FaultySink { failing: number..end, kind: Some(kind), ..Default::default() };
        let which = format!("write no. {number} of {}", sound.writes);
        match run(&mut sink) {
            Err(Error::Sink(source)) => {
                assert_eq!(source.kind(), kind, "{which}");
                assert_eq!(source.to_string(), "injected", "{which}");
            }
            other => panic!("{which}: {other:?}"),
        }
        assert!(!is_readable(&sink.bytes), "{which}: a file");
    }
}

#[test]
fn a_sink_fails_for_good() {
    every_fault_of_the_sink(&Case::wide(), 1, true);
    every_fault_of_the_sink(&Case::long(), 1, true);
    every_fault_of_the_sink(&Case::long(), 3, true);
}

#[test]
fn a_sink_fails_once() {
    every_fault_of_the_sink(&Case::wide(), 1, false);
    every_fault_of_the_sink(&Case::long(), 1, false);
}

#[test]
fn a_sink_fails_once_under_threads() {
    every_fault_of_the_sink(&Case::wide(), 3, false);
}

/// A sink that does as the function says.
struct SinkBy<F, G> {
    write: F,
    flush: G,
}

impl<F, G> Write for SinkBy<F, G>
where
    F: FnMut(&[u8]) -> io::Result<usize>,
    G: FnMut() -> io::Result<()>,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.write)(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.flush)()
    }
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    for case in [Case::wide(), Case::long()] {
        let (whole, _) = loom(&case.batches, case.options(1));
        let schema = case.batches[0].schema();
        for threads in [1, 3] {
            let mut file = Vec::new();
            let write = |bytes: &[u8]| {
                let taken = bytes.len().min(7);
                file.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            };
            let sink = SinkBy { write, flush: || Ok(()) };
            attempt(sink, Arc::clone(&schema), &case.batches, case.options(threads)).unwrap();
            assert!(file == whole, "other bytes after short writes");

            let mut file = Vec::new();
            let mut calls = 0;
            let write = |bytes: &[u8]| {
                calls += 1;
                if calls % 2 == 1 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                file.extend_from_slice(bytes);
                Ok(bytes.len())
            };
            let sink = SinkBy { write, flush: || Ok(()) };
            attempt(sink, Arc::clone(&schema), &case.batches, case.options(threads)).unwrap();
            assert!(file == whole, "other bytes after interrupted writes");
        }
    }
}

#[test]
fn a_flush_that_fails_is_the_sinks() {
    let batch = every_type(0, 10);
    for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted] {
        let sink = SinkBy { write: |bytes: &[u8]| Ok(bytes.len()), flush: || Err(kind.into()) };
        let batches = [batch.clone()];
        match attempt(sink, batch.schema(), &batches, LoomOptions::new()) {
            Err(Error::Sink(source)) => assert_eq!(source.kind(), kind),
            other => panic!("{kind}: {other:?}"),
        }
    }
}

#[test]
fn a_sink_that_is_full_is_the_sinks_error() {
    // A slice takes what it has room for, and no more bytes then.
    let case = Case::wide();
    let (whole, _) = loom(&case.batches, case.options(1));
    for room in [0, 100, whole.len() / 2, whole.len() - 1] {
        let mut file = vec![0; room];
        let schema = case.batches[0].schema();
        match attempt(&mut file[..], schema, &case.batches, case.options(1)) {
            Err(Error::Sink(source)) => assert_eq!(source.kind(), io::ErrorKind::WriteZero),
            other => panic!("{room} bytes of {}: {other:?}", whole.len()),
        }
        assert!(!is_readable(&file));
    }
}

/// A sink that panics at its ninth write, and at no other.
fn panicking_sink() -> impl Write + Send {
    let mut calls = 0;
    let write = move |bytes: &[u8]| {
        calls += 1;
        assert_ne!(calls, 9, "injected");
        Ok(bytes.len())
    };
    SinkBy { write, flush: || Ok(()) }
}

/// Writes in a thread of its own, so that a writer that waits for ever is a failure and no more.
#[track_caller]
fn comes_to_an_end(sink: impl Write + Send + 'static, scratch: Faulty, threads: usize) {
    let which = format!("panics {:?}, {threads} threads", scratch.fault);
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        let case = Case::wide();
        let options = case.options(threads).with_scratch(ScratchSpace::on(scratch));
        let schema = case.batches[0].schema();
        let written = catch_unwind(AssertUnwindSafe(|| {
            let mut writer = LoomWriter::try_new(sink, schema, options)?;
            case.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.close()
        }));
        let _ = done.send(matches!(written, Ok(Ok(_))));
    });
    assert_eq!(result.recv_timeout(Duration::from_secs(5)), Ok(false), "{which}");
}

#[test]
fn a_sink_that_panics_stops_no_thread() {
    comes_to_an_end(panicking_sink(), Faulty::default(), 1);
    comes_to_an_end(panicking_sink(), Faulty::default(), 3);
}

#[test]
fn scratch_that_panics_stops_no_thread() {
    for (threads, action) in [1, 3].into_iter().flat_map(|n| ACTIONS.map(|action| (n, action))) {
        for number in [0, 2] {
            let fault = Some((action, number));
            let scratch = Faulty { fault, panics: true, ..Faulty::default() };
            comes_to_an_end(io::sink(), scratch, threads);
        }
    }
}

#[test]
fn nothing_follows_a_panic() {
    let case = Case::wide();
    let mut writer =
        LoomWriter::try_new(panicking_sink(), case.batches[0].schema(), case.options(1)).unwrap();
    let write = || case.batches.iter().try_for_each(|batch| writer.write(batch));
    let outcome = catch_unwind(AssertUnwindSafe(write));
    assert!(!matches!(outcome, Ok(Ok(()))));
    assert!(matches!(writer.finish(), Err(Error::Unfinished)));
}

#[test]
fn scratch_is_capped_to_the_byte() {
    for case in [Case::wide(), Case::long()] {
        let schema = case.batches[0].schema();
        let options = |cap| case.options(1).with_scratch(ScratchSpace::default().limited_to(cap));
        let (whole, written) = loom(&case.batches, options(u64::MAX));
        let needed = written.scratch_bytes;
        for cap in [0, 1, needed / 3, needed / 2, needed - 1] {
            let error = error_of(&schema, &case.batches, options(cap));
            let Error::Scratch(ScratchError::OverBudget { budget, .. }) = error else {
                panic!("{error:?}");
            };
            assert_eq!(budget, cap);
        }
        let (file, written) = loom(&case.batches, options(needed));
        assert!(file == whole);
        assert_eq!(written.scratch_bytes, needed);
    }
}

/// Scratch that must not be wanted.
struct NoScratch;

impl ScratchStorage for NoScratch {
    fn create(&self, _: ReadPattern) -> io::Result<Box<dyn StorageFile>> {
        panic!("a scratch file for what fits in memory")
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

#[test]
fn what_fits_in_memory_needs_no_scratch() {
    for case in [Case::wide(), Case::long()] {
        for threads in [1, 3] {
            let options = case.options(threads).with_memory_budget(64 * MIB);
            let options = options.with_scratch(ScratchSpace::on(NoScratch).limited_to(0));
            let (file, written) = loom(&case.batches, options);
            assert_eq!(written.scratch_bytes, 0);
            assert_eq!(
                read(file).1.iter().map(RecordBatch::num_rows).sum::<usize>() as u64,
                written.rows
            );
        }
    }
}

fn one_column(name: &str, array: ArrayRef, nullable: bool) -> RecordBatch {
    let field = Field::new(name, array.data_type().clone(), nullable);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

/// The schema of a batch, with no nulls at the top.
fn without_nulls(batch: &RecordBatch) -> SchemaRef {
    let fields = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(false))
        .collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

/// Text with one null, which stands among the values of the dictionary and not among the keys.
fn hidden_null(rows: usize) -> DictionaryArray<Int32Type> {
    let values = StringArray::from(vec![Some("star"), None]);
    let keys: Int32Array = (0..rows as i32).map(|row| Some(i32::from(row == 7))).collect();
    DictionaryArray::new(keys, Arc::new(values))
}

/// The rows in memory, in scratch, and as a small part of something large.
#[track_caller]
fn is_the_columns_error(schema: &SchemaRef, batch: &RecordBatch) {
    let name = schema.field(0).name();
    let part = batch.slice(0, 10);
    for (batch, budget) in [(batch, 64 * MIB), (batch, MIB), (&part, MIB)] {
        for threads in [1, 3] {
            let options = LoomOptions::new().with_memory_budget(budget).with_threads(threads);
            match error_of(schema, &[batch.clone(), batch.clone()], options) {
                Error::Column { column, .. } => assert_eq!(&column, name),
                other => panic!("{} rows, {budget} bytes: {other:?}", batch.num_rows()),
            }
        }
    }
}

/// Rows that go through scratch where there is a mebibyte of memory.
const MANY: usize = 40_000;

#[test]
fn a_null_where_none_is_allowed_is_the_columns_error() {
    let numbers: Float64Array = (0..MANY).map(|row| (row != 7).then_some(1.0)).collect();
    let batch = one_column("ra", Arc::new(numbers), true);
    is_the_columns_error(&without_nulls(&batch), &batch);
}

#[test]
fn a_null_struct_where_none_is_allowed_is_the_columns_error() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0; MANY]));
    let field = Field::new("ra", DataType::Float64, true);
    let nulls = NullBuffer::from_iter((0..MANY).map(|row| row != 7));
    let place = StructArray::new(vec![field].into(), vec![numbers], Some(nulls));
    let batch = one_column("place", Arc::new(place), true);
    is_the_columns_error(&without_nulls(&batch), &batch);
}

#[test]
fn a_null_among_the_values_of_a_dictionary_is_the_columns_error() {
    let batch = one_column("class", Arc::new(hidden_null(MANY)), false);
    is_the_columns_error(&batch.schema(), &batch);
}

#[test]
fn a_null_inside_a_struct_is_the_columns_error() {
    let class = one_column("class", Arc::new(hidden_null(MANY)), false);
    let batch = one_column("object", Arc::new(StructArray::from(class)), false);
    is_the_columns_error(&batch.schema(), &batch);
}

#[test]
fn a_batch_with_another_schema_is_refused() {
    let batch = every_type(0, 10);
    let schema = batch.schema();
    let few = batch.project(&[0, 1, 2]).unwrap();
    let mut other_types: Vec<usize> = (0..batch.num_columns()).collect();
    other_types.swap(0, 5);
    let other_types = batch.project(&other_types).unwrap();
    let child = |child: DataType| {
        let child = Field::new("child", child, true);
        let array = StructArray::new_null(vec![child].into(), 10);
        one_column("parent", Arc::new(array), true)
    };
    let (parent, other_child) = (child(DataType::Int32), child(DataType::Int64));
    for (schema, good, bad) in [
        (schema.clone(), &batch, few),
        (schema, &batch, other_types),
        (parent.schema(), &parent, other_child),
    ] {
        for batches in [vec![bad.clone()], vec![good.clone(), bad]] {
            let error = error_of(&schema, &batches, LoomOptions::new());
            assert!(matches!(error, Error::SchemaMismatch(_)), "{error:?}");
        }
    }
}

fn texts(cells: impl IntoIterator<Item = usize>) -> ArrayRef {
    let cells = cells.into_iter().map(|length| "x".repeat(length));
    Arc::new(StringArray::from_iter_values(cells))
}

/// Says what is enough, and means it.
#[track_caller]
fn says_what_is_enough(batches: &[RecordBatch], options: impl Fn() -> LoomOptions) {
    let schema = batches[0].schema();
    let error = error_of(&schema, batches, options());
    let Error::Budget { budget, enough, .. } = error else { panic!("{error:?}") };
    assert!(enough > budget, "{error}");
    let mut file = Vec::new();
    let outcome = attempt(&mut file, schema, batches, options().with_memory_budget(enough));
    assert!(outcome.is_ok(), "{error}; and with that: {}", outcome.unwrap_err());
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(read(file).1.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
}

fn small() -> LoomOptions {
    LoomOptions::new().with_memory_budget(MIB)
}

#[test]
fn a_large_cell_says_what_is_enough() {
    for large in [70_000, 100_001, MIB] {
        let first = one_column("text", texts([3, large, 5]), true);
        let before = one_column("text", texts([3; 20]), true);
        says_what_is_enough(std::slice::from_ref(&first), small);
        says_what_is_enough(&[before.clone(), before, first], small);
    }
}

#[test]
fn a_large_cell_of_any_type_says_what_is_enough() {
    let words = texts((0..8).map(|row| if row == 5 { 200_000 } else { 3 }));
    let item = |to: DataType| Arc::new(Field::new_list_field(to, true));
    let of_keys = |to: DataType| DataType::Dictionary(Box::new(DataType::Int32), Box::new(to));
    for to in [
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        of_keys(DataType::Utf8),
        of_keys(DataType::LargeBinary),
    ] {
        let array = cast(&words, &to).unwrap();
        let batch = one_column(&format!("text as {to}"), array, true);
        says_what_is_enough(std::slice::from_ref(&batch), small);
    }
    // One large element, and a row of many small ones.
    let lengths = [10, 60_000, 1];
    let lists = ListArray::new(
        item(DataType::Utf8),
        OffsetBuffer::from_lengths(lengths),
        texts((0..lengths.iter().sum()).map(|element| if element == 3 { 200_000 } else { 1 })),
        None,
    );
    let lists: ArrayRef = Arc::new(lists);
    for to in [
        DataType::List(item(DataType::Utf8)),
        DataType::LargeList(item(DataType::Utf8View)),
        DataType::ListView(item(DataType::Utf8)),
        DataType::LargeListView(item(DataType::Utf8)),
        DataType::List(item(of_keys(DataType::Utf8))),
    ] {
        let array = cast(&lists, &to).unwrap();
        let batch = one_column(&format!("lists as {to}"), array, true);
        says_what_is_enough(&[batch.slice(0, 1), batch.slice(2, 1)], small);
        says_what_is_enough(&[batch.slice(1, 2)], small);
        says_what_is_enough(&[batch], small);
    }
}

#[test]
fn a_large_cell_of_runs_says_what_is_enough() {
    // One value in memory, many in the file.
    let ends = Int32Array::from(vec![3, 100, 101]);
    let words: StringArray = texts([3, 200_000, 5]).as_string().clone();
    let runs = RunArray::try_new(&ends, &words).unwrap();
    says_what_is_enough(&[one_column("runs", Arc::new(runs), true)], small);
}

#[test]
fn a_cell_larger_than_any_piece_says_what_is_enough() {
    says_what_is_enough(&[one_column("text", texts([5 * MIB]), true)], small);
}

#[test]
fn large_cells_in_two_columns_say_what_is_enough() {
    let columns = [("a", texts([100_000])), ("b", texts([200_000]))];
    says_what_is_enough(&[RecordBatch::try_from_iter(columns).unwrap()], small);
}

#[test]
fn a_large_bloom_filter_says_what_is_enough() {
    let batch = one_column("text", texts([3; 20]), true);
    for threads in [1, 8] {
        says_what_is_enough(std::slice::from_ref(&batch), || {
            let properties = WriterProperties::builder()
                .set_bloom_filter_enabled(true)
                .set_bloom_filter_max_ndv(1 << 22);
            small().with_threads(threads).with_properties(properties.build())
        });
    }
}

#[test]
fn a_mebibyte_is_the_least() {
    let batch = one_column("text", texts([3; 20]), true);
    for budget in [0, MIB - 1] {
        says_what_is_enough(std::slice::from_ref(&batch), || {
            LoomOptions::new().with_memory_budget(budget)
        });
    }
}

#[test]
fn many_columns_say_what_is_enough() {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let columns = (0..5000).map(|column| (format!("column {column}"), Arc::clone(&numbers)));
    says_what_is_enough(&[RecordBatch::try_from_iter(columns).unwrap()], small);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let case = Case::wide();
    let options = case.options(1).with_scratch(ScratchSpace::in_folder(&missing));
    match error_of(&case.batches[0].schema(), &case.batches, options) {
        Error::Scratch(ScratchError::Failed { action: ScratchAction::Create, place, source }) => {
            assert_eq!(place, missing.display().to_string());
            assert_eq!(source.kind(), io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn scratch_files_have_no_name_and_are_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let case = Case::wide();
    let options = case.options(1).with_scratch(ScratchSpace::in_folder(folder.path()));
    let mut writer = LoomWriter::try_new(io::sink(), case.batches[0].schema(), options).unwrap();
    for batch in &case.batches {
        writer.write(batch).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;

        let files = open_in(folder.path());
        assert!(files.len() >= 3, "rows, pages and metadata went to {} files", files.len());
        for file in files {
            assert_eq!(file.mode() & 0o7777, 0o600);
            assert_eq!(file.nlink(), 0);
        }
    }
    drop(writer);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    #[cfg(target_os = "linux")]
    assert!(open_in(folder.path()).is_empty(), "scratch files are left open");
}

/// The files of this process that are open and that were made in a folder.
#[cfg(target_os = "linux")]
fn open_in(folder: &std::path::Path) -> Vec<std::fs::Metadata> {
    let folder = folder.canonicalize().unwrap();
    let mut files = Vec::new();
    for descriptor in std::fs::read_dir("/proc/self/fd").unwrap() {
        let descriptor = descriptor.unwrap().path();
        // Other tests close theirs meanwhile.
        let Ok(target) = descriptor.read_link() else { continue };
        if target.starts_with(&folder) && target.to_string_lossy().ends_with(" (deleted)") {
            files.push(descriptor.metadata().unwrap());
        }
    }
    files
}

#[test]
fn a_writer_that_is_dropped_leaves_no_file() {
    let case = Case::wide();
    for (threads, flush) in [(1, false), (3, true)] {
        for count in 0..=case.batches.len() {
            let mut file = Vec::new();
            let options = case.options(threads).with_scratch(ScratchSpace::on(Faulty::default()));
            let schema = case.batches[0].schema();
            let mut writer = LoomWriter::try_new(&mut file, schema, options).unwrap();
            case.batches[..count].iter().for_each(|batch| writer.write(batch).unwrap());
            if flush {
                writer.flush().unwrap();
            }
            drop(writer);
            assert!(!is_readable(&file));
        }
    }
}

#[test]
fn a_flush_of_nothing_changes_nothing() {
    let batch = every_type(0, 10);
    let (whole, _) = loom(&[batch.slice(0, 0)], LoomOptions::new());
    let mut file = Vec::new();
    let mut writer = LoomWriter::try_new(&mut file, batch.schema(), LoomOptions::new()).unwrap();
    writer.flush().unwrap();
    writer.write(&batch.slice(0, 0)).unwrap();
    writer.flush().unwrap();
    let written = writer.close().unwrap();
    assert_eq!((written.rows, written.row_groups), (0, 0));
    assert!(file == whole);

    let mut file = Vec::new();
    let mut writer = LoomWriter::try_new(&mut file, batch.schema(), LoomOptions::new()).unwrap();
    writer.write(&batch).unwrap();
    writer.flush().unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.close().unwrap().row_groups, 1);
    assert!(is_readable(&file));
}

#[test]
fn a_pool_is_never_passed() {
    let pool = MemoryPool::new(4 * MIB);
    let case = Case::wide();
    let (whole, _) = loom(&case.batches, case.options(1).with_memory_budget(2 * MIB));
    let (writers, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2 {
                    let reserved = pool.reserve(2 * MIB).unwrap();
                    most.fetch_max(writers.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let options = case.options(1).with_reservation(reserved);
                    let mut file = Vec::new();
                    let schema = case.batches[0].schema();
                    let mut writer = LoomWriter::try_new(&mut file, schema, options).unwrap();
                    case.batches.iter().for_each(|batch| writer.write(batch).unwrap());
                    writer.finish().unwrap();
                    // Before the memory is given back.
                    writers.fetch_sub(1, Ordering::SeqCst);
                    drop(writer);
                    assert!(file == whole);
                }
            });
        }
    });
    assert!((1..=2).contains(&most.into_inner()));
    assert_eq!(pool.try_reserve(4 * MIB).unwrap().bytes(), 4 * MIB);
}

#[test]
fn a_pool_gets_back_what_a_failed_writer_had() {
    let pool = MemoryPool::new(MIB);
    let options = |bytes| LoomOptions::new().with_reservation(pool.try_reserve(bytes).unwrap());
    let batch = one_column("text", texts([3, 500_000]), true);
    for _ in 0..2 {
        for bytes in [MIB - 1, MIB] {
            let error = error_of(&batch.schema(), std::slice::from_ref(&batch), options(bytes));
            assert!(matches!(error, Error::Budget { budget, .. } if budget == bytes), "{error:?}");
        }
    }
}
