//! A parsed request for a format.

use std::num::NonZeroU64;

use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use crate::driver::Encoder;
use crate::encoder::EncodeContext;
use crate::media_type::MediaType;
use crate::options::Options;
use crate::plugin::EncoderPlugin;
use crate::sink::ByteSink;

/// The result of parsing a request: a plug-in, its options, and the media type of the response.
#[derive(Debug, Clone)]
pub struct EncoderSpec {
    plugin: EncoderPlugin,
    content_type: MediaType,
    options: Options,
    /// The resources that the encoder may use, and the envelope.
    pub context: EncodeContext,
}

impl EncoderSpec {
    /// The plug-in with the options that the media type names.
    pub(crate) fn new(plugin: EncoderPlugin, content_type: MediaType) -> Result<Self> {
        let options = options_of(&plugin, &content_type)?;
        Ok(Self { plugin, content_type, options, context: EncodeContext::default() })
    }

    /// Whether the options of another request are the same.
    pub(crate) fn has_options_of(&self, other: &Self) -> bool {
        self.options == other.options
    }

    /// The plug-in that will write the result.
    pub fn plugin(&self) -> &EncoderPlugin {
        &self.plugin
    }

    /// The media type of the response: the requested one, or the one that a short name stands for.
    pub fn content_type(&self) -> String {
        self.content_type.to_string()
    }

    /// Sets one more option.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] naming the option if it is unknown, does not take this value, or
    /// has been given with another value.
    pub fn with_option(mut self, name: &str, value: &str) -> Result<Self> {
        self.options.set(name, value).map_err(|error| error.with_format(self.plugin.info().id))?;
        self.plugin.check(&self.options)?;
        Ok(self)
    }

    /// Sets more options, from a JSON object.
    ///
    /// # Errors
    /// As [`with_option`](Self::with_option).
    pub fn with_options_json(mut self, json: &serde_json::Value) -> Result<Self> {
        self.options.set_json(json).map_err(|error| error.with_format(self.plugin.info().id))?;
        self.plugin.check(&self.options)?;
        Ok(self)
    }

    /// Sets the resources that the encoder may use, and the envelope.
    #[must_use]
    pub fn with_context(mut self, context: EncodeContext) -> Self {
        self.context = context;
        self
    }

    /// The number of rows after which the output has a seam: the size of a row group. `None` if the output
    /// has no seams.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] for options that the format does not take.
    pub fn seam_rows(&self) -> Result<Option<NonZeroU64>> {
        self.plugin.seam_rows(&self.options)
    }

    /// Starts one result.
    ///
    /// # Errors
    /// As [`EncoderFormat::start`](crate::EncoderFormat::start).
    pub fn start(&self, schema: &ResultSchema, sink: ByteSink) -> Result<Encoder> {
        self.plugin.start(&self.options, schema, &self.context, sink)
    }
}

/// The options among the parameters of a media type.
pub(crate) fn options_of(plugin: &EncoderPlugin, media_type: &MediaType) -> Result<Options> {
    let mut options = Options::default();
    for (name, value) in media_type.parameters() {
        if name != "charset" {
            options.set(name, value)?;
        } else if !value.eq_ignore_ascii_case("utf-8") && !value.eq_ignore_ascii_case("utf8") {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                format!("charset can't be {value:?}; all text is written in utf-8"),
            )
            .with_format(plugin.info().id));
        }
    }
    plugin.check(&options)?;
    Ok(options)
}
