//! Values that wait, kept small.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as compressed JSON. The form of a result with a thousand columns takes about 700 KiB, and 20 KiB here: a
/// worker keeps a thousand of them while their queries run.
pub(crate) struct Packed<T> {
    json: Arc<[u8]>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    pub(crate) fn of(value: &T) -> io::Result<Self> {
        let json = serde_json::to_vec(value)?;
        Ok(Self { json: zstd::encode_all(&*json, 0)?.into(), of: PhantomData })
    }

    pub(crate) fn value(&self) -> io::Result<T> {
        Ok(serde_json::from_slice(&zstd::decode_all(&*self.json)?)?)
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
