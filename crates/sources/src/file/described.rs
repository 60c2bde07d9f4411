//! Metadata in a file, as far as they agree with its data.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use taploom_model::{
    Arraysize, ColumnMetadata, Datatype, Ending, Error, Result, ResultSchema, TableMetadata,
    TimeSys, XmlId,
};

use crate::request::Request;

/// The metadata of a file: of its columns, by position, and of the table.
#[derive(Debug, Default)]
pub(super) struct FileMetadata {
    pub(super) columns: Vec<ColumnMetadata>,
    pub(super) table: TableMetadata,
    /// The smallest and the largest integer of each column, if the file records them.
    pub(super) ranges: Vec<Option<(i64, i64)>>,
    /// Notes on ignored metadata, one sentence each.
    pub(super) notes: Vec<String>,
}

#[cfg(any(feature = "arrow", feature = "parquet"))]
/// The metadata in an Arrow schema, as written by the format `arrow`. Other formats keep a part of them.
pub(super) fn in_arrow(arrow: &SchemaRef) -> Option<FileMetadata> {
    let described = taploom_arrow_metadata::described(arrow)?;
    let taploom_arrow_metadata::Described { columns, table, notes, .. } = described;
    Some(FileMetadata { columns, table, notes, ..Default::default() })
}

/// The schema of a file, and notes on its metadata.
#[derive(Debug)]
pub(super) struct FileSchema {
    pub(super) schema: ResultSchema,
    /// Notes on metadata of the file that were ignored, one sentence each.
    pub(super) notes: Vec<String>,
}

impl FileSchema {
    /// The schema of a file without metadata.
    pub(super) fn derived(arrow: SchemaRef) -> Self {
        Self { schema: ResultSchema::derived(arrow), notes: Vec::new() }
    }

    /// The schema of a file whose metadata can't be used.
    pub(super) fn passed_over(arrow: SchemaRef, why: String) -> Self {
        Self { schema: ResultSchema::derived(arrow), notes: vec![why] }
    }

    /// A schema with the metadata of the request if it has any, otherwise with the metadata of the file.
    ///
    /// # Errors
    /// As [`ResultSchema::new`], for metadata of the request.
    pub(super) fn new(
        arrow: SchemaRef,
        request: &Request<'_>,
        known: impl FnOnce(&SchemaRef) -> Result<Option<FileMetadata>>,
    ) -> Result<Self> {
        if let Some(list) = &request.columns {
            return Ok(Self { schema: list.describe(arrow)?, notes: Vec::new() });
        }
        Ok(match known(&arrow) {
            Ok(Some(known)) => Self::reconciled(&arrow, known),
            Ok(None) => Self::derived(arrow),
            Err(error) => Self::passed_over(arrow, passed_over(&error)),
        })
    }

    /// The ending of a file that was read completely, with notes on its metadata.
    pub(super) fn ending(&self, name: &str) -> Ending {
        Ending::default().with_notes(self.notes.iter().map(|note| format!("{name}: {note}")))
    }

    /// A schema with the metadata of the file. Metadata that contradict the data are ignored.
    fn reconciled(arrow: &SchemaRef, mut known: FileMetadata) -> Self {
        timestamps_again(arrow, &mut known);
        let mut notes = std::mem::take(&mut known.notes);
        let mut ranges = std::mem::take(&mut known.ranges).into_iter();
        let columns = arrow.fields().iter().zip(known.columns).map(|(field, column)| {
            let (column, note) = fitting(field, column, ranges.next().flatten());
            notes.extend(note);
            column
        });
        let columns = columns.collect();
        match ResultSchema::new(Arc::clone(arrow), columns) {
            Ok(schema) => Self { schema: schema.with_table(known.table), notes },
            Err(error) => Self::passed_over(Arc::clone(arrow), passed_over(&error)),
        }
    }
}

fn passed_over(error: &Error) -> String {
    format!("the metadata of the file are ignored: {error:#}")
}

/// The metadata of a column that agree with its type and the range of its numbers, and a note if some were
/// removed.
fn fitting(
    field: &Field,
    mut column: ColumnMetadata,
    range: Option<(i64, i64)>,
) -> (ColumnMetadata, Option<String>) {
    let alone = |column: &ColumnMetadata| {
        let schema = Schema::new(vec![field.clone()]);
        ResultSchema::new(Arc::new(schema), vec![column.clone()])
    };
    if says_nothing_new(field, &column) {
        column.datatype = None;
        // Arrow's text types do not have a length.
        column.arraysize = column.arraysize.filter(|_| is_large_text(field));
        return (column, None);
    }
    let why = match (alone(&column), alone(&ColumnMetadata::default())) {
        (Err(error), _) => error.message().to_owned(),
        // A narrower datatype could refuse cells, unless all cells are known to fit.
        (Ok(said), Ok(derived)) => {
            match (said.columns()[0].vo_type(), derived.columns()[0].vo_type()) {
                (Ok(said), Ok(derived))
                    if said.datatype.element() != derived.datatype.element()
                        && !range.is_some_and(|range| holds(said.datatype, range)) =>
                {
                    format!("datatype {said} does not fit Arrow type {}", field.data_type())
                }
                _ => return (column, None),
            }
        }
        (Ok(_), Err(_)) => return (column, None),
    };
    let note = format!("column {:?}: its datatype in the file is ignored: {why}", field.name());
    let without = ColumnMetadata {
        datatype: None,
        arraysize: None,
        null_value: None,
        values: None,
        ..column.clone()
    };
    let fits = alone(&without).is_ok();
    (if fits { without } else { ColumnMetadata::default() }, Some(note))
}

