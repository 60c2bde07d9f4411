//! Tests the driver with plug-ins that break the contract, each with one fault.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test that fails panics; functions of a plug-in have the shape that a table of faults asks for"
)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow_schema::DataType;
use taploom_format::{
    CellLosses, Completion, EncodeContext, Encoder, EncoderFormat, EncoderPlugin, Error, ErrorKind,
    FailureReport, FormatInfo, Losses, NoOptions, Options, Output, Result, ResultEncoder,
    ResultSchema, RowsGiven, Written,
};

type WriteBatch = fn(&mut Output, &RecordBatch) -> Result<()>;
type Finish = fn(&mut Output, Completion) -> Result<Written>;

struct Plugin {
    output: Output,
    write_batch: WriteBatch,
    finish: Finish,
    finished: bool,
}

impl ResultEncoder for Plugin {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        (self.write_batch)(&mut self.output, batch)
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<Written> {
        self.finished = true;
        (self.finish)(&mut self.output, completion)
    }

    fn buffered_bytes(&self) -> usize {
        1000
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // A trailer that is written here without `finish` must not reach the sink.
        if !self.finished {
            let _ = self.output.write_all(b"dropped");
        }
    }
}

/// Defines a plug-in with these functions.
macro_rules! plugin {
    ($write_batch:expr, $finish:expr) => {
        plugin!(FormatInfo::new("test", "a test", &["text/x-test"]), $write_batch, $finish)
    };
    ($info:expr, $write_batch:expr, $finish:expr) => {{
        struct Format;
        impl EncoderFormat for Format {
            const INFO: FormatInfo = $info;
            type Options = NoOptions;
            fn start(
                _: &NoOptions,
                _: &ResultSchema,
                _: &EncodeContext,
                mut output: Output,
            ) -> Result<Box<dyn ResultEncoder>> {
                output.append(b"header ")?;
                let (write_batch, finish): (WriteBatch, Finish) = ($write_batch, $finish);
                Ok(Box::new(Plugin { output, write_batch, finish, finished: false }))
            }
        }
        EncoderPlugin::of::<Format>()
    }};
}

/// A format that reports failures in the document.
const REPORTING: FormatInfo =
    FormatInfo::new("test", "a test", &["text/x-test"]).with_failure(FailureReport::InDocument);

/// The calls that a sink received: bytes and flushes.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().write_all(b"[flush]")
    }
}

/// Fails at the second write, and takes all others.
#[derive(Default)]
struct FailsOnce {
    told: Told,
    writes: usize,
}

impl Write for FailsOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes += 1;
        match self.writes {
            2 => Err(io::ErrorKind::StorageFull.into()),
            _ => self.told.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.told.flush()
    }
}

fn batch(rows: i64) -> RecordBatch {
    let ids = Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
    RecordBatch::try_from_iter([("id", ids)]).unwrap()
}

fn started(plugin: EncoderPlugin, sink: impl Write + Send + 'static) -> Encoder {
    let schema = ResultSchema::derived(batch(0).schema());
    let context = EncodeContext::default();
    plugin.start(&Options::default(), &schema, &context, Box::new(sink)).unwrap()
}

fn append_row(output: &mut Output, _: &RecordBatch) -> Result<()> {
    output.append(b"row ")
}

fn refuse(_: &mut Output, _: &RecordBatch) -> Result<()> {
    Err(Error::new(ErrorKind::InvalidValue, "no such value"))
}

fn append_end(output: &mut Output, completion: Completion) -> Result<Written> {
    let data_bytes = output.written() - 7;
    output.append(completion.query_status().as_bytes())?;
    Ok(Written::new(data_bytes))
}

fn failed() -> Completion {
    Completion::Failed { message: "the rows stopped coming".to_owned() }
}

#[test]
fn rows_and_bytes_are_counted_and_the_sink_is_flushed() {
    let told = Told::default();
    let mut encoder = started(plugin!(append_row, append_end), told.clone());
    encoder.flush().unwrap();
    assert_eq!(told.text(), "header [flush]");
    encoder.write_batch(&batch(3)).unwrap();
    encoder.write_batch(&batch(0)).unwrap();
    assert_eq!((encoder.rows(), encoder.bytes()), (3, 11));
    let summary = encoder.finish(Completion::Complete).unwrap();
    assert_eq!(told.text(), "header [flush]row OK[flush]", "an empty batch goes no further");
    assert_eq!((summary.rows, summary.data_bytes, summary.total_bytes), (3, 4, 13));
}

