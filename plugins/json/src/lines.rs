//! JSON Lines: one object per line.

use arrow_array::RecordBatch;
use taploom_format::{
    Completion, EncodeContext, Output, Result, ResultEncoder, ResultSchema, Written,
};
use taploom_text::{BlockPlan, Frame, append_json_string};

use crate::column_writer::ColumnWriter;
use crate::options::JsonOptions;
use crate::rows::{Rows, plan};

/// The end of a row.
const ROW_END: &[u8] = b"}\n";

pub(crate) struct LinesEncoder {
    rows: Rows,
    lines: Lines,
}

/// What is the same for all results of a schema.
struct Plan(BlockPlan<ColumnWriter>);

struct Lines {
    output: Output,
    /// Whether the end of the last row is held back until more output follows, so that
    /// output which stops early ends within a line.
    kept_back: bool,
}

impl LinesEncoder {
    pub(crate) fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        let plan = context.plan(options, schema, || Plan::new(options, schema, context))?;
        let rows = Rows::new(&plan.0, context.resources.threads);
        Ok(Self { rows, lines: Lines { output, kept_back: false } })
    }
}

impl Plan {
    fn new(options: &JsonOptions, schema: &ResultSchema, context: &EncodeContext) -> Result<Self> {
        // The names of an object should be unique; RFC 8259, section 4.
        let names = schema.unique_names();
        let before = names.iter().enumerate().map(|(index, name)| {
            let mut before = vec![if index == 0 { b'{' } else { b',' }];
            append_json_string(name, &mut before);
            before.push(b':');
            before
        });
        let frame = Frame { before: before.collect(), after: ROW_END.to_vec(), ..Frame::default() };
        Ok(Self(plan(schema, options, frame, context)?))
    }
}

impl Lines {
    fn append(&mut self, text: &[u8]) -> Result<()> {
        if self.kept_back {
            self.output.append(ROW_END)?;
        }
        self.kept_back = true;
        self.output.append(text.strip_suffix(ROW_END).unwrap_or(text))
    }
}

impl ResultEncoder for LinesEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let Self { rows, lines } = self;
        rows.append(batch, |text| lines.append(text))
    }

    fn flush(&mut self) -> Result<()> {
        let Self { rows, lines } = self;
        rows.drain(|text| lines.append(text))
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        self.flush()?;
        let Self { rows, mut lines } = *self;
        if lines.kept_back {
            lines.output.append(ROW_END)?;
        }
        Ok(rows.written(lines.output.written()))
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }
}
