//! The schema of a result: an Arrow schema and VOTable metadata.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};

use crate::column::Column;
use crate::derive::{derived, resolve};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{ColumnMetadata, TableMetadata};

/// An Arrow schema with the FIELD metadata of every column, checked once.
///
/// Metadata that are not given are derived from the Arrow types (`docs/src/types.md` has the table).
/// Text becomes `unicodeChar` with arraysize `*`, because `char` is limited to ASCII up to VOTable 1.5,
/// and Arrow's strings are not. Timestamps and dates become `char` with xtype `timestamp`.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_model::{ColumnMetadata, Datatype, ResultSchema};
///
/// let arrow = Arc::new(Schema::new(vec![
///     Field::new("id", DataType::Int64, false),
///     Field::new("ra", DataType::Float64, true),
/// ]));
/// let ra = ColumnMetadata { unit: Some("deg".into()), ..Default::default() };
/// let schema = ResultSchema::new(arrow, vec![ColumnMetadata::default(), ra])?;
/// assert_eq!(schema.columns()[0].vo_type()?.datatype, Datatype::Long);
/// assert_eq!(schema.columns()[1].metadata().unit.as_deref(), Some("deg"));
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultSchema {
    arrow: SchemaRef,
    columns: Arc<[Column]>,
    table: Arc<TableMetadata>,
}

impl ResultSchema {
    /// Joins the columns of `arrow` and `metadata` by position.
    ///
    /// A name in `metadata` replaces the name of the Arrow field. A datatype in `metadata` decides what
    /// is written: cells are converted to it, and a cell that does not fit is an error when its batch is
    /// written.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] naming the column: metadata for another number of columns, a
    /// datatype to which the Arrow type can't be converted, an arraysize that does not fit the lists, an
    /// ID that is given twice.
    #[allow(clippy::needless_pass_by_value, reason = "schemas are handed over, as Arrow does it")]
    pub fn new(arrow: SchemaRef, metadata: Vec<ColumnMetadata>) -> Result<Self> {
        if metadata.len() != arrow.fields().len() {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "there are metadata for {} of {} columns; they are matched by position, one for each column",
                    metadata.len(),
                    arrow.fields().len()
                ),
            ));
        }
        let columns: Arc<[Column]> = arrow
            .fields()
            .iter()
            .zip(metadata)
            .map(|(field, metadata)| {
                let name = metadata.name.clone().unwrap_or_else(|| field.name().clone());
                resolve(field, metadata).map_err(|error| error.with_column(name))
            })
            .collect::<Result<_>>()?;
        check_ids(&columns)?;
        let fields: Vec<Field> = arrow
            .fields()
            .iter()
            .zip(columns.iter())
            .map(|(field, column)| field.as_ref().clone().with_name(column.name()))
            .collect();
        let arrow = Arc::new(Schema::new_with_metadata(fields, arrow.metadata().clone()));
        Ok(Self { arrow, columns, table: Arc::default() })
    }

    /// A schema in which everything is derived from the Arrow types.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// use taploom_model::ResultSchema;
    ///
    /// let arrow = Schema::new(vec![Field::new("name", DataType::Utf8, true)]);
    /// let schema = ResultSchema::derived(Arc::new(arrow));
    /// let name = schema.columns()[0].vo_type()?;
    /// assert_eq!(name.datatype.as_str(), "unicodeChar");
    /// assert_eq!(name.arraysize.as_ref().unwrap().to_string(), "*");
    /// # Ok::<(), taploom_model::Error>(())
    /// ```
    pub fn derived(arrow: SchemaRef) -> Self {
        let columns = arrow.fields().iter().map(|field| derived(field)).collect();
        Self { arrow, columns, table: Arc::default() }
    }

    /// Adds metadata of the table as a whole.
    #[must_use]
    pub fn with_table(mut self, table: TableMetadata) -> Self {
        self.table = Arc::new(table);
        self
    }

    /// The same schema with other values that stand for null, by position. `None` keeps the present one.
    #[must_use]
    pub fn with_null_values(mut self, null_values: &[Option<String>]) -> Self {
        let columns = self.columns.iter().zip(null_values).map(|(column, null)| {
            let mut column = column.clone();
            column.metadata.null_value = null.clone().or(column.metadata.null_value);
            column
        });
        self.columns = columns.collect();
        self
    }

    /// The same columns in other Arrow types.
    pub(crate) fn carried_in(&self, arrow: SchemaRef) -> Self {
        Self { arrow, columns: Arc::clone(&self.columns), table: Arc::clone(&self.table) }
    }

    /// The Arrow schema of every batch.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// The columns, in the order of the Arrow fields.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The metadata of the table as a whole.
    pub fn table(&self) -> &TableMetadata {
        &self.table
    }

    /// The names of the columns, made unique for formats that need it. Of several columns with one name
    /// the first keeps it, and the others get `_2`, `_3` and so on, skipping names that are taken.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// use taploom_model::ResultSchema;
    ///
    /// let field = |name| Field::new(name, DataType::Float64, true);
    /// let arrow = Schema::new(vec![field("ra"), field("ra_2"), field("ra")]);
    /// let schema = ResultSchema::derived(Arc::new(arrow));
    /// assert_eq!(schema.unique_names(), ["ra", "ra_2", "ra_3"]);
    /// ```
    pub fn unique_names(&self) -> Vec<String> {
        unique_names(self.columns.iter().map(Column::name))
    }
}

