#![doc = include_str!("../README.md")]

mod ascii;
mod blocks;
mod column_writer;
mod copy;
mod encoder;
mod header;
mod layout;
mod nulls;
mod options;
mod plan;

use taploom_format::{
    EncodeContext, EncoderFormat, FormatInfo, Output, OverflowReport, Result, ResultEncoder,
    ResultSchema, register_encoder,
};

use crate::encoder::FitsEncoder;
pub use crate::options::FitsOptions;

/// A FITS file with one binary table; FITS 4.0, 7.3.
#[derive(Debug, Clone, Copy)]
pub struct Fits;

register_encoder!(
    /// The plug-in of [`Fits`].
    PLUGIN = Fits
);

impl EncoderFormat for Fits {
    const INFO: FormatInfo =
        FormatInfo::new("fits", "FITS binary table, FITS 4.0", &["application/fits"])
            .with_short_names(&[("fits", "application/fits")])
            .with_extensions(&["fits", "fit"])
            .with_overflow(OverflowReport::InDocument);

    type Options = FitsOptions;

    fn start(
        options: &FitsOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(FitsEncoder::start(options, schema, context, output)?))
    }
}
