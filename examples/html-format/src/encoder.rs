//! The document: a header, the rows, and how the result ended.

use taploom_format::arrow_array::RecordBatch;
use taploom_format::{
    Column, Completion, EncodeContext, Losses, Output, Result, ResultEncoder, ResultSchema, Written,
};
use taploom_text::{Blocks, Frame};

use crate::column_writer::ColumnWriter;
use crate::escape::{append_attribute, append_text};

/// The end of the warnings about cells and names.
const ALTERATION: &str = "had characters that HTML can't store; replaced by line feeds or U+FFFD";

const STYLE: &str = "table { border-collapse: collapse } \
    th, td { border: 1px solid #ccc; padding: 0.2em 0.5em; text-align: left }";

// ANCHOR: encoder
/// Writes rows as HTML, block by block.
pub(crate) struct HtmlEncoder {
    /// Turns rows into text, on several threads if the context allows it.
    blocks: Blocks<ColumnWriter>,
    output: Output,
    header_bytes: u64,
    header_losses: HeaderLosses,
}

impl ResultEncoder for HtmlEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.blocks.write(batch, |block| self.output.append(&block.text))
    }

    fn flush(&mut self) -> Result<()> {
        self.blocks.drain(|block| self.output.append(&block.text))
    }

    fn finish(mut self: Box<Self>, completion: Completion) -> Result<Written> {
        self.flush()?;
        let data_bytes = self.output.written() - self.header_bytes;
        self.output.append(&trailer(&completion))?;
        let losses = Losses::of_cells(ALTERATION, self.blocks.losses().iter().copied())
            .with_altered_names(self.header_losses.names)
            .with_altered_metadata(self.header_losses.metadata);
        Ok(Written::new(data_bytes).with_losses(losses))
    }

    fn buffered_bytes(&self) -> usize {
        self.blocks.heap_bytes()
    }
}
// ANCHOR_END: encoder

// ANCHOR: start
impl HtmlEncoder {
    pub(crate) fn start(
        schema: &ResultSchema,
        context: &EncodeContext,
        mut output: Output,
    ) -> Result<Self> {
        let writer = |column: &Column| {
            ColumnWriter::new(column).map_err(|error| error.with_column(column.name()))
        };
        let writers = schema.columns().iter().map(writer).collect::<Result<Vec<_>>>()?;
        let before = (0..writers.len()).map(|index| match index {
            0 => b"<tr><td>".to_vec(),
            _ => b"</td><td>".to_vec(),
        });
        let after = b"</td></tr>\n".to_vec();
        let frame = Frame { before: before.collect(), after, ..Frame::default() };
        let blocks = Blocks::new(writers, frame, context.resources.threads);
        // All checks have passed, so the first byte may be written.
        let (header, header_losses) = header(schema);
        output.append(&header)?;
        Ok(Self { blocks, output, header_bytes: header.len() as u64, header_losses })
    }
}
// ANCHOR_END: start

/// The losses in the header.
struct HeaderLosses {
    /// Positions of the columns whose names were altered.
    names: Vec<usize>,
    /// Altered texts of the metadata.
    metadata: u64,
}

/// From the doctype to the beginning of the first row.
fn header(schema: &ResultSchema) -> (Vec<u8>, HeaderLosses) {
    let mut losses = HeaderLosses { names: Vec::new(), metadata: 0 };
    let mut html =
        b"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>".to_vec();
    let table = schema.table();
    append_text(table.name.as_deref().unwrap_or("Result of a query"), &mut html);
    html.extend_from_slice(b"</title>\n<style>");
    html.extend_from_slice(STYLE.as_bytes());
    html.extend_from_slice(b"</style></head>\n<body>\n<table>\n");
    if table.name.is_some() || table.description.is_some() {
        html.extend_from_slice(b"<caption>");
        let texts = [("name", &table.name), ("description", &table.description)];
        for (id, text) in texts {
            let Some(text) = text else { continue };
            html.extend_from_slice(format!("<div id=\"{id}\">").as_bytes());
            losses.metadata += u64::from(append_text(text, &mut html));
            html.extend_from_slice(b"</div>");
        }
        html.extend_from_slice(b"</caption>\n");
    }
    html.extend_from_slice(b"<thead><tr>");
    for (index, column) in schema.columns().iter().enumerate() {
        let metadata = column.metadata();
        html.extend_from_slice(b"<th scope=\"col\"");
        for (attribute, value) in [("title", &metadata.description), ("data-ucd", &metadata.ucd)] {
            let Some(value) = value else { continue };
            html.extend_from_slice(format!(" {attribute}=\"").as_bytes());
            losses.metadata += u64::from(append_attribute(value, &mut html));
            html.push(b'"');
        }
        html.extend_from_slice(b"><span>");
        if append_text(column.name(), &mut html) {
            losses.names.push(index);
        }
        html.extend_from_slice(b"</span>");
        if let Some(unit) = &metadata.unit {
            html.extend_from_slice(b"<br><small>");
            losses.metadata += u64::from(append_text(unit, &mut html));
            html.extend_from_slice(b"</small>");
        }
        html.extend_from_slice(b"</th>");
    }
    html.extend_from_slice(b"</tr></thead>\n<tbody>\n");
    (html, losses)
}

/// From the end of the last row to the end of the document.
fn trailer(completion: &Completion) -> Vec<u8> {
    let mut html = b"</tbody>\n</table>\n<p><data id=\"query-status\" value=\"".to_vec();
    html.extend_from_slice(completion.query_status().as_bytes());
    html.extend_from_slice(b"\">");
    html.extend_from_slice(match completion {
        Completion::Complete => b"All rows are here.</data>",
        Completion::Overflow => b"There are more rows than these.</data>",
        Completion::Failed { .. } => b"The result is incomplete:</data>",
    });
    if let Completion::Failed { message } = completion {
        html.extend_from_slice(b" <span id=\"message\">");
        append_text(message, &mut html);
        html.extend_from_slice(b"</span>");
    }
    html.extend_from_slice(b"</p>\n</body>\n</html>\n");
    html
}
