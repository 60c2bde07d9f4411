//! Rows as separated text.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use taploom_encoder::{
    ByteSink, CanonicalRows, Completion, EncodeSummary, Error, ErrorKind, Output, Result,
    ResultEncoder, ResultSchema,
};

use crate::column_writer::ColumnWriter;
use crate::dialect::Dialect;
use crate::options::{CsvOptions, Header};

/// Bytes of text that a block of rows aims at.
const BLOCK_BYTES: usize = 256 << 10;
/// Rows that a block has at most.
const BLOCK_ROWS: usize = 4096;
/// A guess at the width of a cell that is no text.
const CELL_BYTES: usize = 12;

/// Rows to text: a block of every column first, so that a column is looked at once a block, and
/// then row after row from those.
pub(crate) struct TextEncoder {
    rows: CanonicalRows,
    dialect: Dialect,
    writers: Vec<ColumnWriter>,
    block: Vec<u8>,
    /// The last value with the separator before it and the end of its record, kept back until more
    /// follows, so that output which stops early stops within a record. (Of a record of one value the
    /// end alone.)
    kept_back: Vec<u8>,
    output: Output,
    header_bytes: u64,
    altered_names: u64,
}

impl TextEncoder {
    pub(crate) fn start(
        dialect: Dialect,
        options: &CsvOptions,
        schema: &ResultSchema,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::new(schema)?;
        let fields = rows.schema().arrow().fields();
        let writers = fields
            .iter()
            .map(|field| {
                ColumnWriter::new(field.data_type(), dialect)
                    .map_err(|error| error.with_column(field.name()))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut encoder = Self {
            dialect,
            writers,
            block: Vec::new(),
            kept_back: Vec::new(),
            output: Output::new(sink),
            header_bytes: 0,
            altered_names: 0,
            rows,
        };
        if options.header == Header::Present {
            encoder.write_header(schema)?;
        }
        Ok(encoder)
    }

    fn write_header(&mut self, schema: &ResultSchema) -> Result<()> {
        let mut last = 0;
        for (index, column) in schema.columns().iter().enumerate() {
            last = self.block.len();
            if index > 0 {
                self.block.push(self.dialect.separator());
            }
            let altered = self.dialect.append_text(column.name(), &mut self.block);
            self.altered_names += u64::from(altered);
        }
        last = self.kept_from(last);
        self.block.extend_from_slice(self.dialect.record_end());
        self.header_bytes = self.block.len() as u64;
        self.write_block(last)
    }

    /// Writes the block up to `last`, where the separator of its last value stands, and keeps back
    /// the rest.
    fn write_block(&mut self, last: usize) -> Result<()> {
        self.output.append(&self.block[..last])?;
        self.kept_back.clear();
        self.kept_back.extend_from_slice(&self.block[last..]);
        Ok(())
    }

    /// Lays out the first `rows` rows that the columns hold; returns where the separator of the last
    /// value stands.
    fn lay_out(&mut self, rows: usize) -> usize {
        self.block.clear();
        self.block.extend_from_slice(&self.kept_back);
        let mut last = 0;
        for row in 0..rows {
            for (index, writer) in self.writers.iter().enumerate() {
                last = self.block.len();
                if index > 0 {
                    self.block.push(self.dialect.separator());
                }
                match writer.cell(row) {
                    // Readers pass over empty lines, and the row would be lost.
                    [] if self.writers.len() == 1 => self.block.extend_from_slice(b"\"\""),
                    cell => self.block.extend_from_slice(cell),
                }
            }
            last = self.kept_from(last);
            self.block.extend_from_slice(self.dialect.record_end());
        }
        last
    }

    /// Where to keep back from, of a record whose last value begins at `last` and whose end is not
    /// written yet. A record of one value is cut before its end: cut before the value it would not
    /// show at all.
    fn kept_from(&self, last: usize) -> usize {
        if self.writers.len() == 1 { self.block.len() } else { last }
    }
}

impl ResultEncoder for TextEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        let mut first = 0;
        while first < batch.num_rows() {
            let rows = rows_of_a_block(&batch, first);
            for (writer, column) in self.writers.iter_mut().zip(batch.columns()) {
                writer.write(&column.slice(first, rows));
            }
            let last = self.lay_out(rows);
            self.write_block(last)?;
            first += rows;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        self.output.append(&self.kept_back)?;
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        let altered: u64 = self.writers.iter().map(ColumnWriter::altered_cells).sum();
        summary.altered_cells = altered + self.altered_names;
        summary.total_bytes = self.output.finish()?;
        summary.data_bytes = summary.total_bytes - self.header_bytes;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        let columns: usize = self.writers.iter().map(ColumnWriter::heap_bytes).sum();
        self.block.capacity() + self.kept_back.capacity() + columns
    }
}

/// How many rows from `first` on make a block: at least one.
fn rows_of_a_block(batch: &RecordBatch, first: usize) -> usize {
    let texts = batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>());
    let texts: Vec<_> = texts.collect();
    let fixed = CELL_BYTES * batch.num_columns();
    let mut bytes = 0;
    let most = BLOCK_ROWS.min(batch.num_rows() - first);
    let fitting = (first..first + most).take_while(|row| {
        let text = texts.iter().map(|text| usize::try_from(text.value_length(*row)).unwrap_or(0));
        bytes += fixed + text.sum::<usize>();
        bytes <= BLOCK_BYTES
    });
    fitting.count().max(1)
}
