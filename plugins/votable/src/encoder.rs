//! Writes a VOTable: a document and the rows in it.

use std::sync::Arc;

use arrow_array::RecordBatch;
use taploom_format::{
    CellLosses, Completion, EncodeContext, Losses, Output, Result, ResultEncoder, ResultSchema,
    Written,
};
use taploom_text::BlockPlan;
use taploom_votable::{Frame, xml_characters};

use crate::binary::{BinaryPlan, BinaryRows};
use crate::nulls::{with_nulls_as_given, with_nulls_chosen};
use crate::options::{Serialization, VotableOptions};
use crate::tabledata::{self, TableDataRows, TextColumn};

/// How characters in names and in cells of TABLEDATA are altered. Rows in base64 can hold all
/// characters.
const ALTERATION: &str = "had characters that XML can't store; replaced by U+FFFD";

/// Writes rows between the header and the footer of the document.
pub(crate) trait RowWriter: Send {
    /// The tags before and after the rows.
    fn tags(&self) -> (&'static str, &'static str);

    /// Writes rows in canonical types. After an error, no row is written in part.
    fn write(&mut self, batch: &RecordBatch, output: &mut Output) -> Result<()>;

    /// Writes the rows that are being encoded on other threads. More may follow.
    fn drain(&mut self, output: &mut Output) -> Result<()>;

    /// Writes the bytes that were held back until the last row.
    fn finish(&mut self, output: &mut Output) -> Result<()>;

    /// The losses of each column in the rows that were written.
    fn losses(&self) -> &[CellLosses];

    /// Heap held, in bytes.
    fn heap_bytes(&self) -> usize;
}

/// The document, and the writer of its rows.
pub(crate) struct VotableEncoder {
    plan: Arc<Plan>,
    writer: Box<dyn RowWriter>,
    output: Output,
    data_starts: u64,
}

/// What is the same for all results of a schema.
struct Plan {
    frame: Frame,
    rows: Rows,
    /// The positions of the columns whose names have characters that XML can't hold.
    altered_names: Vec<usize>,
}

enum Rows {
    Binary(BinaryPlan),
    TableData(BlockPlan<TextColumn>),
}

impl Plan {
    fn new(
        options: &VotableOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
    ) -> Result<Self> {
        let (schema, nulls) = match (options.serialization, &context.envelope) {
            (Serialization::Binary, None) => with_nulls_chosen(schema)?,
            _ => with_nulls_as_given(schema),
        };
        let frame = match &context.envelope {
            Some(envelope) => Frame::given(envelope),
            None => Frame::new(&schema, options.version)?,
        };
        let rows = match options.serialization {
            Serialization::Binary2 | Serialization::Binary => {
                Rows::Binary(BinaryPlan::new(schema.columns(), &nulls, options, context)?)
            }
            Serialization::TableData => {
                Rows::TableData(tabledata::plan(schema.columns(), context)?)
            }
        };
        let names = schema.columns().iter().map(taploom_format::Column::name).enumerate();
        let altered_names = names.filter(|(_, name)| xml_characters(name) != *name);
        let altered_names = altered_names.map(|(index, _)| index).collect();
        Ok(Self { frame, rows, altered_names })
    }
}

impl VotableEncoder {
    pub(crate) fn start(
        options: &VotableOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        mut output: Output,
    ) -> Result<Self> {
        let plan = context.plan(options, schema, || Plan::new(options, schema, context))?;
        let threads = context.resources.threads;
        let writer: Box<dyn RowWriter> = match &plan.rows {
            Rows::Binary(rows) => Box::new(BinaryRows::new(rows, threads)),
            Rows::TableData(rows) => Box::new(TableDataRows::new(rows, threads)),
        };
        output.append(plan.frame.header().as_bytes())?;
        output.append(writer.tags().0.as_bytes())?;
        let data_starts = output.written();
        Ok(Self { plan, writer, output, data_starts })
    }
}

impl ResultEncoder for VotableEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch, &mut self.output)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.drain(&mut self.output)
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<Written> {
        // Checked before the last rows are written: a document that has no footer for a failure
        // must stay cut short.
        let footer = self.plan.frame.footer(&completion)?;
        self.writer.drain(&mut self.output)?;
        self.writer.finish(&mut self.output)?;
        let data_bytes = self.output.written() - self.data_starts;
        self.output.append(self.writer.tags().1.as_bytes())?;
        self.output.append(footer.as_bytes())?;
        let losses = Losses::of_cells(ALTERATION, self.writer.losses().iter().copied())
            .with_altered_names(self.plan.altered_names.iter().copied());
        Ok(Written::new(data_bytes).with_losses(losses))
    }

    fn buffered_bytes(&self) -> usize {
        self.writer.heap_bytes() + self.plan.frame.heap_bytes()
    }
}
