//! VALUES: which values a column or a parameter may have.

use serde::{Deserialize, Serialize};

use crate::attribute::{ValuesType, XmlId};

/// VALUES: the domain of a FIELD or PARAM. Its attribute `null` is
/// [`ColumnMetadata::null_value`](crate::ColumnMetadata::null_value).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<XmlId>,
    /// Whether the values are possible or occur; by default they are possible.
    #[serde(rename = "type")]
    pub values_type: Option<ValuesType>,
    /// The XML ID of VALUES that apply here as well.
    #[serde(rename = "ref")]
    pub reference: Option<XmlId>,
    /// The smallest value.
    pub min: Option<Bound>,
    /// The largest value.
    pub max: Option<Bound>,
    /// The values one by one.
    pub options: Vec<ValueOption>,
}

/// MIN or MAX: a bound of the domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bound {
    /// The bound.
    pub value: String,
    /// Whether the bound is itself in the domain; by default it is.
    pub inclusive: Option<bool>,
}

/// An OPTION: one value of the domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueOption {
    /// A name for readers.
    pub name: Option<String>,
    /// The value.
    pub value: String,
    /// The options below this one, in a tree of options.
    pub options: Vec<ValueOption>,
}
