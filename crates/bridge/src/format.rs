//! Finds the encoder of the format that a message names.

use std::collections::BTreeMap;

use serde_json::Value;
use taploom_format::{EncoderRegistry, EncoderSpec, Envelope, EnvelopeUse, Error};
use taploom_jobs::Failure;

use crate::envelope::{self, without_data};
use crate::message::Format;

/// The formats of a bridge.
#[derive(Debug, Clone)]
pub struct Formats {
    registry: EncoderRegistry,
    defaults: BTreeMap<String, Value>,
    accepted: Option<Vec<String>>,
}

impl Formats {
    /// All formats of a registry. VOTable is written with base64 lines of 64 characters, as existing
    /// services expect.
    pub fn new(registry: EncoderRegistry) -> Self {
        let lines = ("votable".to_owned(), serde_json::json!({"line_length": 64}));
        Self { registry, defaults: BTreeMap::from([lines]), accepted: None }
    }

    /// Sets default options, by the id of the format. A message may override them.
    ///
    /// # Errors
    /// An unknown format, or an option that the format does not have.
    pub fn with_defaults(mut self, defaults: BTreeMap<String, Value>) -> Result<Self, Error> {
        for (id, options) in &defaults {
            self.registry.request(id)?.with_options_json(options)?;
        }
        self.defaults.extend(defaults);
        Ok(self)
    }

    /// Accepts only these formats, for example `VOTable/BINARY2` and `Parquet`.
    #[must_use]
    pub fn accepting(mut self, accepted: Vec<String>) -> Self {
        self.accepted = Some(accepted);
        self
    }

    /// The encoder for the format of a message. `type` is a short name, an id or an extension;
    /// `serialization` sets the option of that name, if the format has it. The envelope goes to formats that
    /// write one, and is ignored for others.
    ///
    /// # Errors
    /// An unknown or unaccepted format or serialization, or an envelope that no XML parser would take.
    pub fn spec(&self, format: &Format, envelope: &Envelope) -> Result<EncoderSpec, Failure> {
        let unknown = |error: Error| {
            Failure::invalid(format!("resultFormat.format.type: {}", error.message()))
        };
        let spec = match self.registry.request(&format.kind) {
            Ok(spec) => spec,
            Err(error) => {
                self.registry.for_extension(&format.kind).ok_or_else(|| unknown(error))?
            }
        };
        let has_option = |spec: &EncoderSpec, name: &str| {
            spec.plugin().options().iter().any(|option| option.name == name)
        };
        let serialization = format.serialization.as_deref();
        let serialization = serialization.filter(|_| has_option(&spec, "serialization"));
        self.check_accepted(&format.kind, serialization)?;
        let mut spec = match serialization {
            // As a parameter of the media type, so that the Content-Type of the upload names it too.
            Some(value) => {
                let asked = with_parameter(&spec.content_type(), "serialization", value);
                self.registry.request(&asked).map_err(|_| unsupported(value))?
            }
            None => spec,
        };
        let defaults = self.defaults.get(spec.plugin().info().id).and_then(Value::as_object);
        for (name, value) in defaults.into_iter().flatten() {
            let one = Value::Object([(name.clone(), value.clone())].into_iter().collect());
            // The message takes precedence: an option that it sets is not overridden here.
            if let Ok(with_default) = spec.clone().with_options_json(&one) {
                spec = with_default;
            }
        }
        if spec.plugin().info().envelope == EnvelopeUse::Written {
            envelope::check(envelope)?;
            spec.context.envelope = Some(without_data(envelope));
        }
        Ok(spec)
    }

    fn check_accepted(&self, kind: &str, serialization: Option<&str>) -> Result<(), Failure> {
        let Some(accepted) = &self.accepted else { return Ok(()) };
        let full = serialization.map(|serialization| format!("{kind}/{serialization}"));
        let taken = |name: &String| {
            name.eq_ignore_ascii_case(kind)
                || full.as_ref().is_some_and(|full| name.eq_ignore_ascii_case(full))
        };
        if accepted.iter().any(taken) {
            return Ok(());
        }
        Err(unsupported(serialization.unwrap_or(kind)))
    }
}

/// The Content-Type of an upload. Existing services write a space after each `;`.
pub(crate) fn content_type(spec: &EncoderSpec) -> String {
    spec.content_type().split(';').map(str::trim).collect::<Vec<_>>().join("; ")
}

fn with_parameter(media_type: &str, name: &str, value: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or(media_type);
    format!("{essence};{name}={}", value.to_ascii_lowercase())
}

/// The message that services know from the Python bridge.
fn unsupported(serialization: &str) -> Failure {
    Failure::invalid(format!("{serialization} serialization not supported"))
}
