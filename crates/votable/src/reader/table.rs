//! Reads a TABLE up to its rows. FIELDs become columns.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use arrow_schema::{Field, Schema};
use taploom_model::{
    Arraysize, ColumnMetadata, Datatype, Error, ErrorKind, Info, Result, ResultSchema,
    TableMetadata, VoType, XmlId,
};

use super::document::Document;
use super::elements::{Annotation, InvalidType};
use super::passed_over::shown;
use super::xml::{Node, Tag, Xml, damaged, is_space};

/// How the rows are serialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serialization {
    /// A TABLE without DATA.
    None,
    TableData,
    Binary,
    Binary2,
    /// A FITS file, whose table is the HDU with this number (`extnum`), or else the first table.
    Fits(Option<u64>),
}

/// The metadata of a TABLE before its first row.
pub(super) struct Head {
    pub(super) schema: ResultSchema,
    pub(super) serialization: Serialization,
    /// The number of rows that the TABLE declares (nrows).
    pub(super) rows: Option<u64>,
}

/// Reads from the start tag of a TABLE to the first row.
pub(super) fn head<R: Read>(
    xml: &mut Xml<R>,
    document: &mut Document,
    mut tag: Tag,
    takes_fits: bool,
) -> Result<Head> {
    let at = tag.at;
    let mut columns = match tag.take("ref") {
        Some(id) => document.fields_of(xml, id.trim_matches(is_space), at)?,
        None => Columns::default(),
    };
    let mut table = TableMetadata {
        name: tag.take("name"),
        id: xml.attribute(&mut tag, "ID"),
        ucd: tag.take("ucd"),
        utype: tag.take("utype"),
        ..TableMetadata::default()
    };
    let rows = tag.take("nrows").and_then(|rows| rows.trim().parse().ok());
    xml.rest(&tag);
    document.surroundings(xml, &mut table, at);
    let serialization = loop {
        match xml.next()? {
            Node::Open(child) => match child.name {
                "FIELD" => columns.add(xml, child)?,
                "DATA" => break data(xml, &child, takes_fits)?,
                _ => match xml.annotation(child)? {
                    None | Some(Annotation::CooSys(_) | Annotation::TimeSys(_)) => {}
                    Some(Annotation::Description(text)) => {
                        table.description.get_or_insert(text);
                    }
                    Some(Annotation::Info(info)) => {
                        if !document.take_status(&info)? {
                            table.infos.push(info);
                        }
                    }
                    Some(Annotation::Param(param)) => table.params.push(*param),
                    Some(Annotation::Group(group)) => table.groups.push(*group),
                    Some(Annotation::Link(link)) => table.links.push(link),
                },
            },
            Node::Close | Node::End => break Serialization::None,
        }
    };
    Ok(Head { schema: columns.schema()?.with_table(table), serialization, rows })
}

/// Reads from the end of the rows to the end of the TABLE, and returns the INFOs found there.
pub(super) fn tail<R: Read>(
    xml: &mut Xml<R>,
    document: &mut Document,
    serialization: Serialization,
) -> Result<Vec<Info>> {
    // The elements that are still open: TABLE, DATA, and for a STREAM also BINARY or BINARY2.
    let levels = match serialization {
        Serialization::None => 0,
        Serialization::TableData => 2,
        Serialization::Binary | Serialization::Binary2 | Serialization::Fits(_) => 3,
    };
    let mut infos = Vec::new();
    for _ in 0..levels {
        while let Node::Open(child) = xml.next()? {
            if let ("INFO", Some(Annotation::Info(info))) = (child.name, xml.annotation(child)?)
                && !document.take_status(&info)?
            {
                infos.push(info);
            }
        }
    }
    Ok(infos)
}

/// Reads from DATA to the first byte of its rows.
fn data<R: Read>(xml: &mut Xml<R>, data: &Tag, takes_fits: bool) -> Result<Serialization> {
    xml.rest(data);
    loop {
        let Node::Open(mut tag) = xml.next()? else {
            return Err(damaged(&format!(
                "DATA at byte {} is empty; it has TABLEDATA, BINARY or BINARY2",
                data.at
            )));
        };
        let serialization = match tag.name {
            "TABLEDATA" => Serialization::TableData,
            "BINARY" => Serialization::Binary,
            "BINARY2" => Serialization::Binary2,
            "FITS" if takes_fits => Serialization::Fits(extension(&mut tag)?),
            "FITS" | "PARQUET" => {
                return Err(refused(&format!("rows in {}", tag.name), tag.at, takes_fits));
            }
            _ => {
                xml.pass_over(&tag)?;
                continue;
            }
        };
        xml.rest(&tag);
        if serialization != Serialization::TableData {
            stream(xml, &tag, takes_fits)?;
        }
        return Ok(serialization);
    }
}

/// The number of the HDU that has the rows. Without one, it is the first table of the file.
fn extension(fits: &mut Tag) -> Result<Option<u64>> {
    let Some(text) = fits.take("extnum") else { return Ok(None) };
    match text.trim_matches(is_space).parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(damaged(&format!(
            "extnum={:?} of {} at byte {} is not the number of an HDU, such as 1; without extnum, the first \
             table is read",
            shown(&text),
            fits.shown(),
            fits.at
        ))),
    }
}

