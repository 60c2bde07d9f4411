//! From the format that a message names to an encoder.

use std::collections::BTreeMap;

use serde_json::Value;
use taploom_format::{EncoderRegistry, EncoderSpec, Envelope, EnvelopeUse, Error};
use taploom_jobs::Failure;

use crate::envelope::without_data;
use crate::message::Format;

/// The formats of a bridge.
#[derive(Debug, Clone)]
pub struct Formats {
    registry: EncoderRegistry,
    defaults: BTreeMap<String, Value>,
    accepted: Option<Vec<String>>,
}

impl Formats {
    /// All formats of a registry. VOTable has base64 in lines of 64 characters, as services are used
    /// to.
    pub fn new(registry: EncoderRegistry) -> Self {
        let lines = ("votable".to_owned(), serde_json::json!({"line_length": 64}));
        Self { registry, defaults: BTreeMap::from([lines]), accepted: None }
    }

    /// Options of a format, by its id, that hold where a message does not say otherwise.
    ///
    /// # Errors
    /// Where there is no such format, or it has no such options.
    pub fn with_defaults(mut self, defaults: BTreeMap<String, Value>) -> Result<Self, Error> {
        for (id, options) in &defaults {
            self.registry.request(id)?.with_options_json(options)?;
        }
        self.defaults.extend(defaults);
        Ok(self)
    }

    /// Takes no other formats than these: `VOTable/BINARY2`, `Parquet`.
    #[must_use]
    pub fn accepting(mut self, accepted: Vec<String>) -> Self {
        self.accepted = Some(accepted);
        self
    }

    /// The encoder of a format by the names of a message: `type` is a short name, an id or an
    /// extension, and `serialization` is the option of that name, for the formats that have it.
    ///
    /// The envelope is for formats that write one; others have no place for it.
    ///
    /// # Errors
    /// A format or a serialization that this bridge does not have.
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
            // As a parameter of the media type, so that the upload says it too.
            Some(value) => {
                let asked = with_parameter(&spec.content_type(), "serialization", value);
                self.registry.request(&asked).map_err(|_| unsupported(value))?
            }
            None => spec,
        };
        let defaults = self.defaults.get(spec.plugin().info().id).and_then(Value::as_object);
        for (name, value) in defaults.into_iter().flatten() {
            let one = Value::Object([(name.clone(), value.clone())].into_iter().collect());
            // What the message asks for goes first; that both are valid has been checked.
            if let Ok(with_default) = spec.clone().with_options_json(&one) {
                spec = with_default;
            }
        }
        let info = spec.plugin().info();
        spec.context.envelope =
            (info.envelope == EnvelopeUse::Written).then(|| without_data(envelope));
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

/// The media type of an upload, in the form that stores are told today: a space after each `;`.
pub(crate) fn content_type(spec: &EncoderSpec) -> String {
    spec.content_type().split(';').map(str::trim).collect::<Vec<_>>().join("; ")
}

fn with_parameter(media_type: &str, name: &str, value: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or(media_type);
    format!("{essence};{name}={}", value.to_ascii_lowercase())
}

/// The sentence that services know from the bridge of today.
fn unsupported(serialization: &str) -> Failure {
    Failure::invalid(format!("{serialization} serialization not supported"))
}
