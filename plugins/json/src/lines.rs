//! One object a line.

use arrow_array::RecordBatch;
use taploom_encoder::{
    ByteSink, CanonicalRows, Completion, EncodeSummary, Error, ErrorKind, Output, Result,
    ResultEncoder, ResultSchema,
};
use taploom_text::append_json_string;

use crate::options::JsonOptions;
use crate::rows::{Frame, Rows};

/// The end of a row.
const ROW_END: &[u8] = b"}\n";

pub(crate) struct LinesEncoder {
    rows: Rows,
    output: Output,
    /// Whether the end of the last row is kept back until more follows, so that output which stops
    /// early stops within a line.
    kept_back: bool,
}

impl LinesEncoder {
    pub(crate) fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        sink: ByteSink,
    ) -> Result<Self> {
        // Names within an object should be unique; RFC 8259, 4.
        let names = schema.unique_names();
        let canonical = CanonicalRows::with_names(schema, &names)?;
        let before = names.iter().enumerate().map(|(index, name)| {
            let mut before = vec![if index == 0 { b'{' } else { b',' }];
            append_json_string(name, &mut before);
            before.push(b':');
            before
        });
        let frame = Frame { before: before.collect(), after: ROW_END };
        let rows = Rows::new(canonical, schema, options, frame)?;
        Ok(Self { rows, output: Output::new(sink), kept_back: false })
    }
}

impl ResultEncoder for LinesEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let Self { rows, output, kept_back } = self;
        rows.append(batch, |text| {
            if *kept_back {
                output.append(ROW_END)?;
            }
            *kept_back = true;
            output.append(text.strip_suffix(ROW_END).unwrap_or(text))
        })
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        if self.kept_back {
            self.output.append(ROW_END)?;
        }
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.count();
        summary.altered_cells = self.rows.altered_cells();
        summary.total_bytes = self.output.finish()?;
        summary.data_bytes = summary.total_bytes;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }
}
