//! The elements of metadata, each from its start tag to its end; VOTable 1.4, 3 and 4.

use std::io::Read;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use taploom_model::{
    Bound, ColumnMetadata, CooSys, Datatype, Group, Info, Link, Param, Reference, Resource, Result,
    TimeSys, ValueOption, Values,
};

use super::passed_over::shown;
use super::xml::{Node, Tag, Xml, is_space};

/// What may stand in a RESOURCE, a TABLE and a GROUP alike.
pub(super) enum Part {
    Description(String),
    Info(Info),
    CooSys(CooSys),
    TimeSys(TimeSys),
    Param(Box<Param>),
    Group(Box<Group>),
    Link(Link),
}

impl<R: Read> Xml<R> {
    /// An element of metadata; `None` for one that is not known here, which is then passed over.
    pub(super) fn part(&mut self, tag: Tag) -> Result<Option<Part>> {
        Ok(Some(match tag.name {
            "DESCRIPTION" => Part::Description(self.description(&tag)?),
            "INFO" => Part::Info(self.info(tag)?),
            "COOSYS" => Part::CooSys(self.coosys(tag)?),
            "TIMESYS" => Part::TimeSys(self.timesys(tag)?),
            "PARAM" => Part::Param(Box::new(self.param(tag)?)),
            "GROUP" => Part::Group(Box::new(self.group(tag)?)),
            "LINK" => Part::Link(self.link(tag)?),
            _ => {
                self.pass_over(&tag)?;
                return Ok(None);
            }
        }))
    }

    /// The attributes of a RESOURCE, or of VOTABLE.
    pub(super) fn resource(&mut self, tag: &mut Tag) -> Resource {
        let resource = Resource {
            name: tag.take("name"),
            id: tag.take("ID"),
            utype: tag.take("utype"),
            kind: tag.take("type"),
            ..Resource::default()
        };
        self.rest(tag);
        resource
    }

    /// A FIELD or PARAM without the PARAM's value. The datatype is returned as it stands where it
    /// is none of VOTable's.
    pub(super) fn column(&mut self, mut tag: Tag) -> Result<(ColumnMetadata, Option<String>)> {
        let id = tag.take("ID");
        let datatype = tag.take("datatype");
        let known = datatype.as_deref().map(str::trim).and_then(named);
        let unknown = if known.is_none() { Some(datatype.unwrap_or_default()) } else { None };
        let width = tag.take("width");
        let parsed = width.as_deref().and_then(|width| width.trim().parse().ok());
        if let (Some(width), None) = (&width, parsed) {
            let construct = format!("width {:?} of {}", shown(width), tag.shown());
            self.passed_over.add(construct, tag.at);
        }
        let mut column = ColumnMetadata {
            name: tag.take("name").or_else(|| id.clone()),
            datatype: known,
            arraysize: tag.take("arraysize").map(|shape| shape.trim().to_owned()),
            xtype: tag.take("xtype"),
            unit: tag.take("unit"),
            ucd: tag.take("ucd"),
            utype: tag.take("utype"),
            id,
            reference: tag.take("ref"),
            width: parsed,
            precision: tag.take("precision"),
            ..ColumnMetadata::default()
        };
        self.rest(&tag);
        let mut has_values = false;
        loop {
            match self.next()? {
                Node::Open(child) => match child.name {
                    "DESCRIPTION" if column.description.is_none() => {
                        column.description = Some(self.description(&child)?);
                    }
                    "VALUES" if !std::mem::replace(&mut has_values, true) => {
                        let (null, values) = self.values(child)?;
                        column.null_value = null;
                        column.values = values;
                    }
                    "LINK" => column.links.push(self.link(child)?),
                    _ => self.pass_over(&child)?,
                },
                Node::Close | Node::End => return Ok((column, unknown)),
            }
        }
    }

    fn description(&mut self, tag: &Tag) -> Result<String> {
        self.rest(tag);
        Ok(self.text()?.trim_matches(is_space).to_owned())
    }

    fn info(&mut self, mut tag: Tag) -> Result<Info> {
        let mut info = Info {
            name: tag.take("name").unwrap_or_default(),
            value: tag.take("value").unwrap_or_default(),
            text: None,
            id: tag.take("ID"),
            reference: tag.take("ref"),
            unit: tag.take("unit"),
            ucd: tag.take("ucd"),
            utype: tag.take("utype"),
            xtype: tag.take("xtype"),
        };
        self.rest(&tag);
        let text = self.text()?;
        let text = text.trim_matches(is_space);
        info.text = (!text.is_empty()).then(|| text.to_owned());
        Ok(info)
    }

    fn coosys(&mut self, mut tag: Tag) -> Result<CooSys> {
        let coosys = CooSys {
            id: tag.take("ID").unwrap_or_default(),
            system: tag.take("system"),
            equinox: tag.take("equinox"),
            epoch: tag.take("epoch"),
            refposition: tag.take("refposition"),
        };
        self.rest(&tag);
        self.close()?;
        Ok(coosys)
    }

