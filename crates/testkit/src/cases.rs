//! What every format has to pass.

use std::io;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StructArray, new_null_array};
use arrow_schema::{DataType, Field};
use taploom_format::{
    ColumnMetadata, Completion, EncodeContext, Envelope, EnvelopeUse, ErrorKind, FailureReport,
    OverflowReport, Resources, ResultSchema,
};

use crate::sinks::{FailingSink, OneByteSink, SharedSink};
use crate::subject::{Subject, Verdict, check_equal};
use crate::tables::{
    SHAPES, Table, TestColumn, as_given, cells, long, null_elements, scalars, wide,
};

/// One test of a format.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What it shows.
    pub name: &'static str,
    test: fn(&mut Subject<'_>) -> Verdict,
}

impl Case {
    /// Runs it.
    ///
    /// # Errors
    /// Why the format does not pass.
    pub fn run(&self, subject: &mut Subject<'_>) -> Result<(), String> {
        (self.test)(subject)
    }
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All tests, in no order that matters.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), test: $name }),*];
    };
}

cases![
    every_table_reads_back,
    no_batch_is_a_whole_file,
    an_empty_batch_is_a_whole_file,
    the_same_bytes_whatever_the_batch_size,
    the_same_bytes_on_any_number_of_threads,
    sliced_arrays_read_back,
    many_rows_read_back,
    a_sink_that_takes_one_byte_at_a_time,
    a_sink_that_fails_is_an_error_at_every_byte,
    a_closed_sink_is_a_cancellation,
    dropped_without_finish_nothing_reads_as_whole,
    a_schema_that_changes_names_the_column,
    a_type_that_is_not_supported_names_the_column,
    null_elements_read_back_or_are_named,
    more_columns_than_there_may_be_are_an_error,
    a_value_that_stands_for_null_is_named,
    a_null_that_can_not_be_is_named,
    nothing_follows_an_error,
    overflow_is_reported,
    failure_is_reported,
    an_envelope_is_written_or_refused,
    metadata_read_back,
    memory_does_not_grow_with_the_rows,
];

fn every_table_reads_back(subject: &mut Subject<'_>) -> Verdict {
    for table in subject.tables() {
        let bytes = subject.bytes(&table, std::slice::from_ref(&table.given))?;
        subject.check_read(&bytes, &table, std::slice::from_ref(&table.expected))?;
    }
    Ok(())
}

fn no_batch_is_a_whole_file(subject: &mut Subject<'_>) -> Verdict {
    for table in subject.tables() {
        let bytes = subject.bytes(&table, &[])?;
        subject.check_read(&bytes, &table, &[])?;
    }
    Ok(())
}

fn an_empty_batch_is_a_whole_file(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(scalars("an empty batch", 4))?;
    let empty = table.given.slice(1, 0);
    let none = subject.bytes(&table, &[])?;
    check_equal("no batch and an empty one", &subject.bytes(&table, &[empty])?, &none)
}

fn the_same_bytes_whatever_the_batch_size(subject: &mut Subject<'_>) -> Verdict {
    for table in subject.tables().into_iter().chain([subject.table(long(5_000))?]) {
        let whole = subject.bytes(&table, std::slice::from_ref(&table.given))?;
        for size in [1, 2, 3, 7, 1000] {
            let batches = split(&table.given, size);
            if subject.bytes(&table, &batches)? != whole {
                return Err(format!("{}: other bytes in batches of {size}", table.name));
            }
        }
    }
    Ok(())
}

