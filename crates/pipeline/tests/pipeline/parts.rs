//! One source written to several files.

use std::io::Write;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use futures::executor::block_on;
use taploom_format::{ByteSink, EncodeSummary, EncoderRegistry, EncoderSpec};
use taploom_model::{
    BatchSource, ColumnMetadata, Completion, Datatype, Ending, Error, ErrorKind, Result,
    ResultSchema,
};
use taploom_pipeline::{Encoded, PartLimits, Parts, run_parts};

fn batch(numbers: &[u64]) -> RecordBatch {
    let numbers = Arc::new(UInt64Array::from(numbers.to_vec())) as ArrayRef;
    RecordBatch::try_from_iter([("n", numbers)]).unwrap()
}

fn source(
    batches: Vec<Result<RecordBatch>>,
) -> BatchSource<impl Iterator<Item = Result<RecordBatch>> + Send> {
    BatchSource::new(ResultSchema::derived(batch(&[]).schema()), batches.into_iter())
}

fn csv() -> EncoderSpec {
    let registry = EncoderRegistry::new([taploom_format_csv::CSV_PLUGIN]).unwrap();
    registry.request("text/csv;header=absent").unwrap()
}

/// The contents of all files, and how many of them were ended.
#[derive(Default)]
struct Texts {
    begun: Vec<Arc<Mutex<Vec<u8>>>>,
    ended: Vec<EncodeSummary>,
    /// Maximum number of files that can be begun.
    most: usize,
}

struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Parts for Texts {
    fn begin(&mut self) -> Result<ByteSink> {
        if self.begun.len() == self.most {
            return Err(Error::new(ErrorKind::Sink, "no room for another file"));
        }
        self.begun.push(Arc::default());
        Ok(Box::new(Text(Arc::clone(self.begun.last().unwrap()))))
    }

    fn end(&mut self, part: &EncodeSummary) -> Result<()> {
        assert_eq!(self.begun.len(), self.ended.len() + 1, "one file after the other");
        self.ended.push(part.clone());
        Ok(())
    }
}

impl Texts {
    fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    fn texts(&self) -> Vec<String> {
        let texts = self.begun.iter().map(|text| text.lock().unwrap().clone());
        texts.map(|text| String::from_utf8(text).unwrap().replace("\r\n", " ")).collect()
    }
}

fn written(
    batches: Vec<Result<RecordBatch>>,
    limits: PartLimits,
    files: &mut Texts,
) -> Result<Encoded> {
    block_on(run_parts(&mut source(batches), &csv(), limits, files, &mut |_, _| ()))
}

fn by_rows(rows: u64) -> PartLimits {
    PartLimits::default().with_rows(NonZeroU64::new(rows))
}

#[test]
fn batches_are_cut_at_the_row() {
    let ending = Ending::default().with_overflow(true).with_note("a note");
    for (rows, texts) in [
        (2, &["1 2 ", "3 4 ", "5 6 "][..]),
        (4, &["1 2 3 4 ", "5 6 "]),
        (1, &["1 ", "2 ", "3 ", "4 ", "5 ", "6 "]),
        (6, &["1 2 3 4 5 6 "]),
        (7, &["1 2 3 4 5 6 "]),
    ] {
        let batches = vec![Ok(batch(&[1, 2, 3, 4, 5])), Ok(batch(&[])), Ok(batch(&[6]))];
        let mut source = source(batches).with_ending(ending.clone());
        let (mut files, mut told) = (Texts::new(9), Vec::new());
        let mut tell = |rows, files| told.push((rows, files));
        let (spec, limits) = (csv(), by_rows(rows));
        let written =
            block_on(run_parts(&mut source, &spec, limits, &mut files, &mut tell)).unwrap();
        assert_eq!(files.texts(), texts);
        assert_eq!(files.ended.len(), texts.len());
        assert_eq!((written.summary.rows, &*written.notes), (6, &["a note".to_owned()][..]));
        assert_eq!(written.completion, Completion::Overflow);
        let bytes: u64 = files.ended.iter().map(|part| part.total_bytes).sum();
        assert_eq!(written.summary.total_bytes, bytes);
        assert_eq!(told.last(), Some(&(6, texts.len() as u64)));
    }
}

#[test]
fn a_size_is_looked_at_after_every_batch() {
    let batches = || (0..6_u64).map(|n| Ok(batch(&[n, n]))).collect();
    // A batch is six bytes. CSV keeps back its last line break, two bytes, until the end.
    for (bytes, texts) in
        [(10, &["0 0 1 1 ", "2 2 3 3 ", "4 4 5 5 "][..]), (11, &["0 0 1 1 2 2 ", "3 3 4 4 5 5 "])]
    {
        let limits = PartLimits::default().with_bytes(NonZeroU64::new(bytes));
        let mut files = Texts::new(9);
        written(batches(), limits, &mut files).unwrap();
        assert_eq!(files.texts(), texts);
    }
}

#[test]
fn no_rows_make_one_file() {
    let mut files = Texts::new(1);
    assert_eq!(written(vec![], by_rows(1), &mut files).unwrap().summary.rows, 0);
    assert_eq!(files.texts(), [""]);
}

#[test]
fn rows_of_errors_are_counted_from_the_first_file() {
    let batches = vec![Ok(batch(&[1, 2, 3])), Ok(batch(&[4, 70_000, 6]))];
    let short = ColumnMetadata { datatype: Some(Datatype::Short), ..ColumnMetadata::default() };
    let schema = ResultSchema::new(batch(&[]).schema(), vec![short]).unwrap();
    let mut rows = BatchSource::new(schema, batches.into_iter());
    let mut files = Texts::new(9);
    let (spec, limits) = (csv(), by_rows(2));
    let outcome = block_on(run_parts(&mut rows, &spec, limits, &mut files, &mut |_, _| ()));
    let error = outcome.unwrap_err();
    assert_eq!((error.row(), error.column()), (Some(5), Some("n")), "{error}");
    assert_eq!(files.ended.len(), 2);

    let failing = vec![
        Ok(batch(&[1, 2, 3])),
        Err(Error::new(ErrorKind::Source, "the source is gone").with_row(4)),
    ];
    let error = written(failing, by_rows(2), &mut Texts::new(9)).unwrap_err();
    assert_eq!(error.row(), Some(4), "a source counts all rows itself");

    let mut files = Texts::new(1);
    let error = written(vec![Ok(batch(&[1, 2, 3]))], by_rows(2), &mut files).unwrap_err();
    assert_eq!(error.to_string(), "no room for another file");
    assert_eq!(files.ended.len(), 1);
}
