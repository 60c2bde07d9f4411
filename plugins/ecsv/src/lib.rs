#![doc = include_str!("../README.md")]

mod column_writer;
mod encoder;
mod header;
mod options;

use taploom_format::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::EcsvEncoder;
pub use crate::options::EcsvOptions;

/// Enhanced character-separated values; astropy's APE 6, ECSV 1.0.
pub struct Ecsv;

register_encoder!(
    /// The plug-in of [`Ecsv`].
    PLUGIN = Ecsv
);

impl EncoderFormat for Ecsv {
    const INFO: FormatInfo = FormatInfo {
        id: "ecsv",
        description: "comma-separated values with types and units, ECSV 1.0",
        // None is registered, and none stands in APE 6.
        media_types: &["application/x-ecsv"],
        short_names: &[("ecsv", "application/x-ecsv")],
        output_ids: &[],
        extensions: &["ecsv"],
        content: Content::Text,
        overflow: OverflowReport::None,
        failure: FailureReport::CutShort,
        envelope: EnvelopeUse::Refused,
    };

    type Options = EcsvOptions;

    fn start(
        _options: &EcsvOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(EcsvEncoder::start(schema, context, sink)?))
    }
}
