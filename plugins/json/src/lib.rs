#![doc = include_str!("../README.md")]

mod column_writer;
mod document;
mod lines;
mod options;
mod rows;

use taploom_format::{
    Content, EncodeContext, EncoderFormat, FailureReport, FormatInfo, Output, OverflowReport,
    Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::document::DocumentEncoder;
use crate::lines::LinesEncoder;
pub use crate::options::{JsonOptions, Nonfinite};

/// One JSON document; RFC 8259.
pub struct Json;

/// One JSON object per line.
pub struct JsonLines;

register_encoder!(
    /// The plug-in of [`Json`].
    JSON_PLUGIN = Json
);

register_encoder!(
    /// The plug-in of [`JsonLines`].
    JSONL_PLUGIN = JsonLines
);

impl EncoderFormat for Json {
    const INFO: FormatInfo = FormatInfo::new(
        "json",
        "one JSON document: FIELDs, rows as arrays, status",
        &["application/json"],
    )
    .with_short_names(&[("json", "application/json")])
    .with_extensions(&["json"])
    .with_content(Content::Text)
    .with_overflow(OverflowReport::InDocument)
    .with_failure(FailureReport::InDocument);

    type Options = JsonOptions;

    fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(DocumentEncoder::start(options, schema, context, output)?))
    }
}

impl EncoderFormat for JsonLines {
    const INFO: FormatInfo =
        FormatInfo::new("jsonl", "JSON Lines: one object per row", &["application/x-ndjson"])
            .with_short_names(&[("jsonl", "application/x-ndjson")])
            .with_extensions(&["jsonl", "ndjson"])
            .with_content(Content::Text);

    type Options = JsonOptions;

    fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(LinesEncoder::start(options, schema, context, output)?))
    }
}
