//! How a result ends, and the XML that a service wants around it.

/// How a result ended; DALI 1.1, 4.4.1 (QUERY_STATUS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// All rows are there.
    Complete,
    /// Rows beyond MAXREC were left out.
    Overflow,
    /// The rows stopped coming.
    Failed {
        /// One sentence for the person who asked; it becomes part of the document.
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

/// XML that stands around the rows, given by the service, and written as it is.
///
/// A format that holds a VOTable document uses it in place of a document of its own; others refuse
/// it. The header ends after the last FIELD, so where `<DATA>` would begin; a footer begins with
/// `</TABLE>`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// From the XML declaration to the end of the last FIELD.
    pub header: String,
    /// From `</TABLE>` to the end of the document.
    pub footer: String,
    /// The same for a result of which rows were left out.
    pub footer_overflow: String,
}
