#![doc = include_str!("../README.md")]

mod column_writer;
mod encoder;
mod header;
mod options;

use taploom_format::{
    Content, EncodeContext, EncoderFormat, FormatInfo, Output, Result, ResultEncoder, ResultSchema,
    register_encoder,
};

use crate::encoder::start;
pub use crate::options::EcsvOptions;

/// Enhanced character-separated values; astropy's APE 6, ECSV 1.0.
pub struct Ecsv;

register_encoder!(
    /// The plug-in of [`Ecsv`].
    PLUGIN = Ecsv
);

impl EncoderFormat for Ecsv {
    // No media type is registered for ECSV, and APE 6 does not name one.
    const INFO: FormatInfo = FormatInfo::new(
        "ecsv",
        "comma-separated values with types and units, ECSV 1.0",
        &["application/x-ecsv"],
    )
    .with_short_names(&[("ecsv", "application/x-ecsv")])
    .with_extensions(&["ecsv"])
    .with_content(Content::Text);

    type Options = EcsvOptions;

    fn start(
        options: &EcsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(start(options, schema, context, output)?))
    }
}
