#![doc = include_str!("../README.md")]

mod document;
mod encoder;
mod longest;
mod options;
mod parquet_file;
mod timestamps;

use taploom_format::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::VoparquetEncoder;
pub use crate::options::{Codec, Statistics, TextArraysize, Timestamp, VoparquetOptions};

/// Parquet with a VOTable in its footer; Parquet in the VO 1.0.
pub struct Voparquet;

register_encoder!(
    /// The plug-in of [`Voparquet`].
    PLUGIN = Voparquet
);

impl EncoderFormat for Voparquet {
    const INFO: FormatInfo = FormatInfo {
        id: "voparquet",
        description: "Parquet with a VOTable in its footer",
        media_types: &["application/vnd.apache.parquet"],
        short_names: &[("parquet", "application/vnd.apache.parquet")],
        output_ids: &[],
        extensions: &["parquet"],
        content: Content::Binary,
        overflow: OverflowReport::InDocument,
        failure: FailureReport::CutShort,
        envelope: EnvelopeUse::Written,
    };

    type Options = VoparquetOptions;

    fn start(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(VoparquetEncoder::start(options, schema, context, sink)?))
    }
}
