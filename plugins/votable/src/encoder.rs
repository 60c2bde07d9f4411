//! A VOTable: a document, and rows within it.

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Output, Result,
    ResultEncoder, ResultSchema,
};
use taploom_votable::{Frame, altered_names};

use crate::binary::BinaryRows;
use crate::nulls::{with_nulls_as_given, with_nulls_chosen};
use crate::options::{Serialization, VotableOptions};
use crate::tabledata::TableDataRows;

/// How rows are written between the header and the footer of the document.
pub(crate) trait RowWriter: Send {
    /// The tags before and behind the rows.
    fn tags(&self) -> (&'static str, &'static str);

    /// Writes rows in the types that carry them. After an error no row is there in part.
    fn write(&mut self, batch: RecordBatch, output: &mut Output) -> Result<()>;

    /// Writes what was kept back.
    fn finish(&mut self, output: &mut Output) -> Result<()>;

    /// What has been written so far.
    fn written(&self) -> Written;

    /// Heap held, in bytes.
    fn heap_bytes(&self) -> usize;
}

/// Rows, and cells of them that differ from what was given.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) truncated_cells: u64,
    pub(crate) altered_cells: u64,
}

/// Batch by batch brought into the types of the writers, and handed on.
pub(crate) struct VotableEncoder {
    rows: CanonicalRows,
    frame: Frame,
    writer: Box<dyn RowWriter>,
    output: Output,
    data_starts: u64,
}

impl VotableEncoder {
    pub(crate) fn start(
        options: &VotableOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::new(schema)?;
        let (schema, nulls) = match (options.serialization, &context.envelope) {
            (Serialization::Binary, None) => with_nulls_chosen(schema)?,
            _ => with_nulls_as_given(schema),
        };
        let frame = match &context.envelope {
            Some(envelope) => Frame::given(envelope),
            None => Frame::new(&schema, options.version)?,
        };
        let writer: Box<dyn RowWriter> = match options.serialization {
            Serialization::Binary2 | Serialization::Binary => {
                Box::new(BinaryRows::new(schema.columns(), &nulls, options, context.threads)?)
            }
            Serialization::TableData => {
                Box::new(TableDataRows::new(schema.columns(), context.threads)?)
            }
        };
        let mut output = Output::new(sink);
        output.append(frame.header().as_bytes())?;
        output.append(writer.tags().0.as_bytes())?;
        let data_starts = output.written();
        Ok(Self { rows, frame, writer, output, data_starts })
    }
}

impl ResultEncoder for VotableEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        self.writer.write(batch, &mut self.output)
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        // Before the last rows: a document that has no footer for a failure stays cut short.
        let footer = self.frame.footer(&completion)?;
        self.writer.finish(&mut self.output)?;
        let data_bytes = self.output.written() - self.data_starts;
        self.output.append(self.writer.tags().1.as_bytes())?;
        self.output.append(footer.as_bytes())?;
        let written = self.writer.written();
        let mut summary = EncodeSummary::default();
        summary.rows = written.rows;
        summary.data_bytes = data_bytes;
        summary.truncated_cells = written.truncated_cells;
        summary.altered_cells = written.altered_cells + altered_names(self.rows.schema());
        summary.total_bytes = self.output.finish()?;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.writer.heap_bytes() + self.frame.heap_bytes()
    }
}
