//! Tables in Markdown: a format of Taploom in one small file.

use arrow_array::RecordBatch;
use arrow_cast::display::array_value_to_string;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taploom_format::{
    ByteSink, CanonicalRows, Completion, Content, EncodeContext, EncodeSummary, EncoderFormat,
    EnvelopeUse, Error, ErrorKind, FailureReport, FormatInfo, Output, OverflowReport, Result,
    ResultEncoder, ResultSchema, register_encoder,
};

/// Names the format.
pub struct Markdown;

register_encoder!(
    /// The plug-in of [`Markdown`].
    PLUGIN = Markdown
);

/// What can be chosen.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MarkdownOptions {
    /// Whether the names of the columns are set in bold.
    pub bold: bool,
}

impl EncoderFormat for Markdown {
    const INFO: FormatInfo = FormatInfo {
        id: "markdown",
        description: "a table in Markdown",
        media_types: &["text/markdown"],
        short_names: &[("md", "text/markdown")],
        output_ids: &[],
        extensions: &["md"],
        content: Content::Text,
        overflow: OverflowReport::None,
        failure: FailureReport::CutShort,
        envelope: EnvelopeUse::Refused,
    };

    type Options = MarkdownOptions;

    fn start(
        options: &MarkdownOptions,
        schema: &ResultSchema,
        _context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        // Eight Arrow types come out of here, whatever goes in; an error names the column.
        let rows = CanonicalRows::new(schema)?;
        let mark = if options.bold { "**" } else { "" };
        let mut text = String::new();
        for column in schema.columns() {
            text.push_str(&format!("| {mark}{}{mark} ", escaped(column.name())));
        }
        text.push_str("|\n");
        text.push_str(&"|---".repeat(schema.columns().len()));
        text.push_str("|\n");
        let header_bytes = text.len() as u64;
        Ok(Box::new(MarkdownEncoder {
            rows,
            kept_back: text,
            output: Output::new(sink),
            header_bytes,
        }))
    }
}

struct MarkdownEncoder {
    rows: CanonicalRows,
    /// The text from the last cell on, so that a result which stops early stops within a row.
    kept_back: String,
    output: Output,
    header_bytes: u64,
}

impl ResultEncoder for MarkdownEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.rows.convert(batch)?;
        for row in 0..batch.num_rows() {
            let mut text = std::mem::take(&mut self.kept_back);
            let mut last = text.len();
            for column in batch.columns() {
                let cell = array_value_to_string(column, row).map_err(|cause| {
                    Error::new(ErrorKind::Internal, "a cell can't be shown").with_source(cause)
                })?;
                text.push_str("| ");
                last = text.len();
                text.push_str(&format!("{} ", escaped(&cell)));
            }
            text.push_str("|\n");
            self.kept_back = text.split_off(last);
            self.output.append(text.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if let Completion::Failed { message } = completion {
            return Err(Error::new(ErrorKind::Failed, message));
        }
        self.output.append(self.kept_back.as_bytes())?;
        let mut summary = EncodeSummary::default();
        summary.rows = self.rows.rows();
        summary.total_bytes = self.output.finish()?;
        summary.data_bytes = summary.total_bytes - self.header_bytes;
        Ok(summary)
    }

    fn buffered_bytes(&self) -> usize {
        self.kept_back.capacity()
    }
}

/// A pipe would begin a cell, a line break a row.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}
