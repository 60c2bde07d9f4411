//! A VOTable with BINARY2 rows.

use arrow_array::RecordBatch;
use taploom_encoder::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Output, Result,
    ResultEncoder, ResultSchema,
};
use taploom_votable::{Frame, Version, altered_names};

use crate::base64_stream::Base64Stream;
use crate::column_writer::ColumnWriter;
use crate::row_block::RowBlock;

const DATA_OPEN: &str = "<DATA><BINARY2><STREAM encoding=\"base64\">";
const DATA_CLOSE: &str = "</STREAM></BINARY2></DATA>\n";

/// Rows to BINARY2: batch by batch brought into the types of the writers, block by block of rows
/// laid out in bytes, and handed on as base64.
pub(crate) struct Binary2Encoder {
    rows: CanonicalRows,
    frame: Frame,
    writers: Vec<ColumnWriter>,
    block: RowBlock,
    base64: Base64Stream,
    output: Output,
    data_starts: u64,
}

impl Binary2Encoder {
    pub(crate) fn start(
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Self> {
        let rows = CanonicalRows::new(schema)?;
        let frame = match &context.envelope {
            Some(envelope) => Frame::given(envelope),
            None => Frame::new(schema, Version::default())?,
        };
        let (writers, least_width) = ColumnWriter::lay_out(schema.columns())?;
        let mut output = Output::new(sink);
        output.append(frame.header().as_bytes())?;
        output.append(DATA_OPEN.as_bytes())?;
        let data_starts = output.written();
        let block = RowBlock::new(least_width);
        let base64 = Base64Stream::new();
        Ok(Self { rows, frame, writers, block, base64, output, data_starts })
    }
}

impl ResultEncoder for Binary2Encoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        let mut row = 0;
        while row < batch.num_rows() {
            row += self.block.fill(&mut self.writers, batch.columns(), row);
            self.base64.write(&mut self.block.bytes, &mut self.output)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        // Before the last rows: a document that has no footer for a failure stays cut short.
        let footer = self.frame.footer(&completion)?;
        self.base64.finish(&self.block.bytes, &mut self.output)?;
        let data_bytes = self.output.written() - self.data_starts;
        self.output.append(DATA_CLOSE.as_bytes())?;
        self.output.append(footer.as_bytes())?;
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        summary.altered_cells = altered_names(self.rows.schema());
        summary.data_bytes = data_bytes;
        summary.truncated_cells = self.writers.iter().map(ColumnWriter::truncated_cells).sum();
        summary.total_bytes = self.output.finish()?;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.block.heap_bytes() + self.base64.heap_bytes() + self.frame.heap_bytes()
    }
}
