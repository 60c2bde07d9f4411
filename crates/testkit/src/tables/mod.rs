//! Tables that are hard for encoders.

mod described;
mod large;
mod lists;
mod nasty;
mod odd;
mod other_arrow;
mod reserved;
mod scalars;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use taploom_format::{ColumnMetadata, ResultSchema};

pub(crate) use described::described;
pub(crate) use large::{hundred_columns, long_lists, long_texts, many_lists, narrow};
pub use lists::{SHAPES, cells};
pub(crate) use lists::{as_given, null_elements};
pub use nasty::nasty;
pub(crate) use odd::{garbage, not_nullable, odd_characters, ordered, too_long_texts};
pub(crate) use scalars::scalars;
pub(crate) use scalars::{long, wide};

/// Rows to write, and the rows that have to be read back.
#[derive(Debug, Clone)]
pub struct Table {
    /// A name that describes the table.
    pub name: &'static str,
    /// The schema to start an encoder with.
    pub schema: ResultSchema,
    /// The rows as they are given.
    pub given: RecordBatch,
    /// The same rows in the Arrow types that carry the datatypes.
    pub expected: RecordBatch,
}

/// A column of a [`Table`].
#[derive(Debug, Clone)]
pub struct TestColumn {
    /// Its name, its datatype unless it is derived, and other attributes.
    pub metadata: ColumnMetadata,
    /// The cells as they are given.
    pub given: ArrayRef,
    /// The cells to be read back.
    pub expected: ArrayRef,
}

impl TestColumn {
    /// A column whose cells are read back as they are given.
    pub fn same(name: impl Into<String>, cells: ArrayRef) -> Self {
        Self::converted(name, Arc::clone(&cells), cells)
    }

    /// A column whose cells are carried in another Arrow type.
    pub fn converted(name: impl Into<String>, given: ArrayRef, expected: ArrayRef) -> Self {
        let metadata = ColumnMetadata { name: Some(name.into()), ..Default::default() };
        Self { metadata, given, expected }
    }

    /// The same with a datatype and an arraysize.
    #[must_use]
    pub fn of(mut self, datatype: taploom_format::Datatype, arraysize: Option<&str>) -> Self {
        self.metadata.datatype = Some(datatype);
        self.metadata.arraysize = arraysize.and_then(|text| text.parse().ok());
        self
    }
}

impl Table {
    /// A table of columns with a name, an array that is given, and the array to be read back.
    ///
    /// # Panics
    /// If the arrays do not make a table.
    pub fn new(name: &'static str, columns: &[(String, ArrayRef, ArrayRef)]) -> Self {
        let columns = columns.iter().cloned();
        Self::of(name, columns.map(|(name, a, b)| TestColumn::converted(name, a, b)).collect())
    }

    /// A table of columns.
    ///
    /// # Panics
    /// If the arrays do not make a table, or the metadata do not match them.
    #[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
    pub fn of(name: &'static str, columns: Vec<TestColumn>) -> Self {
        let rows = |pick: fn(&TestColumn) -> &ArrayRef| {
            let fields = columns.iter().map(|column| {
                let name = column.metadata.name.clone().unwrap_or_default();
                Field::new(name, pick(column).data_type().clone(), true)
            });
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let arrays = columns.iter().map(|column| Arc::clone(pick(column))).collect();
            RecordBatch::try_new(schema, arrays).expect("columns of one length")
        };
        let (given, expected) = (rows(|c| &c.given), rows(|c| &c.expected));
        let metadata = columns.into_iter().map(|column| column.metadata).collect();
        let schema = ResultSchema::new(given.schema(), metadata).expect("metadata that fit");
        Self { name, schema, given, expected }
    }

    fn same(name: &'static str, columns: Vec<(&str, ArrayRef)>) -> Self {
        let columns = columns.into_iter();
        Self::of(name, columns.map(|(name, cells)| TestColumn::same(name, cells)).collect())
    }

    /// The same with other metadata.
    ///
    /// # Panics
    /// If the metadata do not match the columns.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
    pub fn with_metadata(mut self, metadata: Vec<ColumnMetadata>) -> Self {
        self.schema = ResultSchema::new(self.given.schema(), metadata).expect("metadata that fit");
        self
    }

    /// The columns at these positions.
    ///
    /// # Panics
    /// If a position is beyond the last column.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test table that is wrong is a defect of the test")]
    pub fn project(&self, positions: &[usize]) -> Self {
        let metadata = positions.iter().map(|position| {
            let column = &self.schema.columns()[*position];
            let vo_type = column.vo_type().expect("a column that has a datatype");
            ColumnMetadata {
                name: Some(column.name().to_owned()),
                datatype: Some(vo_type.datatype),
                arraysize: vo_type.arraysize.clone(),
                xtype: vo_type.xtype.clone(),
                ..column.metadata().clone()
            }
        });
        let metadata = metadata.collect();
        let given = self.given.project(positions).expect("positions of columns");
        let expected = self.expected.project(positions).expect("positions of columns");
        let schema = ResultSchema::new(given.schema(), metadata).expect("metadata that fitted");
        Self { name: self.name, schema, given, expected }
    }
}

/// All tables that a format has to write so that its oracle reads the same.
pub fn tables() -> Vec<Table> {
    let mut tables = vec![
        scalars("one row", 1),
        scalars("normal, smallest, largest and null", 4),
        scalars::no_values(),
        scalars::floats(),
        scalars::text(),
        scalars::names(),
        scalars::converted(),
        scalars::timestamps(),
        wide(1_000),
        scalars::metadata(),
    ];
    tables.extend(lists::lists());
    tables.push(other_arrow::other_arrow());
    tables.push(nasty());
    tables
}
