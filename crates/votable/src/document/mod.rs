//! Writes a document except its rows, in the order of the standard; VOTable 1.4, 7.1.

mod annotations;
mod element;
mod elements;
mod fields;
mod ids;
mod xml;

use taploom_model::{
    Completion, Error, ErrorKind, Resource, ResourceType, Result, ResultSchema, TableMetadata,
};

use crate::version::Version;

use self::annotations::{description, links};
use self::element::Element;
use self::elements::{groups, infos, params, resources, status, systems};
use self::fields::Field;
use self::xml::Xml;

/// The namespace of every version from 1.3 on; VOTable 1.4, 3.1.
const NAMESPACE: &str = "http://www.ivoa.net/xml/VOTable/v1.3";

/// The document of a result, without its DATA and its QUERY_STATUS.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    header: String,
    /// The RESOURCEs that follow the TABLE.
    beside_table: String,
    /// The RESOURCEs that follow the RESOURCE with the TABLE.
    beside_resource: String,
}

impl Document {
    /// Writes the document, and checks that it is valid.
    pub(crate) fn new(
        schema: &ResultSchema,
        names: &[impl AsRef<str>],
        version: Version,
    ) -> Result<Self> {
        let table = schema.table();
        check_document(&table.document)?;
        check_resource(&table.resource)?;
        let mut xml = Xml::new(version);
        xml.declaration()?;
        open_document(&mut xml, &table.document, version)?;
        open_resource(&mut xml, &table.resource)?;
        open_table(&mut xml, table, schema, names)?;
        let header = xml.take()?;
        resources(&mut xml, &table.resource.resources)?;
        let beside_table = xml.take()?;
        resources(&mut xml, &table.document.resources)?;
        let beside_resource = xml.take()?;
        xml.check_ids()?;
        Ok(Self { header, beside_table, beside_resource })
    }

    /// The document from the XML declaration to the beginning of DATA.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The document from `</TABLE>` to the end.
    pub(crate) fn footer(&self, completion: &Completion) -> Result<String> {
        // The footer has only elements that every version has.
        let mut xml = Xml::new(Version::default());
        xml.close("TABLE")?;
        if *completion != Completion::Complete {
            status(&mut xml, completion)?;
        }
        let mut footer = xml.take()?;
        footer.push_str(&self.beside_table);
        xml.close("RESOURCE")?;
        footer.push_str(&xml.take()?);
        footer.push_str(&self.beside_resource);
        xml.close("VOTABLE")?;
        footer.push_str(&xml.take()?);
        Ok(footer)
    }

    /// Size of the document on the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.header.capacity() + self.beside_table.capacity() + self.beside_resource.capacity()
    }
}

fn open_document(xml: &mut Xml, document: &Resource, version: Version) -> Result<()> {
    xml.open(
        Element::new("VOTABLE")
            .with("ID", document.id.as_deref())
            .with("version", version.as_str())
            .with("xmlns", NAMESPACE),
    )?;
    description(xml, document.description.as_deref())?;
    systems(xml, document)?;
    params(xml, &document.params)?;
    groups(xml, &document.groups)?;
    infos(xml, &document.infos)
}

fn open_resource(xml: &mut Xml, resource: &Resource) -> Result<()> {
    xml.open(
        Element::new("RESOURCE")
            .with("ID", resource.id.as_deref())
            .with("name", resource.name.as_deref())
            .with("type", "results")
            .with("utype", resource.utype.as_deref()),
    )?;
    description(xml, resource.description.as_deref())?;
    status(xml, &Completion::Complete)?;
    infos(xml, &resource.infos)?;
    systems(xml, resource)?;
    params(xml, &resource.params)?;
    groups(xml, &resource.groups)?;
    links(xml, &resource.links)
}

fn open_table(
    xml: &mut Xml,
    table: &TableMetadata,
    schema: &ResultSchema,
    names: &[impl AsRef<str>],
) -> Result<()> {
    xml.open(
        Element::new("TABLE")
            .with("ID", table.id.as_deref())
            .with("name", table.name.as_deref())
            .with("ref", table.reference.as_deref())
            .with("ucd", table.ucd.as_deref())
            .with("utype", table.utype.as_deref()),
    )?;
    description(xml, table.description.as_deref())?;
    infos(xml, &table.infos)?;
    for (column, name) in schema.columns().iter().zip(names) {
        let field = Field::of_column(column, name.as_ref())?;
        field.write(xml).map_err(|error| error.with_column(column.name()))?;
    }
    params(xml, &table.params)?;
    groups(xml, &table.groups)?;
    links(xml, &table.links)
}

/// Checks that the RESOURCE with the rows can be of type results, and that its metadata do not contain a
/// QUERY_STATUS.
fn check_resource(resource: &Resource) -> Result<()> {
    if resource.resource_type == Some(ResourceType::Meta) {
        let message = "the RESOURCE with the rows is of type results, not meta";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    match resource.infos.iter().any(|info| info.name == "QUERY_STATUS") {
        true => Err(Error::new(
            ErrorKind::InvalidRequest,
            "the INFO QUERY_STATUS is written for every result; leave it out of the metadata",
        )),
        false => Ok(()),
    }
}

/// Checks that VOTABLE has no attributes and elements that only a RESOURCE can have.
fn check_document(document: &Resource) -> Result<()> {
    let odd = [
        ("name", document.name.is_some()),
        ("utype", document.utype.is_some()),
        ("type", document.resource_type.is_some()),
        ("LINK", !document.links.is_empty()),
    ];
    match odd.iter().find(|(_, given)| *given) {
        Some((what, _)) => Err(Error::new(
            ErrorKind::InvalidRequest,
            format!("a VOTABLE has no {what}; give it to the RESOURCE"),
        )),
        None => Ok(()),
    }
}
