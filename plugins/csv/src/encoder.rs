//! Rows as separated text.

use arrow_array::RecordBatch;
use taploom_encoder::{
    ByteSink, CanonicalRows, Column, Completion, EncodeSummary, Error, ErrorKind, Output, Result,
    ResultEncoder, ResultSchema,
};
use taploom_text::{Block, Blocks};

use crate::column_writer::ColumnWriter;
use crate::dialect::Dialect;
use crate::options::{CsvOptions, Header};

/// Rows to text, block by block.
pub(crate) struct TextEncoder {
    rows: CanonicalRows,
    blocks: Blocks<ColumnWriter>,
    records: Records,
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
        let writer = |column: &Column| {
            let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, dialect));
            writer.map_err(|error| error.with_column(column.name()))
        };
        let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
        let mut encoder = Self {
            rows,
            blocks: Blocks::new(writers),
            records: Records {
                dialect,
                text: Vec::new(),
                kept_back: Vec::new(),
                output: Output::new(sink),
            },
            header_bytes: 0,
            altered_names: 0,
        };
        if options.header == Header::Present {
            encoder.write_header(schema)?;
        }
        Ok(encoder)
    }

    fn write_header(&mut self, schema: &ResultSchema) -> Result<()> {
        let Records { dialect, text, .. } = &mut self.records;
        let mut last = 0;
        for (index, column) in schema.columns().iter().enumerate() {
            last = text.len();
            if index > 0 {
                text.push(dialect.separator());
            }
            let altered = dialect.append_text(column.name().as_bytes(), text);
            self.altered_names += u64::from(altered);
        }
        last = self.records.end(last, schema.columns().len());
        self.header_bytes = self.records.text.len() as u64;
        self.records.write(last)
    }
}

/// Records on their way out.
struct Records {
    dialect: Dialect,
    text: Vec<u8>,
    /// The last value with the separator before it and the end of its record, kept back until more
    /// follows, so that output which stops early stops within a record. (Of a record of one value the
    /// end alone.)
    kept_back: Vec<u8>,
    output: Output,
}

impl Records {
    /// Writes the rows of a block.
    fn append(&mut self, block: &Block<'_>) -> Result<()> {
        self.text.clear();
        self.text.extend_from_slice(&self.kept_back);
        let mut last = 0;
        for row in 0..block.rows {
            for (index, column) in block.columns.iter().enumerate() {
                last = self.text.len();
                if index > 0 {
                    self.text.push(self.dialect.separator());
                }
                match column.cell(row) {
                    // Readers pass over empty lines, and the row would be lost.
                    [] if block.columns.len() == 1 => self.text.extend_from_slice(b"\"\""),
                    cell => self.text.extend_from_slice(cell),
                }
            }
            last = self.end(last, block.columns.len());
        }
        self.write(last)
    }

    /// Ends a record whose last value begins at `last`, with its separator; returns where to keep
    /// back from. A record of one value is cut before its end: cut before the value it would not show
    /// at all.
    fn end(&mut self, last: usize, values: usize) -> usize {
        let kept_from = if values == 1 { self.text.len() } else { last };
        self.text.extend_from_slice(self.dialect.record_end());
        kept_from
    }

    /// Writes the text up to `last`, and keeps back the rest.
    fn write(&mut self, last: usize) -> Result<()> {
        self.output.append(&self.text[..last])?;
        self.kept_back.clear();
        self.kept_back.extend_from_slice(&self.text[last..]);
        Ok(())
    }
}

impl ResultEncoder for TextEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        self.blocks.each(&batch, |block| self.records.append(block))
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        let Records { kept_back, mut output, .. } = self.records;
        output.append(&kept_back)?;
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        let altered: u64 = self.blocks.columns().iter().map(ColumnWriter::altered_cells).sum();
        summary.altered_cells = altered + self.altered_names;
        summary.total_bytes = output.finish()?;
        summary.data_bytes = summary.total_bytes - self.header_bytes;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.records.text.capacity() + self.records.kept_back.capacity() + self.blocks.heap_bytes()
    }
}
