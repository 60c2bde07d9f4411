//! Walks through a document: to the wanted TABLE, and from there to the end.

use std::io::Read;

use taploom_model::{Error, ErrorKind, Info, Resource, Result, TableMetadata, counted};

use super::earlier_tables::EarlierTables;
use super::elements::{Annotation, add};
use super::passed_over::shown;
use super::table::Columns;
use super::xml::{Node, Tag, Xml, damaged};

/// Which TABLE of a document is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TableChoice {
    /// The only TABLE. Further TABLEs are an error at the end of the document, which names them and says how to
    /// choose.
    #[default]
    Only,
    /// The first TABLE. Others are skipped.
    First,
    /// The TABLE with this number, counted from 1. Others are skipped.
    Index(u64),
    /// The first TABLE with this ID or name. Others are skipped.
    Name(String),
}

/// The number of TABLEs that an error names.
const NAMED: usize = 20;

/// The place of the reader in the document, and the metadata gathered so far.
pub(super) struct Document {
    choice: TableChoice,
    /// VOTABLE and the RESOURCEs that contain the current position.
    open: Vec<Resource>,
    /// The number of these elements that are still open since the TABLE. It is 0 before the TABLE.
    around: usize,
    /// Whether the RESOURCE of the TABLE has ended.
    left_resource: bool,
    tables: u64,
    names: Vec<String>,
    found: bool,
    /// The TABLEs before the wanted one.
    earlier: EarlierTables,
    overflowed: bool,
    late: TableMetadata,
}

impl Document {
    pub(super) fn open<R: Read>(xml: &mut Xml<R>, choice: TableChoice) -> Result<Self> {
        let mut root = xml.root()?;
        if root.name != "VOTABLE" {
            let hint = match root.shown().eq_ignore_ascii_case("html") {
                true => "; it may be the page of a server that could not send the file",
                false => "",
            };
            let message = format!(
                "the root element is {}, and a VOTable begins with VOTABLE{hint}",
                root.shown()
            );
            // The document may be sound, so the request that names it is wrong.
            return Err(invalid(message));
        }
        if let Some(version) = root.take("version") {
            let minor =
                version.trim().trim_start_matches('v').strip_prefix("1.").map(str::parse::<u32>);
            match minor {
                Some(Ok(0..=5)) => {}
                Some(Ok(_)) => {
                    let construct = format!("what is new in version {}", shown(&version));
                    xml.passed_over.add(construct, root.at);
                }
                _ => {
                    return Err(damaged(&format!(
                        "VOTable version {:?} is not supported; 1.0 to 1.5 are",
                        shown(&version)
                    )));
                }
            }
        }
        let document = xml.resource(&mut root);
        Ok(Self {
            choice,
            open: vec![document],
            around: 0,
            left_resource: false,
            tables: 0,
            names: Vec::new(),
            found: false,
            earlier: EarlierTables::default(),
            overflowed: false,
            late: TableMetadata::default(),
        })
    }

    /// Whether a QUERY_STATUS reports an overflow.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Reads to the start tag of the wanted TABLE.
    pub(super) fn find_table<R: Read>(&mut self, xml: &mut Xml<R>) -> Result<Tag> {
        match self.advance(xml)? {
            Some(tag) => Ok(tag),
            None => Err(self.no_table()),
        }
    }

