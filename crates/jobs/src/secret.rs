//! Values that must not be printed.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A value that neither `{}` nor `{:?}` prints: anyone who knows a signed URL can use it.
///
/// ```
/// use taploom_jobs::Secret;
///
/// let url = Secret::new("https://store/bucket?signature=5f3a");
/// assert_eq!(format!("{url:?} {url}"), "[secret] [secret]");
/// assert_eq!(*url.expose(), "https://store/bucket?signature=5f3a");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value, for the code that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}
