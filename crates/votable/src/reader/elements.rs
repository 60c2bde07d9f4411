//! Reads the elements of metadata, each from its start tag to its end; VOTable 1.4, 3 and 4.

use std::io::Read;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use taploom_model::{
    Arraysize, Bound, ColumnMetadata, CooSys, Datatype, Error, Group, Info, Link, Param, Reference,
    Resource, Result, TimeSys, ValueOption, Values, VocabularyTerm, XmlId,
};

use super::passed_over::shown;
use super::xml::{Node, Tag, Xml, is_space};

/// An element that a RESOURCE or a TABLE may have.
pub(super) enum Annotation {
    Description(String),
    Info(Info),
    CooSys(CooSys),
    TimeSys(TimeSys),
    Param(Box<Param>),
    Group(Box<Group>),
    Link(Link),
}

/// The datatype and arraysize of a FIELD or PARAM, if VOTable does not define them.
#[derive(Default)]
pub(super) struct InvalidType {
    /// The datatype in the document; empty if the document has none.
    pub(super) datatype: Option<String>,
    pub(super) arraysize: Option<Error>,
}

impl<R: Read> Xml<R> {
    /// Takes an attribute out of a tag. A value that breaks the grammar of the attribute is skipped,
    /// with a note.
    pub(super) fn attribute<T: FromStr>(&mut self, tag: &mut Tag, name: &str) -> Option<T> {
        let text = tag.take(name)?;
        let parsed = text.trim_matches(is_space).parse().ok();
        if parsed.is_none() {
            self.passed_over.add(format!("{name} {:?} of {}", shown(&text), tag.shown()), tag.at);
        }
        parsed
    }

