//! What a VOTable document says beside its FIELDs and rows; VOTable 1.4, 3 and 4.
//!
//! Plain data with the names of the standard, in JSON as in XML. `taploom-votable` writes and reads
//! them; formats without a document leave them out.

use serde::{Deserialize, Serialize};

use crate::column::ColumnMetadata;

/// What is known of the TABLE, and of what stands around it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableMetadata {
    /// The name of the TABLE.
    pub name: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// The XML ID of the TABLE.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// The XML ID of a TABLE with the same FIELDs.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The UCD1+.
    pub ucd: Option<String>,
    /// The role in a data model.
    pub utype: Option<String>,
    /// INFOs of the TABLE itself.
    pub infos: Vec<Info>,
    /// Values that are the same in every row.
    pub params: Vec<Param>,
    /// What belongs together.
    pub groups: Vec<Group>,
    /// Where more is said.
    pub links: Vec<Link>,
    /// The RESOURCE around the TABLE. Its QUERY_STATUS is not among its INFOs: that is the encoder's.
    pub resource: Resource,
    /// The VOTABLE around that; its `resources` stand beside the RESOURCE with the TABLE.
    pub document: Resource,
}

/// A RESOURCE without its TABLEs: descriptions of services (`type="meta"`; DataLink 1.1, 4), or what
/// stands around a TABLE.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub name: Option<String>,
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// The role in a data model; `adhoc:service` for the description of a service.
    pub utype: Option<String>,
    /// `results` or `meta`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// What is said of it.
    pub infos: Vec<Info>,
    /// Systems of coordinates.
    pub coosys: Vec<CooSys>,
    /// Systems of time.
    pub timesys: Vec<TimeSys>,
    /// Values, such as `accessURL` of a service.
    pub params: Vec<Param>,
    /// What belongs together, such as `inputParams` of a service.
    pub groups: Vec<Group>,
    /// Where more is said.
    pub links: Vec<Link>,
    /// RESOURCEs within.
    pub resources: Vec<Resource>,
}

/// An INFO: a name and a value, and perhaps a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its text.
    pub text: Option<String>,
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// The XML ID of what it has to do with.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The unit of the value.
    pub unit: Option<String>,
    /// The UCD1+.
    pub ucd: Option<String>,
    /// The role in a data model.
    pub utype: Option<String>,
    /// What the value means.
    pub xtype: Option<String>,
}

/// A COOSYS: a system of celestial coordinates, to which FIELDs refer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CooSys {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: String,
    /// `ICRS`, `eq_FK5`, `galactic` and so on.
    pub system: Option<String>,
    /// `J2000`.
    pub equinox: Option<String>,
    /// `J2015.5`: when the positions held.
    pub epoch: Option<String>,
    /// Seen from where; VOTable 1.5.
    pub refposition: Option<String>,
}

/// A TIMESYS: how numbers count time; VOTable 1.4, 3.5.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeSys {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The Julian date at which the count is 0, or `MJD-origin`, `JD-origin`.
    pub timeorigin: Option<String>,
    /// `UTC`, `TT`, `TDB`, `UNKNOWN` and so on.
    pub timescale: String,
    /// `TOPOCENTER`, `BARYCENTER`, `UNKNOWN` and so on.
    pub refposition: String,
}

/// A PARAM: a FIELD with one value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Param {
    /// Name, datatype and the rest.
    pub field: ColumnMetadata,
    /// The value as TABLEDATA would have it.
    pub value: String,
}

/// A GROUP of FIELDs, PARAMs and GROUPs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: Option<String>,
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// The XML ID of what it has to do with.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The UCD1+.
    pub ucd: Option<String>,
    /// The role in a data model.
    pub utype: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// FIELDs that belong to it.
    pub field_refs: Vec<Reference>,
    /// PARAMs elsewhere that belong to it.
    pub param_refs: Vec<Reference>,
    /// PARAMs of its own.
    pub params: Vec<Param>,
    /// GROUPs within.
    pub groups: Vec<Group>,
}

/// A FIELDref or PARAMref.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reference {
    /// The XML ID of the FIELD or PARAM.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The UCD1+ that it has here.
    pub ucd: Option<String>,
    /// The role that it has here.
    pub utype: Option<String>,
}

/// A LINK.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// `doc`, `type`, `query`, `hints`, `location`.
    #[serde(rename = "content-role")]
    pub content_role: Option<String>,
    /// The media type of what is linked.
    #[serde(rename = "content-type")]
    pub content_type: Option<String>,
    /// For people.
    pub title: Option<String>,
    /// The value that the link is about.
    pub value: Option<String>,
    /// Where it leads.
    pub href: Option<String>,
    /// A URL to which the value is appended.
    pub action: Option<String>,
}

/// VALUES: the domain of a FIELD or PARAM. Its `null` is that of [`ColumnMetadata`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// `legal` or `actual`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The XML ID of VALUES that hold here as well.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The smallest.
    pub min: Option<Bound>,
    /// The largest.
    pub max: Option<Bound>,
    /// One by one.
    pub options: Vec<ValueOption>,
}

/// MIN or MAX.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bound {
    /// The bound.
    pub value: String,
    /// Whether it is itself a value; by default it is.
    pub inclusive: Option<bool>,
}

/// An OPTION.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueOption {
    /// For people.
    pub name: Option<String>,
    /// The value.
    pub value: String,
    /// Those below it in a tree.
    pub options: Vec<ValueOption>,
}
