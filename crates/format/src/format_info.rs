//! The names, media types and abilities of a format, checked by the compiler.

/// A format's names and abilities.
///
/// It is built in a constant. [`EncoderPlugin::of`](crate::EncoderPlugin::of) checks it when the
/// program is compiled: a malformed media type, an id in capitals, an extension with a dot or a short
/// name for a media type that the format does not have are compile errors.
///
/// ```
/// use taploom_format::{Content, FormatInfo};
///
/// const INFO: FormatInfo = FormatInfo::new("lines", "one value a line", &["text/x-lines"])
///     .with_short_names(&[("lines", "text/x-lines")])
///     .with_extensions(&["lines"])
///     .with_content(Content::Text);
/// assert_eq!(INFO.media_types, ["text/x-lines"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormatInfo {
    /// The id of the format: lower case, unique, and never changed.
    pub id: &'static str,
    /// A description in one line.
    pub description: &'static str,
    /// Media types in lower case without parameters, the preferred one first.
    pub media_types: &'static [&'static str],
    /// Short names for RESPONSEFORMAT in lower case, each with the media type that it stands for.
    /// Parameters of that media type are options of the format; DALI 1.1, 3.4.3.
    pub short_names: &'static [(&'static str, &'static str)],
    /// Ids of TAPRegExt 1.0, 2.4.1, each with the media type that it stands for.
    pub output_ids: &'static [(&'static str, &'static str)],
    /// File name extensions in lower case without the dot, the preferred one first.
    pub extensions: &'static [&'static str],
    /// Whether the output is text that may be shown on a terminal.
    pub content: Content,
    /// How a reader learns that rows were left out.
    pub overflow: OverflowReport,
    /// How a reader learns that the result failed after it had begun.
    pub failure: FailureReport,
    /// How the format uses an [`Envelope`](crate::Envelope).
    pub envelope: EnvelopeUse,
    /// In which types the encoder gets its rows.
    pub rows: RowsGiven,
}

/// Whether the output is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// UTF-8.
    Text,
    /// Not text.
    Binary,
}

/// How a reader learns that rows beyond MAXREC were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverflowReport {
    /// The document says so.
    InDocument,
    /// The format can't record it, so the sender of the file has to report it in another way.
    None,
}

/// How a reader learns that the result failed after the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReport {
    /// The trailer says so, and the document is well-formed.
    InDocument,
    /// The file ends early, so that it does not look complete.
    CutShort,
}

/// How a format uses an [`Envelope`](crate::Envelope).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeUse {
    /// The format writes it unchanged.
    Written,
    /// The format can't use it, and giving one is an error.
    Refused,
}

/// In which Arrow types an encoder gets its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsGiven {
    /// In the eight types of [`CanonicalRows`](crate::CanonicalRows) and flat lists of them.
    Canonical,
    /// In the types of the source. The driver checks the schema and the nulls, and the format
    /// converts the types that it can't hold.
    AsTheyCome,
}

impl FormatInfo {
    /// A binary format that cuts a failed result short, does not record an overflow, refuses an
    /// envelope, and takes canonical rows. Each of the other methods changes one of these.
    pub const fn new(
        id: &'static str,
        description: &'static str,
        media_types: &'static [&'static str],
    ) -> Self {
        Self {
            id,
            description,
            media_types,
            short_names: &[],
            output_ids: &[],
            extensions: &[],
            content: Content::Binary,
            overflow: OverflowReport::None,
            failure: FailureReport::CutShort,
            envelope: EnvelopeUse::Refused,
            rows: RowsGiven::Canonical,
        }
    }

    /// Sets [`short_names`](Self::short_names).
    #[must_use]
    pub const fn with_short_names(
        mut self,
        short_names: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.short_names = short_names;
        self
    }

    /// Sets [`output_ids`](Self::output_ids).
    #[must_use]
    pub const fn with_output_ids(
        mut self,
        output_ids: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.output_ids = output_ids;
        self
    }

    /// Sets [`extensions`](Self::extensions).
    #[must_use]
    pub const fn with_extensions(mut self, extensions: &'static [&'static str]) -> Self {
        self.extensions = extensions;
        self
    }

    /// Sets [`content`](Self::content).
    #[must_use]
    pub const fn with_content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// Sets [`overflow`](Self::overflow).
    #[must_use]
    pub const fn with_overflow(mut self, overflow: OverflowReport) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets [`failure`](Self::failure).
    #[must_use]
    pub const fn with_failure(mut self, failure: FailureReport) -> Self {
        self.failure = failure;
        self
    }

    /// Sets [`envelope`](Self::envelope).
    #[must_use]
    pub const fn with_envelope(mut self, envelope: EnvelopeUse) -> Self {
        self.envelope = envelope;
        self
    }

    /// Sets [`rows`](Self::rows).
    #[must_use]
    pub const fn with_rows(mut self, rows: RowsGiven) -> Self {
        self.rows = rows;
        self
    }

    /// Stops the compiler if the names are invalid. The options of short names are known only at
    /// run time, and are checked by [`EncoderRegistry::new`](crate::EncoderRegistry::new).
    pub(crate) const fn assert_sound(&self) {
        assert!(is_name(self.id, b"-_"), "an id has lower-case letters, digits, - and _");
        assert!(!self.description.is_empty(), "a format has a description");
        assert!(!self.media_types.is_empty(), "a format has at least one media type");
        let mut index = 0;
        while index < self.media_types.len() {
            assert!(
                is_media_type(self.media_types[index]),
                "a media type is type/subtype in lower case, without parameters; RFC 6838, 4.2"
            );
            index += 1;
        }
        let mut index = 0;
        while index < self.extensions.len() {
            assert!(
                is_name(self.extensions[index], b"-_"),
                "an extension has lower-case letters and digits, and no dot"
            );
            index += 1;
        }
        let mut index = 0;
        while index < self.short_names.len() {
            let (name, media_type) = self.short_names[index];
            assert!(is_name(name, b"-_/.+"), "a short name is in lower case and has no spaces");
            assert!(
                self.has_media_type(media_type),
                "a short name stands for a media type that the format does not have"
            );
            index += 1;
        }
        let mut index = 0;
        while index < self.output_ids.len() {
            let (id, media_type) = self.output_ids[index];
            assert!(
                starts_with(id.as_bytes(), b"ivo://"),
                "an output id is an ivo:// URI; TAPRegExt 1.0, 2.4.1"
            );
            assert!(
                self.has_media_type(media_type),
                "an output id stands for a media type that the format does not have"
            );
            index += 1;
        }
    }

    /// Whether a media type, without its parameters, belongs to the format.
    const fn has_media_type(&self, media_type: &str) -> bool {
        let asked = media_type.as_bytes();
        let mut index = 0;
        while index < self.media_types.len() {
            let known = self.media_types[index].as_bytes();
            let ends = asked.len() == known.len()
                || (asked.len() > known.len() && asked[known.len()] == b';');
            if ends && starts_with(asked, known) {
                return true;
            }
            index += 1;
        }
        false
    }
}