/// Whether all integers of a range fit this datatype. STIL writes unsignedByte as 16 bits.
fn holds(datatype: Datatype, (least, greatest): (i64, i64)) -> bool {
    let (from, to) = match datatype {
        Datatype::UnsignedByte => (0, u8::MAX.into()),
        Datatype::Short => (i16::MIN.into(), i16::MAX.into()),
        Datatype::Int => (i32::MIN.into(), i32::MAX.into()),
        _ => return false,
    };
    from <= least && greatest <= to
}

/// Whether the file's datatype is only the usual substitute for an Arrow type that VOTable lacks. A
/// datatype decides what is written; without it, formats that have the Arrow type keep it.
fn says_nothing_new(field: &Field, column: &ColumnMetadata) -> bool {
    let derived = ResultSchema::derived(Arc::new(Schema::new(vec![field.clone()])));
    match derived.columns()[0].vo_type() {
        Ok(derived) => {
            derived.carrier() != *field.data_type()
                && column.datatype == Some(derived.datatype)
                && (column.arraysize == derived.arraysize || is_large_text(field))
        }
        Err(_) => {
            column.datatype == Some(Datatype::Char) && column.arraysize == Some(Arraysize::FREE)
        }
    }
}

fn is_large_text(field: &Field) -> bool {
    matches!(field.data_type(), DataType::LargeUtf8 | DataType::Utf8View)
}

/// Describes timestamps as timestamps again if the FIELDs describe them as counts (`timestamp=micros` of
/// VOParquet). Their Arrow type has what the unit and TIMESYS of a count say.
fn timestamps_again(arrow: &SchemaRef, known: &mut FileMetadata) {
    let FileMetadata { columns, table, .. } = known;
    let are_times: Vec<bool> = arrow
        .fields()
        .iter()
        .zip(columns.iter())
        .map(|(field, column)| {
            column.datatype.is_some_and(Datatype::is_integer)
                && matches!(
                    field.data_type(),
                    DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64
                )
        })
        .collect();
    // The TIMESYS that columns of numbers refer to have to keep their origin.
    let needed: HashSet<XmlId> = columns
        .iter()
        .zip(&are_times)
        .filter(|(_, is_time)| !**is_time)
        .filter_map(|(column, _)| column.reference.clone())
        .collect();
    let mut gone = HashSet::new();
    for (column, _) in columns.iter_mut().zip(&are_times).filter(|(_, is_time)| **is_time) {
        let reference = column.reference.take();
        if let Some(id) = reference.as_ref().filter(|id| !needed.contains(*id)) {
            for systems in [&mut table.resource.timesys, &mut table.document.timesys] {
                if !without_origin(systems, id) {
                    gone.insert(id.clone());
                }
            }
        }
        let reference = reference.filter(|id| !gone.contains(id));
        *column = ColumnMetadata {
            datatype: None,
            arraysize: None,
            xtype: None,
            unit: None,
            null_value: None,
            values: None,
            reference,
            ..std::mem::take(column)
        };
    }
}

/// Removes the origin of a TIMESYS, because timestamps in text do not count from an origin (VOTable 1.4,
/// 3.5), and removes the whole TIMESYS if it says nothing but UTC. Returns whether the TIMESYS is still
/// there, or was missing from the beginning.
fn without_origin(systems: &mut Vec<TimeSys>, id: &XmlId) -> bool {
    let Some(place) = systems.iter().position(|system| system.id == *id) else { return true };
    let system = &mut systems[place];
    system.timeorigin = None;
    let says_nothing = system.timescale == "UTC" && system.refposition == "UNKNOWN";
    if says_nothing {
        systems.remove(place);
    }
    !says_nothing
}

/// Adds the metadata after the rows of a document to the metadata before them.
#[cfg(feature = "parquet")]
pub(super) fn add_late(table: &mut TableMetadata, late: &TableMetadata) {
    table.infos.extend_from_slice(&late.infos);
    add_resource(&mut table.resource, &late.resource);
    add_resource(&mut table.document, &late.document);
}

#[cfg(feature = "parquet")]
fn add_resource(to: &mut taploom_model::Resource, late: &taploom_model::Resource) {
    to.infos.extend_from_slice(&late.infos);
    to.coosys.extend_from_slice(&late.coosys);
    to.timesys.extend_from_slice(&late.timesys);
    to.params.extend_from_slice(&late.params);
    to.groups.extend_from_slice(&late.groups);
    to.links.extend_from_slice(&late.links);
    to.resources.extend_from_slice(&late.resources);
}
