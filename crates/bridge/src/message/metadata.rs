//! The part of a message that the status messages of its job repeat.

use serde::{Deserialize, Serialize};

/// Characters of a query in a status message that would be too large with the whole query.
#[cfg(feature = "kafka")]
const QUERY_IN_LARGE_STATUS: usize = 10_000;

/// The part of a request that status messages repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The SQL.
    pub query: String,
    /// The query in ADQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adql_query: Option<String>,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

impl Metadata {
    /// Cuts queries to [`QUERY_IN_LARGE_STATUS`] characters. Returns whether that made them shorter.
    #[cfg(feature = "kafka")]
    pub(crate) fn shorten(&mut self) -> bool {
        let mut is_cut = false;
        for query in [Some(&mut self.query), self.adql_query.as_mut()].into_iter().flatten() {
            if let Some((end, _)) = query.char_indices().nth(QUERY_IN_LARGE_STATUS) {
                query.truncate(end);
                is_cut = true;
            }
        }
        is_cut
    }
}

#[cfg(all(test, feature = "kafka"))]
mod tests {
    use super::*;

    #[test]
    fn queries_are_cut_once_and_within_a_character() {
        let mut metadata = Metadata {
            query: "é".repeat(QUERY_IN_LARGE_STATUS + 1),
            adql_query: Some("SELECT 1".to_owned()),
            database: None,
        };
        assert!(metadata.shorten());
        assert_eq!(metadata.query, "é".repeat(QUERY_IN_LARGE_STATUS));
        assert_eq!(metadata.adql_query.as_deref(), Some("SELECT 1"));
        assert!(!metadata.shorten());
    }
}
