#![doc = include_str!("../README.md")]

mod column_writer;
mod encoder;
mod escape;

use taploom_format::{
    Content, EncodeContext, EncoderFormat, FailureReport, FormatInfo, NoOptions, Output,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::HtmlEncoder;

// ANCHOR: register
/// A table in HTML; DALI 1.1, 3.4.3.
pub struct Html;

register_encoder!(
    /// The plug-in of [`Html`].
    PLUGIN = Html
);
// ANCHOR_END: register

// ANCHOR: format
impl EncoderFormat for Html {
    const INFO: FormatInfo = FormatInfo::new("html", "a table in HTML", &["text/html"])
        .with_short_names(&[("html", "text/html")])
        .with_extensions(&["html", "htm"])
        .with_content(Content::Text)
        .with_overflow(OverflowReport::InDocument)
        .with_failure(FailureReport::InDocument);

    type Options = NoOptions;

    fn start(
        _options: &NoOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(HtmlEncoder::start(schema, context, output)?))
    }
}
// ANCHOR_END: format
