//! CSV and TSV files.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use taploom_model::{
    BatchSource, ColumnMetadata, Error, ErrorKind, Result, ResultSchema, RowSource, VoType, counted,
};

use self::dialect::OPTIONS;
use self::guess::{GUESS_BYTES, GUESS_ROWS};
use super::batches::until_error;
use crate::error::{damaged, invalid};
use crate::guesses::Guess;
use crate::plugin::{Place, SourceInfo, SourceType};
use crate::register_source;
use crate::request::Request;

mod blanks;
mod block;
mod cells;
mod dialect;
mod guess;
mod numbers;
#[cfg(test)]
mod oracle;
mod quoted;
mod records;
mod scanner;
mod signs;
#[cfg(feature = "ecsv")]
mod text_types;

pub(super) use self::block::Block;
use self::block::Values;
pub(super) use self::cells::ColumnBuilder;
pub(super) use self::dialect::Dialect;
pub(super) use self::records::Records;
#[cfg(feature = "ecsv")]
pub(super) use self::text_types::TextType;

/// Bytes of text after which a batch ends, even if it has fewer rows than wanted.
const BATCH_BYTES: usize = 16 << 20;

/// The source type.
struct Csv;

register_source!(
    /// The source of CSV files.
    CSV = Csv
);

#[async_trait]
impl SourceType for Csv {
    const INFO: SourceInfo = SourceInfo::new("csv", "a CSV file")
        .with_extensions(&["csv"])
        .with_options(OPTIONS)
        .with_resemblance(|beginning| separator(beginning) == Some(b','));

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        open(place.into_reader()?, name, Dialect::csv(), request)
    }
}

/// The source type.
struct Tsv;

register_source!(
    /// The source of TSV files.
    TSV = Tsv
);

#[async_trait]
impl SourceType for Tsv {
    const INFO: SourceInfo = SourceInfo::new("tsv", "a TSV file")
        .with_extensions(&["tsv"])
        .with_options(OPTIONS)
        .with_resemblance(|beginning| separator(beginning) == Some(b'\t'));

    async fn open(place: Place<'_>, request: &Request<'_>) -> Result<Box<dyn RowSource>> {
        let name = place.text();
        open(place.into_reader()?, name, Dialect::tsv(), request)
    }
}

/// Guesses the separator of a text from its first line.
fn separator(beginning: &[u8]) -> Option<u8> {
    let text = match std::str::from_utf8(beginning) {
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => &beginning[..error.valid_up_to()],
        Err(_) => return None,
        Ok(text) => text.as_bytes(),
    };
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let is_other = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n');
    // Documents, and comments of unknown formats, are not separated text.
    if text.iter().any(is_other) || matches!(text.first(), Some(b'{' | b'[' | b'#' | b'%' | b'<')) {
        return None;
    }
    let line = text.split(|byte| *byte == b'\n').next()?;
    [b'\t', b','].into_iter().find(|separator| line.contains(separator))
}

/// Opens a file whose first record has the names of the columns; RFC 4180, 2.3.
fn open(
    bytes: Box<dyn Read + Send>,
    name: &str,
    dialect: Dialect,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    let mut dialect = dialect.with_options(request)?;
    let given = dialect.names.take();
    let has_header = dialect.has_header;
    // Blocks are larger, and read without this buffer.
    let reader = BufReader::with_capacity(1 << 13, bytes);
    let mut records = Records::new(reader, name, &dialect)?;
    let mut first = Block::default();
    if !records.read(&mut first, 1)? {
        let what = if has_header {
            "the record with the names of the columns is missing"
        } else {
            "it has no record"
        };
        return Err(damaged(format!("source {name}: empty; {what}")));
    }
    let names = match given {
        Some(given) if given.len() != first.width() => {
            return Err(invalid(format!(
                "source {name}: the first record has {}, and names=... gives {}",
                counted(first.width() as u64, "value"),
                counted(given.len() as u64, "name")
            )));
        }
        Some(given) => given,
        None if !has_header => (1..=first.width()).map(|number| format!("col{number}")).collect(),
        None => first.names(name)?,
    };
    records.expect(names.len());

    let listed = request.columns.as_ref().map_or(&[][..], |list| &list.columns);
    let types = (0..names.len()).map(|index| listed.get(index).and_then(declared));
    let types = types.collect::<Vec<_>>();
    let mut ahead = if has_header { Vec::new() } else { vec![first] };
    let is_guessed = types.iter().any(Option::is_none);
    let looked_at = if is_guessed { read_ahead(&mut records, &mut ahead)? } else { 0 };
    let values: Vec<Values<'_>> =
        ahead.iter().map(|block| block.values(0..block.records())).collect();
    let guesses = types.iter().enumerate().map(|(index, vo_type)| match vo_type {
        Some(_) => Guess::Nothing,
        None => {
            let cells = values.iter().flat_map(|values| values.column(index));
            Guess::of(cells.take(looked_at).map(|cell| cell.text))
        }
    });
    let mut guesses: Vec<Guess> = guesses.collect();
    if let Some(shared) = &request.guesses {
        guess::widen(&mut shared.made().columns, &mut guesses);
    }
    let columns = types.into_iter().enumerate().map(|(index, vo_type)| match vo_type {
        Some(vo_type) => ColumnBuilder::declared(&names[index], &vo_type),
        None => ColumnBuilder::guessed(&names[index], &guesses[index]),
    });
    let columns = columns.collect::<Vec<_>>();
    let fields = columns.iter().map(|column| Field::new(column.name(), column.data_type(), true));
    let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let schema = match &request.columns {
        Some(list) => list.describe(Arc::clone(&arrow))?,
        None => ResultSchema::derived(Arc::clone(&arrow)),
    };
    let rows = Rows::new(records, ahead, columns, schema.arrow(), request.batch_rows);
    Ok(Box::new(BatchSource::new(schema, rows.batches())))
}

