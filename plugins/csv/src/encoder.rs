//! Rows as separated text.

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, CanonicalRows, Column, Completion, EncodeContext, EncodeSummary, Output, Result,
    ResultEncoder, ResultSchema,
};
use taploom_text::Records;

use crate::column_writer::ColumnWriter;
use crate::dialect::Dialect;
use crate::options::{CsvOptions, Header};

/// Rows to text, block by block.
pub(crate) struct TextEncoder {
    rows: CanonicalRows,
    records: Records<ColumnWriter>,
    header_bytes: u64,
    altered_names: u64,
}

impl TextEncoder {
    pub(crate) fn start(
        dialect: Dialect,
        options: &CsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::new(schema)?;
        let writer = |column: &Column| {
            let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, dialect));
            writer.map_err(|error| error.with_column(column.name()))
        };
        let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
        let (separator, end) = (dialect.separator(), dialect.record_end());
        let records = Records::new(writers, separator, end, context.threads, Output::new(sink));
        let mut encoder = Self { rows, records, header_bytes: 0, altered_names: 0 };
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
        self.records.write(batch)
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        let mut summary = self.records.finish(completion, self.header_bytes)?;
        summary.altered_cells += self.altered_names;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.records.heap_bytes()
    }
}
