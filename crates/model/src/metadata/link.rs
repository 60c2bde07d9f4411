//! LINK: references to further information.

use serde::{Deserialize, Serialize};

use crate::attribute::{VocabularyTerm, XmlId};

/// A LINK to a resource elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<XmlId>,
    /// The purpose of the link: `doc`, `type`, `query`, `hints`, `location` and so on.
    #[serde(rename = "content-role")]
    pub content_role: Option<VocabularyTerm>,
    /// The media type of what is linked.
    #[serde(rename = "content-type")]
    pub content_type: Option<String>,
    /// A title for readers.
    pub title: Option<String>,
    /// The value that the link is about.
    pub value: Option<String>,
    /// The URL of the resource.
    pub href: Option<String>,
    /// A URL to which the value is appended.
    pub action: Option<String>,
}
