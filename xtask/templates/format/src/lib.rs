#![doc = include_str!("../README.md")]

mod encoder;

use taploom_format::{
    EncodeContext, EncoderFormat, FormatInfo, NoOptions, Output, Result, ResultEncoder, ResultSchema,
    register_encoder,
};

use crate::encoder::{{Type}}Encoder;

/// The format {{name}}.
pub struct {{Type}};

register_encoder!(
    /// The plug-in of [`{{Type}}`].
    PLUGIN = {{Type}}
);

impl EncoderFormat for {{Type}} {
    // By default a format is binary, cuts a failed result short, and has no place for an overflow or an
    // envelope. Methods of FormatInfo say otherwise, and the suite holds the format to what they say.
    const INFO: FormatInfo =
        FormatInfo::new("{{name}}", "describe {{name}} in one line", &["application/x-{{name}}"])
            .with_short_names(&[("{{name}}", "application/x-{{name}}")])
            .with_extensions(&["{{name}}"]);

    // For options, define a struct whose fields are named like the options.
    type Options = NoOptions;

    fn start(
        _options: &NoOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new({{Type}}Encoder::start(schema, context, output)?))
    }
}
