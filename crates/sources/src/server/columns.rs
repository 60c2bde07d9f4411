//! The columns of a result: their metadata, and the cells that are collected for each.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, Schema};
#[cfg(feature = "mysql")]
use taploom_expressions::Projection;
use taploom_model::{
    Column, ColumnMetadata, Error, ErrorKind, Result, ResultSchema, VoType, counted,
};

use super::block::RowBlock;
use super::cells::{BadCell, Cells, Unfit};
use crate::column_list::ColumnList;
use crate::error::invalid;

/// How a column is read.
pub(crate) struct PlannedColumn {
    pub(crate) data_type: DataType,
    pub(crate) metadata: ColumnMetadata,
    pub(crate) cells: Box<dyn Cells>,
    /// Whether the type was chosen by the server and not by the caller.
    pub(crate) is_servers: bool,
}

/// The columns of a result.
pub(crate) struct ResultColumns {
    schema: ResultSchema,
    columns: Vec<ColumnCells>,
}

struct ColumnCells {
    cells: Box<dyn Cells>,
    is_servers: bool,
}

/// A cell that can't be read.
pub(crate) enum RefusedCell {
    /// The server does not keep to its protocol.
    Malformed,
    /// The cell does not fit the type of its column.
    Unfit(Error),
}

impl ResultColumns {
    /// Plans each of the columns that a server declares, with the metadata that the caller gave for it.
    pub(crate) fn plan<D>(
        declared: &[D],
        given: Option<&ColumnList>,
        name: impl Fn(&D) -> &str,
        mut plan: impl FnMut(&D, Option<&ColumnMetadata>) -> Result<PlannedColumn>,
    ) -> Result<Self> {
        if let Some(list) = given {
            check_count(list, declared.len())?;
        }
        let mut columns = Vec::with_capacity(declared.len());
        let mut fields = Vec::with_capacity(declared.len());
        let mut all_metadata = Vec::with_capacity(declared.len());
        for (index, column) in declared.iter().enumerate() {
            let given = given.and_then(|list| list.columns.get(index));
            let servers_name = name(column);
            let planned = plan(column, given).map_err(|error| {
                let name = given.and_then(|given| given.name.as_deref()).unwrap_or(servers_name);
                error.with_column(name)
            })?;
            let PlannedColumn { data_type, metadata, cells, is_servers } = planned;
            columns.push(ColumnCells { cells, is_servers });
            fields.push(Field::new(servers_name, data_type, true));
            all_metadata.push(metadata);
        }
        let schema = schema(fields, all_metadata, given)?;
        Ok(Self { schema, columns })
    }

    pub(crate) fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether the type of a column was chosen by the server and not by the caller.
    #[cfg(feature = "mysql")]
    pub(crate) fn is_servers(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.is_servers)
    }

    /// The columns at these positions, which have to be in ascending order.
    #[cfg(feature = "mysql")]
    pub(crate) fn picked(self, picked: &[usize]) -> Result<Self> {
        let projection =
            Projection::new(&self.schema, picked.iter().map(|column| (*column, None)).collect())?;
        let columns = self.columns.into_iter().enumerate();
        let columns = columns
            .filter(|(index, _)| picked.binary_search(index).is_ok())
            .map(|(_, column)| column);
        Ok(Self { schema: projection.schema().clone(), columns: columns.collect() })
    }

    /// Appends the rows of a block, column by column. The first row with a cell that can't be read is returned as its
    /// number in the block, with the first such cell in it.
    pub(crate) fn append(
        &mut self,
        block: &RowBlock,
        received: &[u8],
    ) -> Result<(), (usize, RefusedCell)> {
        // Once a cell is refused, only the rows above it matter.
        let mut rows = block.rows();
        let mut refused = None;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let cells = block.column(received, index, rows);
            if let Err((row, bad)) = column.cells.append_rows(cells) {
                rows = row;
                refused = Some((index, bad));
            }
        }
        match refused {
            Some((column, bad)) => Err((rows, self.refused(column, bad))),
            None => Ok(()),
        }
    }

    #[cold]
    fn refused(&self, index: usize, bad: BadCell) -> RefusedCell {
        let (Some(column), Some(field), BadCell::Unfit(unfit)) =
            (self.columns.get(index), self.schema.columns().get(index), bad)
        else {
            return RefusedCell::Malformed;
        };
        let Unfit { shown, remedy } = *unfit;
        let usual = if column.is_servers { DECLARE_TEXT } else { "" };
        let arrow = self.schema.arrow().field(index).data_type().to_string();
        let remedy = remedy.as_deref().unwrap_or(usual);
        RefusedCell::Unfit(does_not_fit(&shown, field, &arrow, remedy))
    }

    /// The arrays of the cells so far, each of `rows` cells.
    pub(crate) fn finish(&mut self, rows: usize) -> Result<Vec<ArrayRef>> {
        self.columns.iter_mut().map(|column| column.cells.finish(rows)).collect()
    }
}

/// The error for a column that is declared as a list of strings.
pub(crate) fn no_list_of_strings(vo_type: &VoType, server: &str) -> Error {
    let message = format!(
        "a list of strings ({vo_type}) can't be read from {server}; declare char(*) instead"
    );
    Error::new(ErrorKind::UnsupportedColumn, message)
}

/// Checks that a list of columns declares every column of a result.
fn check_count(list: &ColumnList, columns: usize) -> Result<()> {
    if list.columns.len() == columns {
        return Ok(());
    }
    Err(invalid(format!(
        "the query gives {}, but {} declared; columns are declared by position: declare every one",
        counted(columns as u64, "column"),
        match list.columns.len() {
            1 => "1 is".to_owned(),
            number => format!("{number} are"),
        }
    )))
}

/// The schema of a result, with the metadata of its table that the caller gave.
fn schema(
    fields: Vec<Field>,
    columns: Vec<ColumnMetadata>,
    given: Option<&ColumnList>,
) -> Result<ResultSchema> {
    let arrow = Arc::new(Schema::new(fields));
    match given {
        Some(list) => ColumnList { columns, ..list.clone() }.describe(arrow),
        None => ResultSchema::new(arrow, columns),
    }
}

/// The remedy for a cell that does not fit a type that the server chose.
const DECLARE_TEXT: &str = ", the datatype for the server's type; give another one with --columns: char with arraysize * takes any text";

/// The error for a cell that does not fit the type of its column. `remedy` says what the caller can do, after a
/// comma or semicolon.
#[cold]
fn does_not_fit(shown: &str, column: &Column, arrow: &str, remedy: &str) -> Error {
    let into = match column.vo_type() {
        // Decimals and times are written as text, but text would take any cell.
        Ok(vo_type) if !vo_type.datatype.is_text() => match vo_type.xtype.as_deref() {
            Some(xtype) => format!("{xtype} ({vo_type})"),
            None => vo_type.to_string(),
        },
        _ => arrow.to_owned(),
    };
    Error::new(ErrorKind::InvalidValue, format!("{shown} does not fit into {into}{remedy}"))
        .with_column(column.name())
}