#[test]
fn rows_come_in_canonical_types_unless_the_format_takes_them_as_they_come() {
    fn is_long(output: &mut Output, batch: &RecordBatch) -> Result<()> {
        assert_eq!(batch.column(0).data_type(), &DataType::Int64);
        append_row(output, batch)
    }
    fn is_unsigned(output: &mut Output, batch: &RecordBatch) -> Result<()> {
        assert_eq!(batch.column(0).data_type(), &DataType::UInt32);
        append_row(output, batch)
    }
    const RAW: FormatInfo =
        FormatInfo::new("raw", "as they come", &["text/x-raw"]).with_rows(RowsGiven::AsTheyCome);
    let ids = Arc::new(UInt32Array::from(vec![1])) as ArrayRef;
    let unsigned = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let schema = ResultSchema::derived(unsigned.schema());
    for plugin in [plugin!(is_long, append_end), plugin!(RAW, is_unsigned, append_end)] {
        let (context, sink) = (EncodeContext::default(), Box::new(io::sink()));
        let mut encoder = plugin.start(&Options::default(), &schema, &context, sink).unwrap();
        encoder.write_batch(&unsigned).unwrap();
        let error = encoder.write_batch(&batch(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "the schema is checked for both");
        assert_eq!((error.column(), error.row()), (Some("id"), Some(2)));
    }
}

#[test]
fn an_error_of_the_sink_that_the_plug_in_passes_over_is_returned_and_nothing_follows() {
    fn pass_over(output: &mut Output, _: &RecordBatch) -> Result<()> {
        let _ = output.append(b"lost ");
        let _ = output.append(b"taken ");
        Ok(())
    }
    let sink = FailsOnce::default();
    let told = sink.told.clone();
    let mut encoder = started(plugin!(REPORTING, pass_over, append_end), sink);
    let error = encoder.write_batch(&batch(1)).unwrap_err();
    assert_eq!((error.kind(), error.format()), (ErrorKind::Sink, Some("test")));
    assert_eq!(encoder.write_batch(&batch(1)).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(encoder.flush().unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(encoder.finish(failed()).unwrap_err().kind(), ErrorKind::Sink);
    assert_eq!(told.text(), "header ", "the sink would have taken more");
}

#[test]
fn an_error_of_the_plug_in_does_not_hide_that_of_the_sink() {
    fn hide(output: &mut Output, _: &RecordBatch) -> Result<()> {
        output.append(b"lost").map_err(|_| Error::new(ErrorKind::Internal, "something failed"))
    }
    let mut encoder = started(plugin!(hide, append_end), FailsOnce::default());
    assert_eq!(encoder.write_batch(&batch(1)).unwrap_err().kind(), ErrorKind::Sink);
}

#[test]
fn a_panic_is_an_error_and_the_plug_in_is_not_called_again() {
    #[allow(clippy::panic, reason = "it is what is tested")]
    fn panic(_: &mut Output, batch: &RecordBatch) -> Result<()> {
        panic!("row {} of {}", 7, batch.num_rows());
    }
    let told = Told::default();
    let mut encoder = started(plugin!(REPORTING, panic, append_end), told.clone());
    assert_eq!(encoder.buffered_bytes(), 1000);
    let error = encoder.write_batch(&batch(9)).unwrap_err();
    assert_eq!(error.to_string(), "format test: the encoder panicked: row 7 of 9");
    assert_eq!(encoder.buffered_bytes(), 0);
    assert_eq!(encoder.finish(failed()).unwrap_err().to_string(), error.to_string());
    assert_eq!(told.text(), "header ");
}

#[test]
fn nothing_but_the_report_of_a_failure_follows_an_error() {
    let told = Told::default();
    let mut encoder = started(plugin!(refuse, append_end), told.clone());
    assert_eq!(encoder.write_batch(&batch(1)).unwrap_err().kind(), ErrorKind::InvalidValue);
    let error = encoder.write_batch(&batch(1)).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "format test: this result has failed; only finish with Completion::Failed may follow: \
         format test: no such value"
    );
    assert_eq!(encoder.finish(Completion::Complete).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(told.text(), "header ");

    let told = Told::default();
    let mut encoder = started(plugin!(REPORTING, refuse, append_end), told.clone());
    assert!(encoder.write_batch(&batch(1)).is_err());
    encoder.finish(failed()).unwrap();
    assert_eq!(told.text(), "header ERROR[flush]");
}

#[test]
fn a_failed_result_is_cut_short_without_asking_the_plug_in() {
    let told = Told::default();
    let mut encoder = started(plugin!(append_row, append_end), told.clone());
    encoder.write_batch(&batch(1)).unwrap();
    let error = encoder.finish(failed()).unwrap_err();
    assert_eq!(error.to_string(), "format test: the rows stopped coming");
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(told.text(), "header row ", "nor is its destructor heard");
}

#[test]
fn a_result_that_is_dropped_takes_no_more_bytes() {
    let told = Told::default();
    let mut encoder = started(plugin!(append_row, append_end), told.clone());
    encoder.write_batch(&batch(1)).unwrap();
    drop(encoder);
    assert_eq!(told.text(), "header row ");
}

#[test]
fn numbers_that_contradict_the_sink_are_a_defect() {
    fn message(plugin: EncoderPlugin) -> String {
        let mut encoder = started(plugin, io::sink());
        encoder.write_batch(&batch(2)).unwrap();
        let error = encoder.finish(Completion::Complete).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        error.to_string()
    }
    assert_eq!(
        message(plugin!(append_row, |_, _| Ok(Written::new(12)))),
        "format test: the format reports 12 bytes of rows, and the sink took 11 in all"
    );
    assert_eq!(
        message(plugin!(append_row, |_, _| Ok(Written::new(0)))),
        "format test: the format reports no bytes for 2 rows"
    );
    assert_eq!(
        message(plugin!(append_row, |_, _| {
            let losses = Losses::of_cells("", [CellLosses { truncated: 0, altered: 1 }; 2]);
            Ok(Written::new(4).with_losses(losses))
        })),
        "format test: the format reports losses of column 2, and the result has 1 columns"
    );
}

#[test]
fn losses_have_the_names_of_their_columns() {
    let plugin = plugin!(append_row, |output, _| {
        let losses = Losses::of_cells("had no place", [CellLosses { truncated: 2, altered: 1 }])
            .with_altered_names([0])
            .with_altered_metadata(4);
        Ok(Written::new(output.written()).with_losses(losses))
    });
    let mut encoder = started(plugin, io::sink());
    encoder.write_batch(&batch(3)).unwrap();
    let summary = encoder.finish(Completion::Overflow).unwrap();
    assert_eq!((summary.truncated_cells, summary.altered_cells), (2, 6));
    assert_eq!(summary.losses.columns()[0].name, "id");
    assert!(summary.losses.columns()[0].name_altered);
}
