//! How a result ends, and the XML that a service wants around it.

/// How a result ended; DALI 1.1, 4.4.1 (QUERY_STATUS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// All rows were written.
    Complete,
    /// Rows beyond MAXREC were left out.
    Overflow,
    /// The rows ended with an error.
    Failed {
        /// One sentence for the user; it becomes part of the document.
        message: String,
    },
}

impl Completion {
    /// The value of the QUERY_STATUS INFO: `OK`, `OVERFLOW` or `ERROR`.
    pub fn query_status(&self) -> &'static str {
        match self {
            Self::Complete => "OK",
            Self::Overflow => "OVERFLOW",
            Self::Failed { .. } => "ERROR",
        }
    }
}

/// XML that a service gives, to be written unchanged around the rows.
///
/// A format that contains a VOTable document writes it instead of its own document; other formats
/// refuse it. The header ends after the last FIELD, where `<DATA>` would begin. A footer begins
/// with `</TABLE>`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// From the XML declaration to the end of the last FIELD.
    pub header: String,
    /// From `</TABLE>` to the end of the document.
    pub footer: String,
    /// The footer of a result whose rows were not all written.
    pub footer_overflow: String,
}
