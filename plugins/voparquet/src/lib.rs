#![doc = include_str!("../README.md")]

mod document;
mod encoder;
mod held;
mod longest;
mod options;
mod parquet_file;
mod timestamps;

use std::num::NonZeroU64;

use taploom_format::{
    EncodeContext, EncoderFormat, EnvelopeUse, FormatInfo, Output, OverflowReport, Result,
    ResultEncoder, ResultSchema, RowsGiven, register_encoder,
};

use crate::encoder::VoparquetEncoder;
pub use crate::options::{Codec, Statistics, TextArraysize, Timestamp, VoparquetOptions};

/// Parquet with a VOTable in its footer; Parquet in the VO 1.0.
#[derive(Debug, Clone, Copy)]
pub struct Voparquet;

register_encoder!(
    /// The plug-in of [`Voparquet`].
    PLUGIN = Voparquet
);

impl EncoderFormat for Voparquet {
    const INFO: FormatInfo = FormatInfo::new(
        "voparquet",
        "Parquet with a VOTable in its footer",
        &["application/vnd.apache.parquet"],
    )
    .with_short_names(&[("parquet", "application/vnd.apache.parquet")])
    .with_extensions(&["parquet"])
    .with_overflow(OverflowReport::InDocument)
    .with_envelope(EnvelopeUse::Written)
    // Parquet holds more Arrow types than the canonical ones.
    .with_rows(RowsGiven::AsTheyCome);

    type Options = VoparquetOptions;

    fn start(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(VoparquetEncoder::start(options, schema, context, output)?))
    }

    fn seam_rows(options: &VoparquetOptions) -> Option<NonZeroU64> {
        Some(options.row_group_rows)
    }
}
