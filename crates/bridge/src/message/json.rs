//! Messages in JSON: members that have to be objects, and errors that name the member.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

/// Parses JSON. An error names the member by its path: `resultFormat.columnTypes[3].datatype`.
pub(super) fn parse<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(message);
    let parsed = serde_path_to_error::deserialize::<_, Object<T>>(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        // serde_json appends line and column; the path of the member is clearer.
        let text = cause.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        match path.as_str() {
            _ if cause.is_syntax() || cause.is_eof() => format!("the message is not JSON: {cause}"),
            "." if text.ends_with(OBJECT) => format!("the message is not {OBJECT}"),
            "." => format!("the message: {text}"),
            _ if text.ends_with(OBJECT) => format!("{path}: it is not {OBJECT}"),
            _ => format!("{path}: {text}"),
        }
    })?;
    json.end().map_err(|error| format!("the message is not JSON: {error}"))?;
    Ok(parsed.0)
}

/// A value that is an object in JSON. Without this, serde takes an array as well, with the members by position.
pub(super) struct Object<T>(pub(super) T);

/// What an error says that it expected.
const OBJECT: &str = "a JSON object";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// Reads a value that is an object.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Members<T>(PhantomData<fn() -> T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(OBJECT)
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members))
        }
    }

    deserializer.deserialize_map(Members(PhantomData))
}