    fn timesys(&mut self, mut tag: Tag) -> Result<TimeSys> {
        let timesys = TimeSys {
            id: tag.take("ID").unwrap_or_default(),
            timeorigin: tag.take("timeorigin"),
            timescale: tag.take("timescale").unwrap_or_default(),
            refposition: tag.take("refposition").unwrap_or_default(),
        };
        self.rest(&tag);
        self.close()?;
        Ok(timesys)
    }

    fn param(&mut self, mut tag: Tag) -> Result<Param> {
        let (value, at) = (tag.take("value").unwrap_or_default(), tag.at);
        let (field, unknown) = self.column(tag)?;
        if let Some(datatype) = unknown {
            self.passed_over.add(format!("datatype {:?} of PARAM", shown(&datatype)), at);
        }
        Ok(Param { field, value })
    }

    fn group(&mut self, mut tag: Tag) -> Result<Group> {
        let mut group = Group {
            name: tag.take("name"),
            id: tag.take("ID"),
            reference: tag.take("ref"),
            ucd: tag.take("ucd"),
            utype: tag.take("utype"),
            ..Group::default()
        };
        self.rest(&tag);
        loop {
            match self.next()? {
                Node::Open(child) => match child.name {
                    "DESCRIPTION" if group.description.is_none() => {
                        group.description = Some(self.description(&child)?);
                    }
                    "FIELDref" => group.field_refs.push(self.reference_to(child)?),
                    "PARAMref" => group.param_refs.push(self.reference_to(child)?),
                    "PARAM" => group.params.push(self.param(child)?),
                    "GROUP" => group.groups.push(self.group(child)?),
                    _ => self.pass_over(&child)?,
                },
                Node::Close | Node::End => return Ok(group),
            }
        }
    }

    fn reference_to(&mut self, mut tag: Tag) -> Result<Reference> {
        let reference = Reference {
            reference: tag.take("ref").unwrap_or_default(),
            ucd: tag.take("ucd"),
            utype: tag.take("utype"),
        };
        self.rest(&tag);
        self.close()?;
        Ok(reference)
    }

    fn link(&mut self, mut tag: Tag) -> Result<Link> {
        let link = Link {
            id: tag.take("ID"),
            content_role: tag.take("content-role"),
            content_type: tag.take("content-type"),
            title: tag.take("title"),
            value: tag.take("value"),
            href: tag.take("href"),
            action: tag.take("action"),
        };
        self.rest(&tag);
        self.close()?;
        Ok(link)
    }

    /// The null of VALUES, and the rest of it where there is any.
    fn values(&mut self, mut tag: Tag) -> Result<(Option<String>, Option<Values>)> {
        let null = tag.take("null");
        let mut values = Values {
            id: tag.take("ID"),
            kind: tag.take("type"),
            reference: tag.take("ref"),
            ..Values::default()
        };
        self.rest(&tag);
        while let Node::Open(child) = self.next()? {
            match child.name {
                "MIN" if values.min.is_none() => values.min = Some(self.bound(child)?),
                "MAX" if values.max.is_none() => values.max = Some(self.bound(child)?),
                "OPTION" => values.options.push(self.option(child)?),
                _ => self.pass_over(&child)?,
            }
        }
        Ok((null, (values != Values::default()).then_some(values)))
    }

    fn bound(&mut self, mut tag: Tag) -> Result<Bound> {
        let bound = Bound {
            value: tag.take("value").unwrap_or_default(),
            inclusive: tag.take("inclusive").map(|inclusive| inclusive.trim() != "no"),
        };
        self.rest(&tag);
        self.close()?;
        Ok(bound)
    }

    fn option(&mut self, mut tag: Tag) -> Result<ValueOption> {
        let mut option = ValueOption {
            name: tag.take("name"),
            value: tag.take("value").unwrap_or_default(),
            options: Vec::new(),
        };
        self.rest(&tag);
        loop {
            match self.next()? {
                Node::Open(child) if child.name == "OPTION" => {
                    option.options.push(self.option(child)?);
                }
                Node::Open(child) => self.pass_over(&child)?,
                Node::Close | Node::End => return Ok(option),
            }
        }
    }
}

/// Adds a part to a RESOURCE.
pub(super) fn add(resource: &mut Resource, part: Part) {
    match part {
        Part::Description(text) => {
            resource.description.get_or_insert(text);
        }
        Part::Info(info) => resource.infos.push(info),
        Part::CooSys(coosys) => resource.coosys.push(coosys),
        Part::TimeSys(timesys) => resource.timesys.push(timesys),
        Part::Param(param) => resource.params.push(*param),
        Part::Group(group) => resource.groups.push(*group),
        Part::Link(link) => resource.links.push(link),
    }
}

fn named(name: &str) -> Option<Datatype> {
    // In JSON and XML they have the same names.
    let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
    Datatype::deserialize(name).ok()
}
