//! The elements of a VOTable document apart from FIELDs and rows; VOTable 1.4, 3 and 4.

use serde::{Deserialize, Serialize};

use crate::attribute::{AstroYear, ResourceType, TimeOrigin, VocabularyTerm, XmlId};
use crate::metadata::column::ColumnMetadata;
use crate::metadata::link::Link;

/// Information about the TABLE, and about the RESOURCE and VOTABLE around it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableMetadata {
    /// The name of the TABLE.
    pub name: Option<String>,
    /// A description for readers.
    pub description: Option<String>,
    /// The XML ID of the TABLE.
    #[serde(rename = "ID")]
    pub id: Option<XmlId>,
    /// The XML ID of a TABLE with the same FIELDs.
    #[serde(rename = "ref")]
    pub reference: Option<XmlId>,
    /// The UCD1+.
    pub ucd: Option<String>,
    /// The role in a data model.
    pub utype: Option<String>,
    /// INFOs of the TABLE itself.
    pub infos: Vec<Info>,
    /// Values that are the same in every row.
    pub params: Vec<Param>,
    /// Groups of columns and parameters that belong together.
    pub groups: Vec<Group>,
    /// Links to more information.
    pub links: Vec<Link>,
    /// The RESOURCE around the TABLE. Its INFOs do not include QUERY_STATUS, which the encoder writes.
    pub resource: Resource,
    /// The VOTABLE around that RESOURCE. Its `resources` are siblings of the RESOURCE with the TABLE.
    pub document: Resource,
}

/// A RESOURCE without its TABLEs: the description of a service (`type="meta"`; DataLink 1.1, 4), or the
/// RESOURCE around a TABLE.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub name: Option<String>,
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: Option<XmlId>,
    /// The role in a data model; `adhoc:service` for the description of a service.
    pub utype: Option<String>,
    /// Whether it holds results or describes something; by default it holds results.
    #[serde(rename = "type")]
    pub resource_type: Option<ResourceType>,
    /// A description for readers.
    pub description: Option<String>,
    /// Its INFOs.
    pub infos: Vec<Info>,
    /// Systems of coordinates.
    pub coosys: Vec<CooSys>,
    /// Systems of time.
    pub timesys: Vec<TimeSys>,
    /// Values, such as `accessURL` of a service.
    pub params: Vec<Param>,
    /// Groups, such as `inputParams` of a service.
    pub groups: Vec<Group>,
    /// Links to more information.
    pub links: Vec<Link>,
    /// RESOURCEs inside this one.
    pub resources: Vec<Resource>,
}

/// An INFO: a name, a value, and an optional text.
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
    pub id: Option<XmlId>,
    /// The XML ID of the element that it refers to.
    #[serde(rename = "ref")]
    pub reference: Option<XmlId>,
    /// The unit of the value.
    pub unit: Option<String>,
    /// The UCD1+.
    pub ucd: Option<String>,
    /// The role in a data model.
    pub utype: Option<String>,
    /// The meaning of the value.
    pub xtype: Option<String>,
}

/// A COOSYS: a system of celestial coordinates, to which FIELDs refer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CooSys {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: XmlId,
    /// `ICRS`, `eq_FK5`, `galactic` and so on.
    pub system: Option<String>,
    /// The equinox of the system, for example `J2000`.
    pub equinox: Option<AstroYear>,
    /// The epoch of the positions, for example `J2015.5`.
    pub epoch: Option<AstroYear>,
    /// The reference position; VOTable 1.5.
    pub refposition: Option<VocabularyTerm>,
}

/// A TIMESYS: how numbers count time, to which FIELDs refer; VOTable 1.4, 3.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSys {
    /// Its XML ID.
    #[serde(rename = "ID")]
    pub id: XmlId,
    /// The Julian date at which the count is 0.
    pub timeorigin: Option<TimeOrigin>,
    /// `UTC`, `TT`, `TDB`, `UNKNOWN` and so on.
    pub timescale: VocabularyTerm,
    /// `TOPOCENTER`, `BARYCENTER`, `UNKNOWN` and so on.
    pub refposition: VocabularyTerm,
}

/// A PARAM: the attributes of a FIELD, and one value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Param {
    /// Name, datatype and the rest.
    pub field: ColumnMetadata,
    /// The value, spelled as in TABLEDATA.
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
    pub id: Option<XmlId>,
    /// The XML ID of the element that it refers to.
    #[serde(rename = "ref")]
    pub reference: Option<XmlId>,
    /// The UCD1+.
    pub ucd: Option<String>,
    /// The role in a data model.
    pub utype: Option<String>,
    /// A description for readers.
    pub description: Option<String>,
    /// References to FIELDs that belong to it.
    pub field_refs: Vec<Reference>,
    /// References to PARAMs elsewhere that belong to it.
    pub param_refs: Vec<Reference>,
    /// PARAMs inside this GROUP.
    pub params: Vec<Param>,
    /// GROUPs inside this one.
    pub groups: Vec<Group>,
}

/// A FIELDref or PARAMref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The XML ID of the FIELD or PARAM.
    #[serde(rename = "ref")]
    pub reference: XmlId,
    /// The UCD1+ that it has here.
    pub ucd: Option<String>,
    /// The role that it has here.
    pub utype: Option<String>,
}