fn stream<R: Read>(xml: &mut Xml<R>, binary: &Tag, takes_fits: bool) -> Result<()> {
    let mut stream = loop {
        match xml.next()? {
            Node::Open(tag) if tag.name == "STREAM" => break tag,
            Node::Open(tag) => xml.pass_over(&tag)?,
            Node::Close | Node::End => {
                let message = format!("{} at byte {} has no STREAM", binary.shown(), binary.at);
                return Err(damaged(&message));
            }
        }
    };
    let (href, encoding) = (stream.take("href"), stream.take("encoding"));
    let construct = match (href, encoding.as_deref().map(str::trim)) {
        (Some(href), _) => Some(format!("a STREAM elsewhere (href={:?})", shown(&href))),
        (None, Some(base64)) if base64.eq_ignore_ascii_case("base64") => None,
        (None, Some(other)) => Some(format!("a STREAM of encoding {:?}", shown(other))),
        (None, None) => Some("a STREAM without an encoding".to_owned()),
    };
    if let Some(construct) = construct {
        return Err(refused(&construct, stream.at, takes_fits));
    }
    // These attributes describe how the bytes were made, and do not change how they are read.
    stream.take("type");
    stream.take("actuate");
    xml.rest(&stream);
    Ok(())
}

/// The FIELDs of a TABLE.
#[derive(Default, Clone)]
pub(super) struct Columns {
    fields: Vec<Field>,
    metadata: Vec<ColumnMetadata>,
    ids: HashSet<XmlId>,
}

impl Columns {
    pub(super) fn add<R: Read>(&mut self, xml: &mut Xml<R>, tag: Tag) -> Result<()> {
        let at = tag.at;
        let number = self.fields.len() + 1;
        let (mut column, invalid) = xml.column(tag)?;
        let name = column.name.clone().unwrap_or_else(|| format!("col{number}"));
        if column.name.is_none() {
            xml.passed_over.add(format!("FIELD without a name, which is now {name}"), at);
        }
        let (vo_type, note) =
            vo_type(&mut column, invalid).map_err(|error| error.with_column(shown(&name)))?;
        if let Some(note) = note {
            xml.passed_over.add(format!("{note} of FIELD {:?}", shown(&name)), at);
        }
        if let Some(id) = column.id.take_if(|id| !self.ids.insert(id.clone())) {
            xml.passed_over.add(format!("ID {:?}, which an earlier FIELD has", shown(&id)), at);
        }
        self.fields.push(Field::new(&name, vo_type.carrier(), true));
        // Without an arraysize, a list of any length would be an array of complex numbers.
        if vo_type.datatype.is_complex() && vo_type.arraysize.is_none() {
            column.arraysize = Some(Arraysize::ONE);
        }
        column.name = Some(name);
        self.metadata.push(column);
        Ok(())
    }

    fn schema(self) -> Result<ResultSchema> {
        ResultSchema::new(Arc::new(Schema::new(self.fields)), self.metadata)
    }
}

/// The type of a FIELD, and a note on what had to be left out.
fn vo_type(column: &mut ColumnMetadata, invalid: InvalidType) -> Result<(VoType, Option<String>)> {
    let Some(datatype) = column.datatype else {
        let unknown = invalid.datatype.unwrap_or_default();
        let message = match unknown.is_empty() {
            true => "the FIELD has no datatype".to_owned(),
            false => format!("{:?} is not a datatype of VOTable", shown(&unknown)),
        };
        return Err(Error::new(ErrorKind::UnsupportedColumn, message));
    };
    // Many documents say 1 for a scalar.
    column.arraysize.take_if(|shape| shape.is_one() && !datatype.is_text());
    if let Some(error) = invalid.arraysize {
        return Err(error.with_kind(ErrorKind::UnsupportedColumn));
    }
    let null = column.null_value.take_if(|null| !is_null_of(datatype, null));
    let note = null.map(|null| format!("VALUES null {:?}", shown(&null)));
    column.null_value = column.null_value.take().map(|null| null.trim().to_owned());
    let (arraysize, xtype) = (column.arraysize.clone(), column.xtype.clone());
    Ok((VoType { datatype, arraysize, xtype }, note))
}

/// Whether a null value is a value of the datatype; VOTable 1.4, 4.7.
fn is_null_of(datatype: Datatype, null: &str) -> bool {
    let null = null.trim();
    match datatype {
        Datatype::UnsignedByte => null.parse::<u8>().is_ok(),
        Datatype::Short => null.parse::<i16>().is_ok(),
        Datatype::Int => null.parse::<i32>().is_ok(),
        Datatype::Long => null.parse::<i64>().is_ok(),
        Datatype::Float | Datatype::Double => null.parse::<f64>().is_ok(),
        _ => false,
    }
}

/// The error for a valid construct that is not supported.
fn refused(construct: &str, at: u64, takes_fits: bool) -> Error {
    let streams = if takes_fits { "BINARY, BINARY2 and FITS" } else { "BINARY and BINARY2" };
    let message =
        format!("{construct} (at byte {at}) is not read; TABLEDATA is, and {streams} in base64");
    Error::new(ErrorKind::InvalidRequest, message)
}
