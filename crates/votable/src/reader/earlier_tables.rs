//! The FIELDs of the TABLEs before the wanted one. The wanted TABLE may refer to one of them instead of
//! having FIELDs.

use std::collections::HashMap;
use std::io::Read;

use taploom_model::{Error, ErrorKind, Result};

use super::passed_over::{PassedOver, shown};
use super::table::Columns;
use super::xml::{Node, Tag, Xml};

/// The FIELDs of TABLEs with an ID, by their IDs.
///
/// A TABLE with `ref` has the FIELDs of the earlier TABLE with that ID. The reader sees the `ref` only when
/// it reaches the wanted TABLE, so the FIELDs of all earlier TABLEs with an ID are kept. They may take a
/// quarter of the memory limit for metadata; beyond that, FIELDs are not kept.
#[derive(Default)]
pub(super) struct EarlierTables {
    tables: HashMap<String, EarlierTable>,
    bytes: usize,
    is_full: bool,
}

struct EarlierTable {
    /// The FIELDs, or the error of the first wrong FIELD.
    columns: Result<Columns>,
    /// Notes on what was left out of the FIELDs. They are reported only if a TABLE uses these FIELDs.
    passed_over: PassedOver,
}

impl EarlierTables {
    /// Reads to the end of a TABLE that is not wanted.
    pub(super) fn read<R: Read>(&mut self, xml: &mut Xml<R>, tag: &Tag) -> Result<()> {
        let Some(id) = tag.peek("ID").filter(|_| !self.is_full) else { return xml.skip(tag) };
        let id = id.trim().to_owned();
        let of_another = tag.peek("ref").and_then(|id| self.tables.get(id.trim()));
        let known = of_another.map_or(Ok(Columns::default()), |table| table.columns.clone());
        let left = xml.left();
        let around = std::mem::take(&mut xml.passed_over);
        let columns = fields(xml, known);
        let passed_over = std::mem::replace(&mut xml.passed_over, around);
        let columns = columns?;
        let bytes = left - xml.left();
        if self.bytes + bytes > xml.limit() / 4 {
            self.is_full = true;
            xml.restore(left);
            return Ok(());
        }
        self.bytes += bytes;
        self.tables.entry(id).or_insert(EarlierTable { columns, passed_over });
        Ok(())
    }

    /// The FIELDs of the TABLE with an ID, for a TABLE at byte `at`.
    pub(super) fn fields_of<R: Read>(
        mut self,
        xml: &mut Xml<R>,
        id: &str,
        at: u64,
    ) -> Result<Columns> {
        let Some(EarlierTable { columns, passed_over }) = self.tables.remove(id) else {
            let (kind, why) = match self.is_full {
                true => (
                    ErrorKind::Resources,
                    "the FIELDs of earlier TABLEs exceed the memory for them; raise memory_limit",
                ),
                false => (ErrorKind::Source, "no TABLE before it has that ID"),
            };
            return Err(Error::new(
                kind,
                format!(
                    "the TABLE at byte {at} takes its FIELDs from another one (ref={:?}), and {why}",
                    shown(id)
                ),
            ));
        };
        xml.passed_over.absorb(passed_over);
        columns
    }
}

/// Reads to the end of a TABLE. Broken XML is an error at once; a wrong FIELD only if the FIELDs are used.
fn fields<R: Read>(xml: &mut Xml<R>, mut columns: Result<Columns>) -> Result<Result<Columns>> {
    while let Node::Open(tag) = xml.next()? {
        match (tag.name, &mut columns) {
            ("FIELD", Ok(known)) => {
                if let Err(error) = known.add(xml, tag) {
                    if error.column().is_none() {
                        return Err(error);
                    }
                    columns = Err(error);
                }
            }
            ("GROUP" | "PARAM" | "LINK", _) => {
                xml.passed_over.add(format!("{} of the TABLE with the FIELDs", tag.name), tag.at);
                xml.skip(&tag)?;
            }
            _ => xml.skip(&tag)?,
        }
    }
    Ok(columns)
}
