#![doc = include_str!("../README.md")]

mod binary;
mod cells;
mod charset;
mod encoder;
mod misfit;
mod nulls;
mod options;
mod tabledata;

use taploom_format::{
    Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo, Output,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::VotableEncoder;
pub use crate::options::{ArrayCount, Serialization, VotableOptions};

/// The VOTable format.
pub struct Votable;

register_encoder!(
    /// The plug-in of [`Votable`].
    PLUGIN = Votable
);

const BINARY2: &str = "application/x-votable+xml;serialization=BINARY2";
const BINARY: &str = "application/x-votable+xml;serialization=BINARY";
const TABLEDATA: &str = "application/x-votable+xml;serialization=TABLEDATA";

impl EncoderFormat for Votable {
    const INFO: FormatInfo = FormatInfo::new(
        "votable",
        "VOTable, rows as BINARY2, BINARY or TABLEDATA",
        &["application/x-votable+xml", "text/xml"],
    )
    .with_short_names(&[
        ("votable", "application/x-votable+xml"),
        ("votable/b2", BINARY2),
        ("votable/b", BINARY),
        ("votable/td", TABLEDATA),
    ])
    .with_output_ids(&[
        ("ivo://ivoa.net/std/TAPRegExt#output-votable-binary2", BINARY2),
        ("ivo://ivoa.net/std/TAPRegExt#output-votable-binary", BINARY),
        ("ivo://ivoa.net/std/TAPRegExt#output-votable-td", TABLEDATA),
    ])
    .with_extensions(&["vot", "xml"])
    .with_content(Content::Text)
    .with_overflow(OverflowReport::InDocument)
    .with_failure(FailureReport::InDocument)
    .with_envelope(EnvelopeUse::Written);

    type Options = VotableOptions;

    fn start(
        options: &VotableOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        Ok(Box::new(VotableEncoder::start(options, schema, context, output)?))
    }
}
