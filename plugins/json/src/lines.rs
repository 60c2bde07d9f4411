//! One object a line.

use arrow_array::RecordBatch;
use taploom_format::{
    ByteSink, CanonicalRows, Completion, EncodeContext, EncodeSummary, Error, ErrorKind, Output,
    Result, ResultEncoder, ResultSchema,
};
use taploom_text::{Frame, append_json_string};

use crate::options::JsonOptions;
use crate::rows::Rows;

/// The end of a row.
const ROW_END: &[u8] = b"}\n";

pub(crate) struct LinesEncoder {
    rows: Rows,
    lines: Lines,
}

struct Lines {
    output: Output,
    /// Whether the end of the last row is kept back until more follows, so that output which stops
    /// early stops within a line.
    kept_back: bool,
}

impl LinesEncoder {
    pub(crate) fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
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
        let frame = Frame { before: before.collect(), after: ROW_END.to_vec(), ..Frame::default() };
        let rows = Rows::new(canonical, schema, options, frame, context.threads)?;
        Ok(Self { rows, lines: Lines { output: Output::new(sink), kept_back: false } })
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

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        let Self { mut rows, mut lines } = *self;
        rows.finish(|text| lines.append(text))?;
        if lines.kept_back {
            lines.output.append(ROW_END)?;
        }
        let mut summary = rows.summary();
        summary.total_bytes = lines.output.finish()?;
        summary.data_bytes = summary.total_bytes;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }
}
