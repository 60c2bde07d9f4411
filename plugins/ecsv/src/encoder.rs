//! A header, and rows as separated text.

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Output, Result,
    ResultEncoder, ResultSchema, unique_names,
};
use taploom_text::Records;

use crate::column_writer::{ColumnWriter, append_value};
use crate::header::Header;

/// Rows to text, block by block.
pub(crate) struct EcsvEncoder {
    rows: CanonicalRows,
    records: Records<ColumnWriter>,
    header_bytes: u64,
    altered_names: u64,
}

impl EcsvEncoder {
    pub(crate) fn start(
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::new(schema)?;
        let columns = schema.columns();
        // The names stand in one line.
        let names: Vec<String> =
            columns.iter().map(|column| column.name().replace(['\n', '\r'], " ")).collect();
        let altered_names =
            columns.iter().zip(&names).filter(|(c, name)| c.name() != *name).count();
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
        let mut output = Output::new(sink);
        output.append(header.as_bytes())?;
        let mut records = Records::new(writers, b',', b"\n", context.threads, output);
        let titles_bytes = records.append(&titles)?;
        Ok(Self {
            rows,
            records,
            header_bytes: header.len() as u64 + titles_bytes,
            altered_names: altered_names as u64,
        })
    }
}

impl ResultEncoder for EcsvEncoder {
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
