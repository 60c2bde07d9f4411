#![doc = include_str!("../README.md")]

mod column_builder;
mod encoder;
mod message;
mod options;
mod row_sizes;
mod withheld;

use taploom_format::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::ArrowEncoder;
pub use crate::options::{ArrowOptions, Compression};

/// The IPC stream of Apache Arrow.
pub struct Arrow;

register_encoder!(
    /// The plug-in of [`Arrow`].
    PLUGIN = Arrow
);

impl EncoderFormat for Arrow {
    const INFO: FormatInfo = FormatInfo {
        id: "arrow",
        description: "Arrow IPC stream with VO metadata in its schema",
        media_types: &["application/vnd.apache.arrow.stream"],
        short_names: &[("arrow", "application/vnd.apache.arrow.stream")],
        output_ids: &[],
        extensions: &["arrows", "arrow"],
        content: Content::Binary,
        overflow: OverflowReport::None,
        failure: FailureReport::CutShort,
        envelope: EnvelopeUse::Refused,
    };

    type Options = ArrowOptions;

    fn start(
        options: &ArrowOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(ArrowEncoder::start(options, schema, context, sink)?))
    }
}
