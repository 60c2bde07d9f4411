//! Rows as separated text.

use arrow_array::RecordBatch;
use taploom_format::{
    Column, Completion, EncodeContext, Losses, Output, Result, ResultEncoder, ResultSchema, Written,
};
use taploom_text::Records;

use crate::column_writer::ColumnWriter;
use crate::dialect::Dialect;
use crate::options::{CsvOptions, Header};

/// How characters that TSV can't store are altered. CSV can store every character.
const ALTERATION: &str = "had tabs or line breaks, which TSV can't store; replaced by spaces";

/// Writes rows as text, block by block.
pub(crate) struct TextEncoder {
    records: Records<ColumnWriter>,
    header_bytes: u64,
    /// The positions of the columns with replaced characters in their names.
    altered_names: Vec<usize>,
}

impl TextEncoder {
    pub(crate) fn start(
        dialect: Dialect,
        options: &CsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        let writer = |column: &Column| {
            let writer = column.vo_type().and_then(|vo_type| ColumnWriter::new(vo_type, dialect));
            writer.map_err(|error| error.with_column(column.name()))
        };
        let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
        let (separator, end) = (dialect.separator(), dialect.record_end());
        let records = Records::new(writers, separator, end, context.resources.threads, output);
        let mut encoder = Self { records, header_bytes: 0, altered_names: Vec::new() };
        if options.header == Header::Present {
            encoder.write_header(schema, dialect)?;
        }
        Ok(encoder)
    }

    fn write_header(&mut self, schema: &ResultSchema, dialect: Dialect) -> Result<()> {
        let mut names = Vec::with_capacity(schema.columns().len());
        for (index, column) in schema.columns().iter().enumerate() {
            let mut name = Vec::new();
            if dialect.append_text(column.name().as_bytes(), &mut name) {
                self.altered_names.push(index);
            }
            names.push(name);
        }
        self.header_bytes = self.records.append(&names)?;
        Ok(())
    }
}

impl ResultEncoder for TextEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.records.write(batch)
    }

    fn flush(&mut self) -> Result<()> {
        self.records.flush()
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        let bytes = self.records.finish()?;
        let losses = Losses::of_cells(ALTERATION, self.records.losses().iter().copied())
            .with_altered_names(self.altered_names);
        Ok(Written::new(bytes - self.header_bytes).with_losses(losses))
    }

    fn buffered_bytes(&self) -> usize {
        self.records.heap_bytes()
    }
}
