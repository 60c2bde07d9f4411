#![doc = include_str!("../README.md")]

mod ascii;
mod column_writer;
mod copy;
mod encoder;
mod header;
mod layout;
mod nulls;
mod options;
mod spool;

use taploom_format::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::FitsEncoder;
pub use crate::options::FitsOptions;

/// A FITS file with one binary table; FITS 4.0, 7.3.
pub struct Fits;

register_encoder!(
    /// The plug-in of [`Fits`].
    PLUGIN = Fits
);

impl EncoderFormat for Fits {
    const INFO: FormatInfo = FormatInfo {
        id: "fits",
        description: "FITS binary table, FITS 4.0",
        media_types: &["application/fits"],
        short_names: &[("fits", "application/fits")],
        output_ids: &[],
        extensions: &["fits", "fit"],
        content: Content::Binary,
        overflow: OverflowReport::InDocument,
        failure: FailureReport::CutShort,
        envelope: EnvelopeUse::Refused,
    };

    type Options = FitsOptions;

    fn start(
        _options: &FitsOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(FitsEncoder::start(schema, context, sink)?))
    }
}
