//! INFO, COOSYS, TIMESYS, PARAM, GROUP and RESOURCE.

use taploom_model::{
    Completion, CooSys, Error, ErrorKind, Group, Info, Param, Reference, Resource, ResourceType,
    Result, TimeSys,
};

use crate::document::annotations::{description, links};
use crate::document::element::Element;
use crate::document::fields::Field;
use crate::document::xml::Xml;
use crate::version::Version;

pub(crate) fn infos(xml: &mut Xml, infos: &[Info]) -> Result<()> {
    infos.iter().try_for_each(|one| info(xml, one))
}

/// The INFO that says how a result ended; DALI 1.1, 4.4.1.
pub(crate) fn status(xml: &mut Xml, completion: &Completion) -> Result<()> {
    let text = match completion {
        Completion::Failed { message } => Some(message.clone()),
        Completion::Complete | Completion::Overflow => None,
    };
    let (name, value) = ("QUERY_STATUS".to_owned(), completion.query_status().to_owned());
    info(xml, &Info { name, value, text, ..Info::default() })
}

fn info(xml: &mut Xml, info: &Info) -> Result<()> {
    let element = Element::new("INFO")
        .with("ID", info.id.as_deref())
        .with("name", info.name.as_str())
        .with("value", info.value.as_str())
        .with("xtype", info.xtype.as_deref())
        .with("unit", info.unit.as_deref())
        .with("ucd", info.ucd.as_deref())
        .with("utype", info.utype.as_deref())
        .with("ref", info.reference.as_deref());
    match &info.text {
        Some(text) => xml.text(element, text),
        None => xml.empty(element),
    }
}

/// COOSYS and TIMESYS, which come before the elements that refer to them.
pub(crate) fn systems(xml: &mut Xml, resource: &Resource) -> Result<()> {
    resource.coosys.iter().try_for_each(|system| coosys(xml, system))?;
    resource.timesys.iter().try_for_each(|system| timesys(xml, system))
}

fn coosys(xml: &mut Xml, system: &CooSys) -> Result<()> {
    if system.refposition.is_some() {
        xml.needs(Version::V1_5, "refposition of a COOSYS")?;
    }
    xml.empty(
        Element::new("COOSYS")
            .with("ID", system.id.as_str())
            .with("system", system.system.as_deref())
            .with("equinox", system.equinox.as_deref())
            .with("epoch", system.epoch.as_deref())
            .with("refposition", system.refposition.as_deref()),
    )
}

fn timesys(xml: &mut Xml, system: &TimeSys) -> Result<()> {
    xml.needs(Version::V1_4, "TIMESYS")?;
    xml.empty(
        Element::new("TIMESYS")
            .with("ID", system.id.as_str())
            .with("timeorigin", system.timeorigin.as_deref())
            .with("timescale", system.timescale.as_str())
            .with("refposition", system.refposition.as_str()),
    )
}

pub(crate) fn params(xml: &mut Xml, params: &[Param]) -> Result<()> {
    params.iter().try_for_each(|param| Field::of_param(param)?.write(xml))
}

pub(crate) fn groups(xml: &mut Xml, groups: &[Group]) -> Result<()> {
    groups.iter().try_for_each(|one| group(xml, one))
}

fn group(xml: &mut Xml, group: &Group) -> Result<()> {
    let element = Element::new("GROUP")
        .with("ID", group.id.as_deref())
        .with("name", group.name.as_deref())
        .with("ref", group.reference.as_deref())
        .with("ucd", group.ucd.as_deref())
        .with("utype", group.utype.as_deref());
    xml.block(element, |xml| {
        description(xml, group.description.as_deref())?;
        group.field_refs.iter().try_for_each(|one| reference(xml, "FIELDref", one))?;
        group.param_refs.iter().try_for_each(|one| reference(xml, "PARAMref", one))?;
        params(xml, &group.params)?;
        groups(xml, &group.groups)
    })
}

fn reference(xml: &mut Xml, tag: &'static str, reference: &Reference) -> Result<()> {
    xml.empty(
        Element::new(tag)
            .with("ref", reference.reference.as_str())
            .with("ucd", reference.ucd.as_deref())
            .with("utype", reference.utype.as_deref()),
    )
}

/// RESOURCEs without a TABLE.
pub(crate) fn resources(xml: &mut Xml, resources: &[Resource]) -> Result<()> {
    resources.iter().try_for_each(|one| resource(xml, one))
}

fn resource(xml: &mut Xml, resource: &Resource) -> Result<()> {
    if resource.resources.is_empty() && !resource.links.is_empty() {
        let message = "a RESOURCE with a LINK needs a TABLE or RESOURCE inside it, and this one has \
            neither; give the LINK to a PARAM";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let element = Element::new("RESOURCE")
        .with("ID", resource.id.as_deref())
        .with("name", resource.name.as_deref())
        .with("type", resource.resource_type.map(ResourceType::as_str))
        .with("utype", resource.utype.as_deref());
    xml.block(element, |xml| {
        description(xml, resource.description.as_deref())?;
        infos(xml, &resource.infos)?;
        systems(xml, resource)?;
        params(xml, &resource.params)?;
        groups(xml, &resource.groups)?;
        links(xml, &resource.links)?;
        resources(xml, &resource.resources)
    })
}
