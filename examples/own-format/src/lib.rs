//! Tables in Markdown: a format of Taploom in one small file.

use arrow_array::RecordBatch;
use arrow_cast::display::array_value_to_string;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taploom_format::{
    Completion, Content, EncodeContext, EncoderFormat, Error, ErrorKind, FormatInfo, Output, Result,
    ResultEncoder, ResultSchema, Written, register_encoder,
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
    const INFO: FormatInfo =
        FormatInfo::new("markdown", "a table in Markdown", &["text/markdown"])
            .with_short_names(&[("md", "text/markdown")])
            .with_extensions(&["md"])
            .with_content(Content::Text);

    type Options = MarkdownOptions;

    fn start(
        options: &MarkdownOptions,
        schema: &ResultSchema,
        _context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        let mark = if options.bold { "**" } else { "" };
        let mut text = String::new();
        for column in schema.columns() {
            text.push_str(&format!("| {mark}{}{mark} ", escaped(column.name())));
        }
        text.push_str("|\n");
        text.push_str(&"|---".repeat(schema.columns().len()));
        text.push_str("|\n");
        let header_bytes = text.len() as u64;
        Ok(Box::new(MarkdownEncoder { kept_back: text, output, header_bytes }))
    }
}

struct MarkdownEncoder {
    /// The text from the last cell on, so that a result which stops early stops within a row.
    kept_back: String,
    output: Output,
    header_bytes: u64,
}

impl ResultEncoder for MarkdownEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
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

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        self.output.append(self.kept_back.as_bytes())?;
        Ok(Written::new(self.output.written() - self.header_bytes))
    }

    fn buffered_bytes(&self) -> usize {
        self.kept_back.capacity()
    }
}

/// A pipe would begin a cell, a line break a row.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}