/// The type of a column according to the list of columns, if it has one.
fn declared(metadata: &ColumnMetadata) -> Option<VoType> {
    let datatype = metadata.datatype?;
    // Many documents write arraysize 1 for a scalar.
    let arraysize = metadata.arraysize.clone().filter(|size| datatype.is_text() || !size.is_one());
    Some(VoType { datatype, arraysize, xtype: None })
}

/// Reads further blocks to guess the types of columns. Returns the number of records that are enough for it.
fn read_ahead<R: BufRead>(records: &mut Records<R>, blocks: &mut Vec<Block>) -> Result<usize> {
    let (mut enough, mut memory) = (0, 0);
    let mut next = 0;
    loop {
        for block in &blocks[next..] {
            for record in 0..block.records() {
                if memory >= GUESS_BYTES {
                    return Ok(enough);
                }
                memory += block.memory(record);
                enough += 1;
            }
        }
        next = blocks.len();
        let mut block = Block::default();
        if enough == GUESS_ROWS
            || memory >= GUESS_BYTES
            || !records.read(&mut block, GUESS_ROWS - enough)?
        {
            return Ok(enough);
        }
        blocks.push(block);
    }
}

/// The rows that are left.
pub(super) struct Rows {
    records: Records<BufReader<Box<dyn Read + Send>>>,
    /// Blocks that were read to guess the types.
    ahead: std::vec::IntoIter<Block>,
    block: Block,
    /// The first record of the block that is left.
    record: usize,
    columns: Vec<ColumnBuilder>,
    arrow: SchemaRef,
    batch_rows: usize,
    /// Number of rows in earlier batches, and in the batch that is being built.
    row: u64,
}

impl Rows {
    /// Begins with the records in `ahead`, and goes on with the reader.
    pub(super) fn new(
        records: Records<BufReader<Box<dyn Read + Send>>>,
        ahead: Vec<Block>,
        columns: Vec<ColumnBuilder>,
        arrow: &SchemaRef,
        batch_rows: usize,
    ) -> Self {
        Self {
            records,
            ahead: ahead.into_iter(),
            block: Block::default(),
            record: 0,
            columns,
            arrow: Arc::clone(arrow),
            batch_rows: batch_rows.max(1),
            row: 0,
        }
    }

    /// Their batches, up to the first error.
    pub(super) fn batches(mut self) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        until_error(move || self.batch())
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let (mut rows, mut bytes) = (0, 0);
        while rows < self.batch_rows && bytes < BATCH_BYTES {
            if self.record >= self.block.records() {
                self.record = 0;
                match self.ahead.next() {
                    Some(next) => self.block = next,
                    None if self.records.read(&mut self.block, usize::MAX)? => (),
                    None => break,
                }
            }
            let first = self.record;
            while self.record < self.block.records()
                && rows < self.batch_rows
                && bytes < BATCH_BYTES
            {
                bytes += self.block.bytes(self.record);
                self.record += 1;
                rows += 1;
            }
            self.append(first)?;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.arrow), arrays);
        batch.map(Some).map_err(|cause| {
            Error::new(ErrorKind::Internal, "columns of a CSV file differ from their types")
                .with_source(cause)
        })
    }

    /// Appends the records of the block from `first` on that are before the next one.
    fn append(&mut self, first: usize) -> Result<()> {
        let mut values = self.block.values(first..self.record);
        let mut failure = None;
        for (index, column) in self.columns.iter_mut().enumerate() {
            if let Err((record, error)) = column.append(&values.column(index)) {
                failure = Some(error.with_row(self.row + record as u64 + 1));
                // Of the other columns, only earlier records can have the first error.
                values = values.first(record);
            }
        }
        self.row += (self.record - first) as u64;
        failure.map_or(Ok(()), Err)
    }
}