/// Makes names unique as [`ResultSchema::unique_names`] does.
///
/// ```
/// assert_eq!(taploom_model::unique_names(["ra", "dec", "ra"]), ["ra", "dec", "ra_2"]);
/// ```
pub fn unique_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let given: HashSet<&str> = names.iter().copied().collect();
    let mut used: HashSet<String> = HashSet::with_capacity(names.len());
    let unique = names.into_iter().map(|name| {
        let numbered = (2_usize..).map(|number| format!("{name}_{number}"));
        let mut candidates = std::iter::once(name.to_owned())
            .chain(numbered.filter(|candidate| !given.contains(candidate.as_str())));
        // The range has no end, so a free name is always found.
        let free = candidates.find(|candidate| !used.contains(candidate)).unwrap_or_default();
        used.insert(free.clone());
        free
    });
    unique.collect()
}

fn check_ids(columns: &[Column]) -> Result<()> {
    let mut seen = HashSet::new();
    for column in columns {
        if let Some(id) = &column.metadata.id
            && !seen.insert(id)
        {
            let message = format!("the ID {:?} is given twice", id.as_str());
            return Err(Error::new(ErrorKind::InvalidRequest, message).with_column(&column.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow_schema::DataType;

    use super::*;
    use crate::datatype::Datatype;

    fn one(data_type: DataType, metadata: ColumnMetadata) -> Result<ResultSchema> {
        let arrow = Schema::new(vec![Field::new("x", data_type, true)]);
        ResultSchema::new(Arc::new(arrow), vec![metadata])
    }

    #[test]
    fn a_contradiction_names_the_column() {
        let metadata = ColumnMetadata { datatype: Some(Datatype::Int), ..Default::default() };
        let error = one(DataType::Utf8, metadata).unwrap_err();
        assert_eq!(error.to_string(), r#"column "x": datatype int does not fit Arrow type Utf8"#);
        assert!(error.is_caller_fault());
    }

    #[test]
    fn ids_are_unique() {
        let with_id = |id: &str| ColumnMetadata { id: id.parse().ok(), ..Default::default() };
        assert!(one(DataType::Int32, with_id("col_0")).is_ok());
        let arrow = Schema::new(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("b", DataType::Int32, true),
        ]);
        let error = ResultSchema::new(Arc::new(arrow), vec![with_id("i"), with_id("i")]);
        assert_eq!(error.unwrap_err().column(), Some("b"));
    }

    #[test]
    fn a_name_given_replaces_the_name_of_the_field() {
        let metadata = ColumnMetadata { name: Some("y".into()), ..Default::default() };
        let schema = one(DataType::Int32, metadata).unwrap();
        assert_eq!(schema.columns()[0].name(), "y");
        assert_eq!(schema.arrow().field(0).name(), "y");
    }

    #[test]
    fn unique_names_skip_names_that_are_taken() {
        let fields: Vec<Field> = ["a", "a_2", "a", "a", "b", "a_2"]
            .iter()
            .map(|name| Field::new(*name, DataType::Int32, true))
            .collect();
        let schema = ResultSchema::derived(Arc::new(Schema::new(fields)));
        assert_eq!(schema.unique_names(), ["a", "a_2", "a_3", "a_4", "b", "a_2_2"]);
    }
}
