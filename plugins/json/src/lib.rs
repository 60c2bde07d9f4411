#![doc = include_str!("../README.md")]

mod column_writer;
mod document;
mod lines;
mod options;
mod rows;

use taploom_format::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::document::DocumentEncoder;
use crate::lines::LinesEncoder;
pub use crate::options::{JsonOptions, Nonfinite};

/// One document; RFC 8259.
pub struct Json;

/// One object a line.
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
    const INFO: FormatInfo = FormatInfo {
        id: "json",
        description: "one JSON document: FIELDs, rows as arrays, status",
        media_types: &["application/json"],
        short_names: &[("json", "application/json")],
        output_ids: &[],
        extensions: &["json"],
        content: Content::Text,
        overflow: OverflowReport::InDocument,
        failure: FailureReport::InDocument,
        envelope: EnvelopeUse::Refused,
    };

    type Options = JsonOptions;

    fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(DocumentEncoder::start(options, schema, context, sink)?))
    }
}

impl EncoderFormat for JsonLines {
    const INFO: FormatInfo = FormatInfo {
        id: "jsonl",
        description: "JSON Lines: one object a row",
        media_types: &["application/x-ndjson"],
        short_names: &[("jsonl", "application/x-ndjson")],
        extensions: &["jsonl", "ndjson"],
        overflow: OverflowReport::None,
        failure: FailureReport::CutShort,
        ..Json::INFO
    };

    type Options = JsonOptions;

    fn start(
        options: &JsonOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(LinesEncoder::start(options, schema, context, sink)?))
    }
}