    /// Moves the metadata read so far, of the elements around the TABLE, to `table`.
    pub(super) fn surroundings<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        table: &mut TableMetadata,
        at: u64,
    ) {
        let levels = self.open.len();
        let empty = vec![Resource::default(); levels];
        let mut open = std::mem::replace(&mut self.open, empty).into_iter();
        self.around = levels;
        table.document = open.next().unwrap_or_default();
        if let Some(resource) = open.next_back() {
            table.resource = resource;
        }
        for outer in open {
            let construct = "RESOURCE around the RESOURCE of the TABLE, which now stands beside it";
            xml.passed_over.add(construct.to_owned(), at);
            table.document.resources.push(outer);
        }
    }

    /// The FIELDs of the TABLE with an ID, for a TABLE at byte `at` that takes them from it.
    pub(super) fn fields_of<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        id: &str,
        at: u64,
    ) -> Result<Columns> {
        std::mem::take(&mut self.earlier).fields_of(xml, id, at)
    }

    /// Records the status of the query, if the INFO is one. Returns whether it is.
    pub(super) fn take_status(&mut self, info: &Info) -> Result<bool> {
        if !info.name.eq_ignore_ascii_case("QUERY_STATUS") {
            return Ok(false);
        }
        match info.value.trim().to_ascii_uppercase().as_str() {
            "OK" => {}
            "OVERFLOW" => self.overflowed = true,
            "ERROR" => {
                let why = info.text.as_deref().unwrap_or("without saying why");
                return Err(damaged(&format!("the document reports a failed query: {why}")));
            }
            // DALI 1.1, 4.4.1 has no other values.
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads from the end of the TABLE to the end of the document, and returns the metadata found there.
    pub(super) fn finish<R: Read>(
        &mut self,
        xml: &mut Xml<R>,
        infos: Vec<Info>,
    ) -> Result<TableMetadata> {
        self.late.infos = infos;
        self.advance(xml)?;
        Ok(std::mem::take(&mut self.late))
    }

    /// Reads to the wanted TABLE, or to the end.
    fn advance<R: Read>(&mut self, xml: &mut Xml<R>) -> Result<Option<Tag>> {
        loop {
            match xml.next()? {
                Node::Open(mut tag) => match tag.name {
                    "RESOURCE" => {
                        let resource = xml.resource(&mut tag);
                        self.open.push(resource);
                    }
                    "TABLE" if self.wants(&tag) => return Ok(Some(tag)),
                    "TABLE" if self.found => xml.skip(&tag)?,
                    "TABLE" => self.earlier.read(xml, &tag)?,
                    "DEFINITIONS" => self.definitions(xml)?,
                    _ => {
                        let annotation = xml.annotation(tag)?;
                        self.add(annotation)?;
                    }
                },
                Node::Close => self.close(),
                // Only here all TABLEs are known, so that the error can name them.
                Node::End if self.choice == TableChoice::Only && self.tables > 1 => {
                    return Err(invalid(format!(
                        "the document has {}; choose one by its number from 1, its ID or its name",
                        self.listed()
                    )));
                }
                Node::End => return Ok(None),
            }
        }
    }

    /// Reads DEFINITIONS of VOTable 1.0. Its elements become elements of VOTABLE itself.
    fn definitions<R: Read>(&mut self, xml: &mut Xml<R>) -> Result<()> {
        while let Node::Open(tag) = xml.next()? {
            let annotation = xml.annotation(tag)?;
            self.add(annotation)?;
        }
        Ok(())
    }

    fn add(&mut self, annotation: Option<Annotation>) -> Result<()> {
        let Some(annotation) = annotation else { return Ok(()) };
        if let Annotation::Info(info) = &annotation
            && (!self.found || self.open.len() <= self.around)
            && self.take_status(info)?
        {
            return Ok(());
        }
        if let Some(innermost) = self.open.last_mut() {
            add(innermost, annotation);
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(done) = self.open.pop() else { return };
        let level = self.open.len();
        if level >= self.around {
            if let Some(outer) = self.open.last_mut() {
                outer.resources.push(done);
            }
            return;
        }
        self.around = level;
        if level == 0 {
            let resources = std::mem::replace(&mut self.late.document, done).resources;
            self.late.document.resources.extend(resources);
        } else if !std::mem::replace(&mut self.left_resource, true) {
            self.late.resource = done;
        } else if done != Resource::default() {
            self.late.document.resources.push(done);
        }
    }

    /// Whether a TABLE is the wanted one.
    fn wants(&mut self, tag: &Tag) -> bool {
        self.tables += 1;
        let (id, name) = (tag.peek("ID"), tag.peek("name"));
        let called = id.or(name).map(|name| format!("{:?}", shown(name)));
        let called = called.unwrap_or_else(|| "without a name".to_owned());
        let wanted = match &self.choice {
            TableChoice::Only | TableChoice::First => self.tables == 1,
            TableChoice::Index(index) => self.tables == *index,
            TableChoice::Name(wanted) => !self.found && [id, name].contains(&Some(wanted.as_str())),
        };
        if self.names.len() < NAMED {
            self.names.push(called);
        }
        self.found |= wanted;
        wanted
    }

    /// The number of TABLEs, and their names.
    fn listed(&self) -> String {
        let more = if self.tables > NAMED as u64 { " and more" } else { "" };
        format!("{}: {}{more}", counted(self.tables, "TABLE"), self.names.join(", "))
    }

    fn no_table(&self) -> Error {
        if self.tables == 0 {
            return invalid("the document has no TABLE".to_owned());
        }
        let wanted = match &self.choice {
            TableChoice::Index(index) => format!("number {index}"),
            TableChoice::Name(name) => format!("{:?}", shown(name)),
            TableChoice::Only | TableChoice::First => String::new(),
        };
        invalid(format!("the document has no TABLE {wanted}; it has {}", self.listed()))
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
