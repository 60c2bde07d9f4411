//! The attributes and elements of a FIELD.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::arraysize::Arraysize;
use crate::attribute::{Precision, XmlId};
use crate::datatype::Datatype;
use crate::metadata::domain::Values;
use crate::metadata::link::Link;

/// Information about a column in addition to its Arrow field. Every member may be left out.
///
/// The names in JSON are the names of VOTable's FIELD: `name`, `datatype`, `arraysize`, `width`,
/// `precision`, `xtype`, `unit`, `ucd`, `utype`, `description`, `null`, `values`, `links`, `ID`, `ref`.
///
/// ```
/// use taploom_model::{ColumnMetadata, Datatype};
///
/// let ra: ColumnMetadata = serde_json::from_str(
///     r#"{"name": "ra", "datatype": "double", "unit": "deg", "ucd": "pos.eq.ra;meta.main"}"#,
/// )?;
/// assert_eq!(ra.datatype, Some(Datatype::Double));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnMetadata {
    /// The name of the column; by default the name of the Arrow field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The primitive datatype; by default derived from the Arrow type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datatype: Option<Datatype>,
    /// The dimensions; by default none for numbers, and `*` for text whose datatype is not given either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arraysize: Option<Arraysize>,
    /// The meaning of a string or an array, for example `timestamp`; DALI 1.1, 3. It is written
    /// unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xtype: Option<String>,
    /// The unit, in the syntax of VOUnits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The UCD1+.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ucd: Option<String>,
    /// The role in a data model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utype: Option<String>,
    /// A description for readers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The value that stands for null in a serialization without flags for nulls.
    #[serde(rename = "null", skip_serializing_if = "Option::is_none")]
    pub null_value: Option<String>,
    /// The XML ID of the FIELD, unique in the document.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<XmlId>,
    /// The XML ID of a COOSYS, TIMESYS or GROUP.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<XmlId>,
    /// The number of characters in which to display a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<NonZeroU32>,
    /// The number of significant digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// The domain of the values, apart from `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
    /// Links to more information on the column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}