    /// Reads an element of metadata. An unknown element is skipped, and `None` is returned.
    pub(super) fn annotation(&mut self, tag: Tag) -> Result<Option<Annotation>> {
        Ok(Some(match tag.name {
            "DESCRIPTION" => Annotation::Description(self.description(&tag)?),
            "INFO" => Annotation::Info(self.info(tag)?),
            "COOSYS" => return Ok(self.coosys(tag)?.map(Annotation::CooSys)),
            "TIMESYS" => return Ok(self.timesys(tag)?.map(Annotation::TimeSys)),
            "PARAM" => Annotation::Param(Box::new(self.param(tag)?)),
            "GROUP" => Annotation::Group(Box::new(self.group(tag)?)),
            "LINK" => Annotation::Link(self.link(tag)?),
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
            id: self.attribute(tag, "ID"),
            utype: tag.take("utype"),
            resource_type: self.attribute(tag, "type"),
            ..Resource::default()
        };
        self.rest(tag);
        resource
    }

    /// Reads a FIELD, or a PARAM except for its value.
    pub(super) fn column(&mut self, mut tag: Tag) -> Result<(ColumnMetadata, InvalidType)> {
        let mut invalid = InvalidType::default();
        let datatype = tag.take("datatype").unwrap_or_default();
        let mut known = named(datatype.trim());
        let is_synonym = known.is_none();
        if is_synonym {
            known = synonym(datatype.trim());
            match known {
                None => invalid.datatype = Some(datatype),
                Some(meant) => self.passed_over.add(
                    format!("datatype {:?} of {}, read as {meant}", shown(&datatype), tag.shown()),
                    tag.at,
                ),
            }
        }
        let arraysize = tag.take("arraysize").map(|text| text.trim().parse());
        let arraysize = arraysize.transpose().unwrap_or_else(|error| {
            invalid.arraysize = Some(error);
            None
        });
        // Some services write `string` without the length.
        let is_string = is_synonym && known.is_some_and(Datatype::is_text);
        let arraysize = arraysize.or_else(|| is_string.then_some(Arraysize::FREE));
        let name = tag.take("name").or_else(|| tag.peek("ID").map(str::to_owned));
        let mut column = ColumnMetadata {
            name,
            datatype: known,
            arraysize,
            xtype: tag.take("xtype"),
            unit: tag.take("unit"),
            ucd: tag.take("ucd"),
            utype: tag.take("utype"),
            id: self.attribute(&mut tag, "ID"),
            reference: self.attribute(&mut tag, "ref"),
            width: self.attribute(&mut tag, "width"),
            precision: self.attribute(&mut tag, "precision"),
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
                Node::Close | Node::End => return Ok((column, invalid)),
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
            id: self.attribute(&mut tag, "ID"),
            reference: self.attribute(&mut tag, "ref"),
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

    /// A COOSYS. One without an ID is skipped, because elements can't refer to it.
    fn coosys(&mut self, mut tag: Tag) -> Result<Option<CooSys>> {
        let Some(id) = self.id_of_system(&mut tag)? else { return Ok(None) };
        let coosys = CooSys {
            id,
            system: tag.take("system"),
            equinox: self.attribute(&mut tag, "equinox"),
            epoch: self.attribute(&mut tag, "epoch"),
            refposition: self.attribute(&mut tag, "refposition"),
        };
        self.rest(&tag);
        self.close()?;
        Ok(Some(coosys))
    }

    /// A TIMESYS. One without an ID is skipped, because elements can't refer to it. All others are
    /// kept, because FIELDs may refer to them; a time scale or reference position that can't be read
    /// becomes unknown.
    fn timesys(&mut self, mut tag: Tag) -> Result<Option<TimeSys>> {
        let Some(id) = self.id_of_system(&mut tag)? else { return Ok(None) };
        let timesys = TimeSys {
            id,
            timeorigin: self.attribute(&mut tag, "timeorigin"),
            timescale: self.attribute(&mut tag, "timescale").unwrap_or(VocabularyTerm::UNKNOWN),
            refposition: self.attribute(&mut tag, "refposition").unwrap_or(VocabularyTerm::UNKNOWN),
        };
        self.rest(&tag);
        self.close()?;
        Ok(Some(timesys))
    }

    /// The ID of a COOSYS or TIMESYS. An element without one is read to its end.
    fn id_of_system(&mut self, tag: &mut Tag) -> Result<Option<XmlId>> {
        if tag.peek("ID").is_none() {
            self.passed_over.add(format!("{} without an ID", tag.shown()), tag.at);
        }
        let id = self.attribute(tag, "ID");
        if id.is_none() {
            self.skip(tag)?;
        }
        Ok(id)
    }

    fn param(&mut self, mut tag: Tag) -> Result<Param> {
        let (value, at) = (tag.take("value").unwrap_or_default(), tag.at);
        let (field, invalid) = self.column(tag)?;
        if let Some(datatype) = invalid.datatype {
            self.passed_over.add(format!("datatype {:?} of PARAM", shown(&datatype)), at);
        }
        if let Some(error) = invalid.arraysize {
            self.passed_over.add(format!("arraysize of PARAM: {}", shown(error.message())), at);
        }
        Ok(Param { field, value })
    }

    fn group(&mut self, mut tag: Tag) -> Result<Group> {
        let mut group = Group {
            name: tag.take("name"),
            id: self.attribute(&mut tag, "ID"),
            reference: self.attribute(&mut tag, "ref"),
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
                    "FIELDref" => group.field_refs.extend(self.reference_to(child)?),
                    "PARAMref" => group.param_refs.extend(self.reference_to(child)?),
                    "PARAM" => group.params.push(self.param(child)?),
                    "GROUP" => group.groups.push(self.group(child)?),
                    _ => self.pass_over(&child)?,
                },
                Node::Close | Node::End => return Ok(group),
            }
        }
    }

    /// A FIELDref or PARAMref. One without a reference is skipped.
    fn reference_to(&mut self, mut tag: Tag) -> Result<Option<Reference>> {
        if tag.peek("ref").is_none() {
            self.passed_over.add(format!("{} without a ref", tag.shown()), tag.at);
        }
        let reference = self.attribute(&mut tag, "ref");
        let (ucd, utype) = (tag.take("ucd"), tag.take("utype"));
        self.rest(&tag);
        self.close()?;
        Ok(reference.map(|reference| Reference { reference, ucd, utype }))
    }

    fn link(&mut self, mut tag: Tag) -> Result<Link> {
        let link = Link {
            id: self.attribute(&mut tag, "ID"),
            content_role: self.attribute(&mut tag, "content-role"),
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

    /// The null of VALUES, and the rest of VALUES unless it is empty.
    fn values(&mut self, mut tag: Tag) -> Result<(Option<String>, Option<Values>)> {
        let null = tag.take("null");
        let mut values = Values {
            id: self.attribute(&mut tag, "ID"),
            values_type: self.attribute(&mut tag, "type"),
            reference: self.attribute(&mut tag, "ref"),
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

/// Adds an element to a RESOURCE.
pub(super) fn add(resource: &mut Resource, annotation: Annotation) {
    match annotation {
        Annotation::Description(text) => {
            resource.description.get_or_insert(text);
        }
        Annotation::Info(info) => resource.infos.push(info),
        Annotation::CooSys(coosys) => resource.coosys.push(coosys),
        Annotation::TimeSys(timesys) => resource.timesys.push(timesys),
        Annotation::Param(param) => resource.params.push(*param),
        Annotation::Group(group) => resource.groups.push(*group),
        Annotation::Link(link) => resource.links.push(link),
    }
}

/// The datatype that a writer means by a name that VOTable does not define. Old services write these names.
fn synonym(name: &str) -> Option<Datatype> {
    Some(match name {
        "string" => Datatype::Char,
        "unicodeString" => Datatype::UnicodeChar,
        "int16" => Datatype::Short,
        "int32" => Datatype::Int,
        "int64" => Datatype::Long,
        "float32" => Datatype::Float,
        "float64" => Datatype::Double,
        _ => return None,
    })
}

fn named(name: &str) -> Option<Datatype> {
    // The names in JSON are those in XML.
    let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
    Datatype::deserialize(name).ok()
}