fn the_same_bytes_on_any_number_of_threads(subject: &mut Subject<'_>) -> Verdict {
    let failed = Completion::Failed { message: "the rows stopped coming".to_owned() };
    for table in subject.tables().into_iter().chain([subject.table(long(20_000))?]) {
        let batches = split(&table.given, 1777);
        for completion in [&Completion::Complete, &failed] {
            let written = |threads: usize| {
                let (sink, context) = (
                    SharedSink::default(),
                    EncodeContext::from(Resources::default().with_threads(threads)),
                );
                let to = Box::new(sink.clone());
                let summary = subject.write_in(&context, &table, &batches, completion.clone(), to);
                // What a file cut short has is not promised.
                summary.map(|summary| (summary, sink.bytes())).map_err(|error| error.kind())
            };
            let one = written(1);
            for threads in [2, 3] {
                if written(threads) != one {
                    let name = table.name;
                    return Err(format!(
                        "{name}: other bytes on {threads} threads, {completion:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}

fn sliced_arrays_read_back(subject: &mut Subject<'_>) -> Verdict {
    for table in subject.tables() {
        let rows = table.given.num_rows();
        let (first, count) = (rows / 3, rows - rows / 3);
        let bytes = subject.bytes(&table, &[table.given.slice(first, count)])?;
        subject.check_read(&bytes, &table, &[table.expected.slice(first, count)])?;
    }
    Ok(())
}

fn many_rows_read_back(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(20_000))?;
    let bytes = subject.bytes(&table, &split(&table.given, 1777))?;
    subject.check_read(&bytes, &table, std::slice::from_ref(&table.expected)).map(drop)
}

fn a_sink_that_takes_one_byte_at_a_time(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(scalars("one byte at a time", 4))?;
    let whole = subject.bytes(&table, std::slice::from_ref(&table.given))?;
    let sink = SharedSink::default();
    let slow = Box::new(OneByteSink(sink.clone()));
    subject
        .write(&table, std::slice::from_ref(&table.given), Completion::Complete, slow)
        .map_err(|error| error.to_string())?;
    check_equal("bytes", &sink.bytes(), &whole)
}

fn a_sink_that_fails_is_an_error_at_every_byte(subject: &mut Subject<'_>) -> Verdict {
    for table in [scalars("a failing sink", 4), long(3_000)] {
        let table = subject.table(table)?;
        let batches = split(&table.given, 500);
        let whole = subject.bytes(&table, &batches)?;
        let step = (whole.len() / 61).max(1);
        let positions = (0..16).chain((0..whole.len()).step_by(step)).chain([whole.len() - 1]);
        for left in positions {
            let sink = FailingSink {
                inner: SharedSink::default(),
                left,
                error: io::ErrorKind::StorageFull,
            };
            match subject.write(&table, &batches, Completion::Complete, Box::new(sink)) {
                Err(error) if error.kind() == ErrorKind::Sink => {
                    check_equal(
                        "format that the error names",
                        &error.format(),
                        &Some(subject.plugin.info().id),
                    )?;
                }
                Err(error) => return Err(format!("byte {left}: not a sink's error: {error:?}")),
                Ok(_) => return Err(format!("no error, though the sink failed at byte {left}")),
            }
        }
    }
    Ok(())
}

fn a_closed_sink_is_a_cancellation(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(3_000))?;
    let batches = split(&table.given, 500);
    let whole = subject.bytes(&table, &batches)?;
    for left in [0, 1, whole.len() / 2, whole.len() - 1] {
        let sink =
            FailingSink { inner: SharedSink::default(), left, error: io::ErrorKind::BrokenPipe };
        let result = subject.write(&table, &batches, Completion::Complete, Box::new(sink));
        match result {
            Err(error) if error.is_cancelled() => {}
            other => return Err(format!("closed at byte {left}: {other:?}")),
        }
    }
    Ok(())
}

fn dropped_without_finish_nothing_reads_as_whole(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(30_000))?;
    let batches = split(&table.given, 2_000);
    for written in [0, 1, batches.len()] {
        let sink = SharedSink::default();
        let context = EncodeContext::default();
        let mut encoder = subject
            .start(&table.schema, &context, Box::new(sink.clone()))
            .map_err(|error| error.to_string())?;
        for batch in &batches[..written] {
            encoder.write_batch(batch).map_err(|error| error.to_string())?;
        }
        drop(encoder);
        if subject.takes_for_whole(&sink.bytes(), &table) {
            return Err(format!("dropped after {written} batches, it reads as a whole file"));
        }
    }
    Ok(())
}

fn a_schema_that_changes_names_the_column(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(10))?;
    let other_type = {
        let longs = Arc::new(Int64Array::from(vec![1; 10])) as ArrayRef;
        with_column(&table.given, 1, "real", &longs)
    };
    let other_name = with_column(&table.given, 1, "unreal", table.given.column(1));
    let fewer = table.given.project(&[0]).map_err(|error| error.to_string())?;
    for changed in [other_type?, other_name?, fewer] {
        let batches = [table.given.clone(), changed];
        let sink = Box::new(SharedSink::default());
        match subject.write(&table, &batches, Completion::Complete, sink) {
            Err(error) => {
                check_equal("kind", &error.kind(), &ErrorKind::SchemaMismatch)?;
                check_equal("column", &error.column(), &Some("real"))?;
            }
            Ok(_) => return Err("a batch of another schema was written".to_owned()),
        }
    }
    Ok(())
}

fn a_type_that_is_not_supported_names_the_column(subject: &mut Subject<'_>) -> Verdict {
    let structs = StructArray::from(vec![(
        Arc::new(Field::new("a", DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![1])) as ArrayRef,
    )]);
    let refused = refused(subject, "structs", Arc::new(structs), ColumnMetadata::default());
    refused.and_then(|()| {
        for (datatype, shapes) in SHAPES {
            for shape in *shapes {
                let metadata = ColumnMetadata {
                    datatype: Some(*datatype),
                    arraysize: shape.and_then(|text| text.parse().ok()),
                    ..Default::default()
                };
                let array = as_given(&cells(*datatype, *shape, 1, false), *datatype, *shape);
                if subject.refuses(*datatype, *shape) {
                    self::refused(subject, &format!("{datatype} {shape:?}"), array, metadata)?;
                }
            }
        }
        Ok(())
    })
}

/// A column that the format has no place for is named before the first byte.
fn refused(
    subject: &Subject<'_>,
    name: &str,
    array: ArrayRef,
    metadata: ColumnMetadata,
) -> Verdict {
    let batch = RecordBatch::try_from_iter([
        ("fine", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        (name, array),
    ])
    .map_err(|error| error.to_string())?;
    let schema = ResultSchema::new(batch.schema(), vec![ColumnMetadata::default(), metadata])
        .map_err(|error| error.to_string())?;
    let sink = SharedSink::default();
    match subject.start(&schema, &EncodeContext::default(), Box::new(sink.clone())) {
        Ok(_) => Err(format!("{name}: it was taken, and is said to be refused")),
        Err(error) => {
            check_equal("kind", &error.kind(), &ErrorKind::UnsupportedColumn)?;
            check_equal("column", &error.column(), &Some(name))?;
            check_equal("bytes before the error", &sink.bytes().len(), &0)
        }
    }
}

/// VOTable has flags for cells, not for elements: a format may refuse what it has no mark for, but
/// not lose it.
fn null_elements_read_back_or_are_named(subject: &mut Subject<'_>) -> Verdict {
    for (datatype, _) in SHAPES {
        let Some(table) = subject.adapt(null_elements(*datatype)) else { continue };
        let sink = SharedSink::default();
        let batches = std::slice::from_ref(&table.given);
        match subject.write(&table, batches, Completion::Complete, Box::new(sink.clone())) {
            Ok(_) => {
                let expected = std::slice::from_ref(&table.expected);
                subject.check_read(&sink.bytes(), &table, expected)?;
            }
            Err(error) => {
                let named = error.column().is_some() && error.row().is_some();
                check_equal("kind", &error.kind(), &ErrorKind::InvalidValue)?;
                check_equal(&format!("{error}: column and row named"), &named, &true)?;
            }
        }
    }
    Ok(())
}

fn nothing_follows_an_error(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(10))?;
    let context = EncodeContext::default();
    let start = |sink: &SharedSink| {
        let sink = Box::new(sink.clone());
        subject.start(&table.schema, &context, sink)
    };
    let fewer = table.given.project(&[0]).map_err(|error| error.to_string())?;
    let sink = SharedSink::default();
    let mut encoder = start(&sink).map_err(|error| error.to_string())?;
    if encoder.write_batch(&fewer).is_ok() {
        return Err("a batch of another schema was written".to_owned());
    }
    if encoder.write_batch(&table.given).is_ok() {
        return Err("rows were written after an error".to_owned());
    }
    if encoder.finish(Completion::Complete).is_ok() {
        return Err("the file was completed after an error".to_owned());
    }
    if subject.takes_for_whole(&sink.bytes(), &table) {
        return Err("it reads as a whole file".to_owned());
    }
    Ok(())
}

fn more_columns_than_there_may_be_are_an_error(subject: &mut Subject<'_>) -> Verdict {
    let Some(most) = subject.most_columns() else { return Ok(()) };
    let table = wide(most + 1);
    match subject.start(&table.schema, &EncodeContext::default(), Box::new(io::sink())) {
        Ok(_) => Err(format!("{} columns were taken", most + 1)),
        Err(error) => check_equal("kind", &error.kind(), &ErrorKind::UnsupportedColumn),
    }
}

fn a_value_that_stands_for_null_is_named(subject: &mut Subject<'_>) -> Verdict {
    for (datatype, _) in SHAPES {
        let Some(reserved) = subject.reserved(*datatype) else { continue };
        let metadata = ColumnMetadata { datatype: Some(*datatype), ..Default::default() };
        let longs = Arc::new(Int64Array::from(vec![Some(1), None, Some(reserved)])) as ArrayRef;
        let batch = RecordBatch::try_from_iter_with_nullable([("n", longs, true)])
            .map_err(|error| error.to_string())?;
        let schema =
            ResultSchema::new(batch.schema(), vec![metadata]).map_err(|error| error.to_string())?;
        let written = subject
            .start(&schema, &EncodeContext::default(), Box::new(io::sink()))
            .and_then(|mut encoder| encoder.write_batch(&batch));
        let Err(error) = written else {
            return Err(format!("{datatype}: {reserved} was taken, which stands for null"));
        };
        check_equal("kind", &error.kind(), &ErrorKind::InvalidValue)?;
        check_equal("column", &error.column(), &Some("n"))?;
        check_equal("row", &error.row(), &Some(3))?;
    }
    Ok(())
}

fn a_null_that_can_not_be_is_named(subject: &mut Subject<'_>) -> Verdict {
    for (datatype, shapes) in SHAPES {
        for shape in *shapes {
            let expected = cells(*datatype, *shape, 12, false);
            let given = as_given(&expected, *datatype, *shape);
            let column = TestColumn::converted("n", given, expected);
            let table = Table::of("nulls", vec![column.of(*datatype, *shape)]);
            let vo_type = table.schema.columns()[0].vo_type().map_err(|error| error.to_string())?;
            if subject.refuses(*datatype, *shape) || subject.has_null(vo_type) {
                continue;
            }
            let batch = table.given.slice(0, 0);
            let null = new_null_array(batch.column(0).data_type(), 1);
            let null = RecordBatch::try_new(batch.schema(), vec![null]);
            let null = null.map_err(|error| error.to_string())?;
            let written = subject
                .start(&table.schema, &EncodeContext::default(), Box::new(io::sink()))
                .and_then(|mut encoder| encoder.write_batch(&null));
            let Err(error) = written else {
                return Err(format!("{vo_type}: a null was taken"));
            };
            check_equal("kind", &error.kind(), &ErrorKind::InvalidValue)?;
            check_equal("column", &error.column(), &Some("n"))?;
            check_equal("row", &error.row(), &Some(1))?;
        }
    }
    Ok(())
}

fn overflow_is_reported(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(scalars("overflow", 4))?;
    let sink = SharedSink::default();
    let batches = std::slice::from_ref(&table.given);
    subject
        .write(&table, batches, Completion::Overflow, Box::new(sink.clone()))
        .map_err(|error| error.to_string())?;
    let expected = std::slice::from_ref(&table.expected);
    let decoded = subject.check_read(&sink.bytes(), &table, expected)?;
    let status = decoded.status.as_deref();
    match subject.plugin.info().overflow {
        OverflowReport::InDocument => check_equal("status", &status, &Some("OVERFLOW")),
        OverflowReport::None => check_equal("status", &status, &None),
    }
}

fn failure_is_reported(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(10_000))?;
    let sink = SharedSink::default();
    let completion = Completion::Failed { message: "the database <died> & ]]>".to_owned() };
    let batches = split(&table.given, 1_000);
    let result = subject.write(&table, &batches, completion, Box::new(sink.clone()));
    let bytes = sink.bytes();
    match (subject.plugin.info().failure, result) {
        (FailureReport::InDocument, Ok(_)) => {
            let decoded =
                subject.check_read(&bytes, &table, std::slice::from_ref(&table.expected))?;
            check_equal("status", &decoded.status.as_deref(), &Some("ERROR"))
        }
        (FailureReport::CutShort, Err(error)) => {
            check_equal("kind", &error.kind(), &ErrorKind::Failed)?;
            match subject.takes_for_whole(&bytes, &table) {
                true => Err("a result that failed reads as a whole file".to_owned()),
                false => Ok(()),
            }
        }
        (report, result) => Err(format!("{report:?}, and finish gave {result:?}")),
    }
}

fn an_envelope_is_written_or_refused(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(10))?;
    let fields = "<FIELD name=\"id\" datatype=\"long\"/><FIELD name=\"real\" datatype=\"double\"/>\
        <FIELD name=\"flag\" datatype=\"boolean\"/>\
        <FIELD name=\"text\" datatype=\"unicodeChar\" arraysize=\"*\"/>\
        <FIELD name=\"again\" datatype=\"int\" unit=\"furlong\"/>";
    let header = "<?xml version=\"1.0\"?>\
        <VOTABLE version=\"1.3\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\
        <RESOURCE type=\"results\"><TABLE>";
    let envelope = Envelope {
        header: format!("{header}{fields}"),
        footer: "</TABLE></RESOURCE></VOTABLE>".to_owned(),
        footer_overflow:
            "</TABLE><INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/></RESOURCE></VOTABLE>"
                .to_owned(),
    };
    let context = EncodeContext::default().with_envelope(envelope);
    let sink = SharedSink::default();
    let started = subject.start(&table.schema, &context, Box::new(sink.clone()));
    match (subject.plugin.info().envelope, started) {
        (EnvelopeUse::Written, Ok(mut encoder)) => {
            encoder.write_batch(&table.given).map_err(|error| error.to_string())?;
            encoder.finish(Completion::Overflow).map_err(|error| error.to_string())?;
            let expected = std::slice::from_ref(&table.expected);
            let decoded = subject.check_read(&sink.bytes(), &table, expected)?;
            let units = decoded.metadata.unwrap_or_default();
            check_equal("status", &decoded.status.as_deref(), &Some("OVERFLOW"))?;
            check_equal(
                "unit of the last column, from the envelope",
                &units.last().and_then(|(unit, _)| unit.as_deref()),
                &Some("furlong"),
            )
        }
        (EnvelopeUse::Refused, Err(error)) => {
            check_equal("kind", &error.kind(), &ErrorKind::InvalidOption)
        }
        (EnvelopeUse::Written, Err(error)) => Err(error.to_string()),
        (EnvelopeUse::Refused, Ok(_)) => Err("it was taken, and not written".to_owned()),
    }
}

fn metadata_read_back(subject: &mut Subject<'_>) -> Verdict {
    for table in subject.tables() {
        let bytes = subject.bytes(&table, std::slice::from_ref(&table.given))?;
        let Some(metadata) = subject.decode(&bytes, &table)?.metadata else { continue };
        for (column, (unit, ucd)) in table.schema.columns().iter().zip(metadata) {
            let given = column.metadata();
            check_equal(&format!("unit of {:?}", column.name()), &unit, &given.unit)?;
            check_equal(&format!("UCD of {:?}", column.name()), &ucd, &given.ucd)?;
        }
    }
    Ok(())
}

fn memory_does_not_grow_with_the_rows(subject: &mut Subject<'_>) -> Verdict {
    let table = subject.table(long(10_000))?;
    let context = EncodeContext::from(Resources::default().with_memory_budget(4 << 20));
    let mut encoder = subject
        .start(&table.schema, &context, Box::new(io::sink()))
        .map_err(|error| error.to_string())?;
    for round in 1..=100 {
        encoder.write_batch(&table.given).map_err(|error| error.to_string())?;
        let held = encoder.buffered_bytes();
        if held > context.resources.memory_budget {
            return Err(format!("{held} bytes are held after {round} batches, 4 MiB are allowed"));
        }
    }
    encoder.finish(Completion::Complete).map(drop).map_err(|error| error.to_string())
}

fn split(batch: &RecordBatch, size: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    (0..rows).step_by(size).map(|row| batch.slice(row, size.min(rows - row))).collect()
}

fn with_column(
    batch: &RecordBatch,
    index: usize,
    name: &str,
    array: &ArrayRef,
) -> Verdict<RecordBatch> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).enumerate().map(
        |(position, (field, column))| match position == index {
            true => (name.to_owned(), Arc::clone(array), true),
            false => (field.name().clone(), Arc::clone(column), true),
        },
    );
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>())
        .map_err(|error| error.to_string())
}
