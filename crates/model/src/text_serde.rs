//! Types that are one text in JSON.

/// Implements serde's traits by `Display` and `FromStr`, so that a text which breaks the grammar of the
/// type is refused while it is read.
macro_rules! text_serde {
    ($($text:ty),+) => {$(
        impl serde::Serialize for $text {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $text {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

pub(crate) use text_serde;
