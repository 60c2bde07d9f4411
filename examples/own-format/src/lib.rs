//! Tables in Markdown: a format of Taploom in one small file.

use arrow_array::RecordBatch;
use arrow_cast::display::array_value_to_string;
use taploom_format::{
    Completion, Content, EncodeContext, EncoderFormat, Error, ErrorKind, FormatInfo, Output,
    Result, ResultEncoder, ResultSchema, Written, register_encoder,
};

/// Names the format.
pub struct Markdown;

register_encoder!(PLUGIN = Markdown);

/// The options of the format.
#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MarkdownOptions {
    /// Whether the names of the columns are set in bold.
    pub bold: bool,
}

impl EncoderFormat for Markdown {
    const INFO: FormatInfo = FormatInfo::new("markdown", "a table in Markdown", &["text/markdown"])
        .with_short_names(&[("md", "text/markdown")])
        .with_extensions(&["md"])
        .with_content(Content::Text);

    type Options = MarkdownOptions;

    fn start(
        options: &MarkdownOptions,
        schema: &ResultSchema,
        _context: &EncodeContext,
        mut output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        let mark = if options.bold { "**" } else { "" };
        for column in schema.columns() {
            output.append(format!("| {mark}{}{mark} ", escaped(column.name())).as_bytes())?;
        }
        output.append(format!("|\n{}", "|---".repeat(schema.columns().len())).as_bytes())?;
        Ok(Box::new(MarkdownEncoder { header_bytes: output.written(), output }))
    }
}

struct MarkdownEncoder {
    header_bytes: u64,
    output: Output,
}

impl ResultEncoder for MarkdownEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        for row in 0..batch.num_rows() {
            // The end of the previous line: a result that is cut short then ends within a row.
            self.output.append(b"|\n")?;
            for column in batch.columns() {
                let cell = array_value_to_string(column, row).map_err(|cause| {
                    Error::new(ErrorKind::Internal, "a cell can't be shown").with_source(cause)
                })?;
                self.output.append(format!("| {} ", escaped(&cell)).as_bytes())?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, _completion: Completion) -> Result<Written> {
        self.output.append(b"|\n")?;
        Ok(Written::new(self.output.written() - self.header_bytes))
    }

    fn buffered_bytes(&self) -> usize {
        0
    }
}

/// Escapes pipes, which begin a cell, and line breaks, which begin a row.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}
