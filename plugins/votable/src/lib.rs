#![doc = include_str!("../README.md")]

mod base64_stream;
mod column_writer;
mod encoder;
mod options;
mod row_block;

use taploom_encoder::{
    ByteSink, Content, EncodeContext, EncoderFormat, EnvelopeUse, FailureReport, FormatInfo,
    OverflowReport, Result, ResultEncoder, ResultSchema, register_encoder,
};

use crate::encoder::Binary2Encoder;
pub use crate::options::{Serialization, VotableOptions};

/// The VOTable format.
pub struct Votable;

register_encoder!(
    /// The plug-in of [`Votable`].
    PLUGIN = Votable
);

impl EncoderFormat for Votable {
    const INFO: FormatInfo = FormatInfo {
        id: "votable",
        description: "VOTable 1.4, rows as BINARY2",
        media_types: &["application/x-votable+xml", "text/xml"],
        short_names: &[
            ("votable", "application/x-votable+xml"),
            ("votable/b2", "application/x-votable+xml;serialization=BINARY2"),
        ],
        output_ids: &[(
            "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
            "application/x-votable+xml;serialization=BINARY2",
        )],
        extensions: &["vot", "xml"],
        content: Content::Text,
        overflow: OverflowReport::InDocument,
        failure: FailureReport::InDocument,
        envelope: EnvelopeUse::Written,
    };

    type Options = VotableOptions;

    fn start(
        options: &VotableOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        match options.serialization {
            Serialization::Binary2 => Ok(Box::new(Binary2Encoder::start(schema, context, sink)?)),
        }
    }
}
