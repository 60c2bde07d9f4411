//! What is the same for all results of a schema: how each column is written, and the records of the header that do not
//! depend on the rows.

use taploom_format::{
    Column, EncodeContext, Error, ErrorKind, Result, ResultSchema, VoType, unique_names,
};

use crate::ascii::name_of;
use crate::column_writer::{ColumnWriter, Shape};
use crate::header::Header;
use crate::layout::Place;

/// Maximum value of TFIELDS; FITS 4.0, section 7.3.1.
const MOST_COLUMNS: usize = 999;
/// Bytes of a block of rows, if the memory budget allows it.
const BLOCK_OF_ROWS_BYTES: usize = 256 << 10;

/// The columns of a table, and how its batches are cut into blocks.
pub(crate) struct Plan {
    /// Column writers that have seen no cell.
    pub(crate) columns: Vec<ColumnWriter>,
    pub(crate) cards: Vec<Cards>,
    /// The record with the name of the table, if it has one.
    pub(crate) name: Header,
    /// The positions of the columns whose names were altered.
    pub(crate) altered_names: Vec<usize>,
    /// Bytes per row of the cells with a fixed length.
    pub(crate) fixed_bytes: usize,
    pub(crate) block_bytes: usize,
}

/// The records of a column.
pub(crate) struct Cards {
    /// The name; and the form and the dimensions, if they do not depend on the rows.
    before_null: Header,
    /// The unit and the texts.
    after_null: Header,
    /// The type of a column whose form and dimensions depend on the rows.
    varying: Option<VoType>,
}

impl Plan {
    pub(crate) fn new(schema: &ResultSchema, context: &EncodeContext) -> Result<Self> {
        if let Some(column) = schema.columns().get(MOST_COLUMNS) {
            let message = format!(
                "a FITS table has at most {MOST_COLUMNS} columns, and the result has {}; select fewer",
                schema.columns().len()
            );
            return Err(
                Error::new(ErrorKind::UnsupportedColumn, message).with_column(column.name())
            );
        }
        let columns = schema.columns().iter().map(ColumnWriter::new).collect::<Result<Vec<_>>>()?;
        let names: Vec<_> = schema.columns().iter().map(|column| name_of(column.name())).collect();
        let altered_names = names.iter().zip(schema.columns()).enumerate();
        let altered_names = altered_names.filter(|(_, (name, column))| *name != column.name());
        let altered_names = altered_names.map(|(index, _)| index).collect();
        let names = unique_names(names.iter().map(String::as_str));
        check_row(&columns, context.resources.memory_budget / 8)?;
        let mut name = Header::default();
        if let Some(of_table) = &schema.table().name {
            name.string("EXTNAME", of_table);
        }
        let cards = columns.iter().zip(schema.columns()).zip(&names).enumerate();
        let cards = cards
            .map(|(index, ((writer, column), name))| Cards::new(index + 1, writer, column, name));
        Ok(Self {
            cards: cards.collect(),
            name,
            altered_names,
            fixed_bytes: columns.iter().filter_map(ColumnWriter::cell_bytes).sum(),
            block_bytes: BLOCK_OF_ROWS_BYTES.min(context.resources.memory_budget / 16),
            columns,
        })
    }
}

impl Cards {
    fn new(number: usize, writer: &ColumnWriter, column: &Column, name: &str) -> Self {
        let (mut before_null, mut after_null) = (Header::default(), Header::default());
        before_null.string(&format!("TTYPE{number}"), name);
        let mut varying = column.vo_type().ok().cloned();
        if let (Shape::Values(_), Some(bytes)) = (writer.shape, writer.cell_bytes()) {
            let vo_type = varying.take();
            form(number, Place::Values(bytes), writer, vo_type.as_ref(), &mut before_null);
        }
        let metadata = column.metadata();
        if let Some(unit) = &metadata.unit {
            after_null.string(&format!("TUNIT{number}"), unit);
        }
        // These keywords are not in the standard; STIL writes and reads them.
        let more =
            [("TUCD", &metadata.ucd), ("TUTYP", &metadata.utype), ("TCOMM", &metadata.description)];
        for (keyword, value) in more {
            if let Some(value) = value {
                after_null.long_string(&format!("{keyword}{number}"), value);
            }
        }
        Self { before_null, after_null, varying }
    }

    /// Appends all records of the column to a header.
    pub(crate) fn append_to(
        &self,
        header: &mut Header,
        number: usize,
        place: Place,
        writer: &ColumnWriter,
        null: Option<i64>,
    ) {
        header.append(&self.before_null);
        if self.varying.is_some() {
            form(number, place, writer, self.varying.as_ref(), header);
        }
        if let Some(null) = null {
            header.value(&format!("TNULL{number}"), null);
        }
        header.append(&self.after_null);
    }
}

/// The form and the dimensions of a column.
fn form(
    number: usize,
    place: Place,
    writer: &ColumnWriter,
    vo_type: Option<&VoType>,
    to: &mut Header,
) {
    to.string(&format!("TFORM{number}"), &place.form(writer));
    if let Some(dimensions) = vo_type.and_then(|vo_type| place.dimensions(vo_type)) {
        to.string(&format!("TDIM{number}"), &dimensions);
    }
}

/// A row is held in full, even if an array in it is null.
fn check_row(columns: &[ColumnWriter], most: usize) -> Result<()> {
    let mut bytes = 0_usize;
    for column in columns {
        bytes = bytes.saturating_add(column.cell_bytes().unwrap_or(0));
        if bytes > most {
            let message = format!(
                "with this column a row has {bytes} bytes, and the memory budget allows {most}; \
                 give a larger budget or select fewer columns"
            );
            return Err(Error::new(ErrorKind::InvalidRequest, message).with_column(column.name()));
        }
    }
    Ok(())
}