/// Whether a text is a name of lower-case letters, digits and some other characters, and begins with
/// a letter or a digit.
const fn is_name(text: &str, others: &[u8]) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || contains(others, bytes[0]) {
        return false;
    }
    let mut index = 0;
    while index < bytes.len() {
        let byte = bytes[index];
        if !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && !contains(others, byte) {
            return false;
        }
        index += 1;
    }
    true
}

/// Type, slash and subtype, each a restricted name; RFC 6838, 4.2.
const fn is_media_type(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut slash = 0;
    while slash < bytes.len() && bytes[slash] != b'/' {
        slash += 1;
    }
    if slash == bytes.len() {
        return false;
    }
    let (kind, rest) = text.split_at(slash);
    let (_, subtype) = rest.split_at(1);
    is_name(kind, b"!#$&-^_.+") && is_name(subtype, b"!#$&-^_.+")
}

const fn starts_with(bytes: &[u8], beginning: &[u8]) -> bool {
    if bytes.len() < beginning.len() {
        return false;
    }
    let mut index = 0;
    while index < beginning.len() {
        if bytes[index] != beginning[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn contains(bytes: &[u8], byte: u8) -> bool {
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == byte {
            return true;
        }
        index += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: FormatInfo = FormatInfo::new("lines", "one value a line", &["text/x-lines"])
        .with_short_names(&[("lines", "text/x-lines"), ("lines/b", "text/x-lines;a=b")])
        .with_output_ids(&[("ivo://x/y#z", "text/x-lines")])
        .with_extensions(&["lines", "7z"]);

    /// The message of the assertion that fails.
    fn fault(info: FormatInfo) -> Option<String> {
        let outcome = std::panic::catch_unwind(|| info.assert_sound());
        outcome.err().and_then(|cause| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()))
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(fault(SOUND), None);
        let with = |change: fn(&mut FormatInfo)| {
            let mut info = SOUND;
            change(&mut info);
            fault(info).unwrap_or_default()
        };
        for id in ["", "Lines", "my lines", "-a", "é"] {
            assert!(fault(FormatInfo { id, ..SOUND }).unwrap().starts_with("an id"), "{id}");
        }
        assert!(with(|info| info.description = "").starts_with("a format has a description"));
        assert!(with(|info| info.media_types = &[]).starts_with("a format has at least"));
        assert!(with(|info| info.media_types = &["text"]).starts_with("a media type"));
        assert!(with(|info| info.media_types = &["text/"]).starts_with("a media type"));
        assert!(with(|info| info.media_types = &["/csv"]).starts_with("a media type"));
        assert!(with(|info| info.media_types = &["text/CSV"]).starts_with("a media type"));
        assert!(with(|info| info.media_types = &["text/csv;a=b"]).starts_with("a media type"));
        assert!(with(|info| info.media_types = &["text/a/b"]).starts_with("a media type"));
        assert!(with(|info| info.extensions = &[".csv"]).starts_with("an extension"));
        assert!(with(|info| info.extensions = &["tar.gz"]).starts_with("an extension"));
        assert!(with(|info| info.short_names = &[("A", "text/x-lines")]).starts_with("a short"));
        assert!(with(|info| info.short_names = &[("a", "text/x-line")]).starts_with("a short"));
        assert!(with(|info| info.short_names = &[("a", "text/x-liness")]).starts_with("a short"));
        assert!(with(|info| info.output_ids = &[("x", "text/x-lines")]).starts_with("an output"));
        assert!(with(|info| info.output_ids = &[("ivo://x", "a/b")]).starts_with("an output"));
    }
}
