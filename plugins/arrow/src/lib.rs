#![doc = include_str!("../README.md")]

mod column_builder;
mod encoder;
mod held;
mod message;
mod options;
mod other_column;
mod row_sizes;
mod withheld;

use taploom_format::{
    EncodeContext, EncoderFormat, FormatInfo, Output, Result, ResultEncoder, ResultSchema,
    RowsGiven, register_encoder,
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
    const INFO: FormatInfo = FormatInfo::new(
        "arrow",
        "Arrow IPC stream with VO metadata in its schema",
        &["application/vnd.apache.arrow.stream"],
    )
    .with_short_names(&[("arrow", "application/vnd.apache.arrow.stream")])
    .with_extensions(&["arrows", "arrow"])
    // Every Arrow type except unions is written unchanged.
    .with_rows(RowsGiven::AsTheyCome);

    type Options = ArrowOptions;

    fn start(
        options: &ArrowOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(ArrowEncoder::start(options, schema, context, output)?))
    }
}
