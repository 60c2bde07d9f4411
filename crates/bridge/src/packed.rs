//! Values that wait, kept small.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

/// A value as compressed JSON.
///
/// ```
/// use taploom_bridge::Packed;
///
/// let columns = vec!["double".to_owned(); 1000];
/// let packed = Packed::of(&columns)?;
/// assert_eq!(packed.value()?, columns);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Packed<T> {
    json: Arc<[u8]>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Packed<T> {
    /// Compresses a value.
    ///
    /// # Errors
    /// The value has no form in JSON.
    pub fn of(value: &T) -> io::Result<Self> {
        let json = serde_json::to_vec(value)?;
        Ok(Self { json: zstd::encode_all(&*json, 0)?.into(), of: PhantomData })
    }
}

impl<T: DeserializeOwned> Packed<T> {
    /// The value.
    ///
    /// # Errors
    /// The value reads another JSON than it writes.
    pub fn value(&self) -> io::Result<T> {
        Ok(serde_json::from_slice(&zstd::decode_all(&*self.json)?)?)
    }
}

/// Clones share the JSON.
impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Self { json: Arc::clone(&self.json), of: PhantomData }
    }
}

impl<T> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} bytes)", self.json.len())
    }
}

impl<'de, T: Serialize + Deserialize<'de>> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&T::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_gets_small() {
        let values: Vec<String> =
            (0..1000).map(|number| format!("column {number}: double")).collect();
        let packed = Packed::of(&values).unwrap();
        assert!(packed.json.len() < 4000, "{}", packed.json.len());
        assert_eq!(packed.value().unwrap(), values);
    }
}
