#![doc = include_str!("../README.md")]

mod column_writer;
mod dialect;
mod encoder;
mod options;

use taploom_format::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::dialect::Dialect;
use crate::encoder::TextEncoder;
pub use crate::options::{CsvOptions, Header};

/// Comma-separated values; RFC 4180.
pub struct Csv;

/// Tab-separated values; IANA, text/tab-separated-values.
pub struct Tsv;

register_encoder!(
    /// The plug-in of [`Csv`].
    CSV_PLUGIN = Csv
);

register_encoder!(
    /// The plug-in of [`Tsv`].
    TSV_PLUGIN = Tsv
);

impl EncoderFormat for Csv {
    const INFO: FormatInfo = FormatInfo {
        id: "csv",
        description: "comma-separated values, RFC 4180",
        media_types: &["text/csv"],
        short_names: &[("csv", "text/csv")],
        output_ids: &[],
        extensions: &["csv"],
        content: Content::Text,
        overflow: OverflowReport::None,
        failure: FailureReport::CutShort,
        envelope: EnvelopeUse::Refused,
    };

    type Options = CsvOptions;

    fn start(
        options: &CsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(TextEncoder::start(Dialect::Csv, options, schema, context, sink)?))
    }
}

impl EncoderFormat for Tsv {
    const INFO: FormatInfo = FormatInfo {
        id: "tsv",
        description: "tab-separated values",
        media_types: &["text/tab-separated-values"],
        short_names: &[("tsv", "text/tab-separated-values")],
        extensions: &["tsv"],
        ..Csv::INFO
    };

    type Options = CsvOptions;

    fn start(
        options: &CsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(TextEncoder::start(Dialect::Tsv, options, schema, context, sink)?))
    }
}
