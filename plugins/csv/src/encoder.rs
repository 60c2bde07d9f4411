//! Rows as separated text.

use arrow_array::RecordBatch;
use taploom_encoder::{
    ByteSink, CanonicalRows, Column, Completion, EncodeSummary, Error, ErrorKind, Output, Result,
    ResultEncoder, ResultSchema,
};
use taploom_text::{Blocks, Records};

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
        let output = Output::new(sink);
        let mut encoder = Self {
            rows,
            blocks: Blocks::new(writers),
            records: Records::new(dialect.separator(), dialect.record_end(), output),
            header_bytes: 0,
            altered_names: 0,
        };
        if options.header == Header::Present {
            encoder.write_header(schema, dialect)?;
        }
        Ok(encoder)
    }

    fn write_header(&mut self, schema: &ResultSchema, dialect: Dialect) -> Result<()> {
        let mut names = Vec::with_capacity(schema.columns().len());
        for column in schema.columns() {
            let mut name = Vec::new();
            let altered = dialect.append_text(column.name().as_bytes(), &mut name);
            self.altered_names += u64::from(altered);
            names.push(name);
        }
        self.header_bytes = self.records.append(&names)?;
        Ok(())
    }
}

impl ResultEncoder for TextEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        self.blocks.each(&batch, |block| self.records.append_block(block))
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        let altered: u64 = self.blocks.columns().iter().map(ColumnWriter::altered_cells).sum();
        summary.altered_cells = altered + self.altered_names;
        summary.total_bytes = self.records.finish()?;
        summary.data_bytes = summary.total_bytes - self.header_bytes;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.records.heap_bytes() + self.blocks.heap_bytes()
    }
}
