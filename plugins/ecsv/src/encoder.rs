//! The header, and rows as separated text.

use arrow_array::RecordBatch;
use taploom_format::{
    Completion, EncodeContext, Losses, Output, Result, ResultEncoder, ResultSchema, Written,
    unique_names,
};
use taploom_text::Records;

use crate::column_writer::{ColumnWriter, append_value};
use crate::header::Header;

/// How line breaks in a name are altered. The YAML of the header can store them, but the line of
/// column names can't.
const ALTERATION: &str = "had line breaks, which ECSV can't store there; replaced by spaces";

/// Writes rows as text, block by block.
pub(crate) struct EcsvEncoder {
    records: Records<ColumnWriter>,
    header_bytes: u64,
    /// The positions of the columns with replaced characters in their names.
    altered_names: Vec<usize>,
}

impl EcsvEncoder {
    pub(crate) fn start(
        schema: &ResultSchema,
        context: &EncodeContext,
        mut output: Output,
    ) -> Result<Self> {
        let columns = schema.columns();
        // All names have to be in one line.
        let names: Vec<String> =
            columns.iter().map(|column| column.name().replace(['\n', '\r'], " ")).collect();
        let altered = columns.iter().zip(&names).enumerate();
        let altered = altered.filter(|(_, (column, name))| column.name() != *name);
        let altered_names = altered.map(|(index, _)| index).collect();
        let names = unique_names(names.iter().map(String::as_str));

        let mut header = Header::new();
        let mut writers = Vec::with_capacity(columns.len());
        let mut titles = Vec::with_capacity(columns.len());
        for (column, name) in columns.iter().zip(&names) {
            let vo_type = column.vo_type()?;
            let writer =
                ColumnWriter::new(vo_type).map_err(|error| error.with_column(column.name()))?;
            header.column(name, writer.types(vo_type), column.metadata());
            writers.push(writer);
            let mut title = Vec::new();
            append_value(name.as_bytes(), &mut title);
            titles.push(title);
        }
        let header = header.finish(schema.table());
        output.append(header.as_bytes())?;
        let mut records = Records::new(writers, b',', b"\n", context.resources.threads, output);
        let titles_bytes = records.append(&titles)?;
        Ok(Self { records, header_bytes: header.len() as u64 + titles_bytes, altered_names })
    }
}

impl ResultEncoder for EcsvEncoder {
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
