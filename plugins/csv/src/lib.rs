#![doc = include_str!("../README.md")]

mod column_writer;
mod dialect;
mod encoder;
mod options;

use taploom_format::{
    Content, EncodeContext, EncoderFormat, FormatInfo, Output, Result, ResultEncoder, ResultSchema,
    register_encoder,
};

use crate::dialect::Dialect;
use crate::encoder::start;
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
    const INFO: FormatInfo =
        FormatInfo::new("csv", "comma-separated values, RFC 4180", &["text/csv"])
            .with_short_names(&[("csv", "text/csv")])
            .with_extensions(&["csv"])
            .with_content(Content::Text);

    type Options = CsvOptions;

    fn start(
        options: &CsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(start(Dialect::Csv, options, schema, context, output)?))
    }
}

impl EncoderFormat for Tsv {
    const INFO: FormatInfo =
        FormatInfo::new("tsv", "tab-separated values", &["text/tab-separated-values"])
            .with_short_names(&[("tsv", "text/tab-separated-values")])
            .with_extensions(&["tsv"])
            .with_content(Content::Text);

    type Options = CsvOptions;

    fn start(
        options: &CsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(start(Dialect::Tsv, options, schema, context, output)?))
    }
}
