//! The schema of a result: Arrow's, and VOTable's beside it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::column::{Arraysize, Column, ColumnMetadata, Datatype, VoType};
use crate::error::{Error, ErrorKind, Result};

/// An Arrow schema with the FIELD metadata of every column, checked once.
///
/// Metadata that are not given are derived from the Arrow types (`docs/src/types.md` has the
/// table): text becomes `unicodeChar` with arraysize `*`, because `char` is ASCII up to
/// VOTable 1.5 and Arrow's strings need not be; timestamps and dates become `char` with xtype
/// `timestamp`.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_encoder::{ColumnMetadata, Datatype, ResultSchema};
///
/// let arrow = Arc::new(Schema::new(vec![
///     Field::new("id", DataType::Int64, false),
///     Field::new("ra", DataType::Float64, true),
/// ]));
/// let ra = ColumnMetadata { unit: Some("deg".into()), ..Default::default() };
/// let schema = ResultSchema::new(arrow, vec![ColumnMetadata::default(), ra])?;
/// assert_eq!(schema.columns()[0].vo_type()?.datatype, Datatype::Long);
/// assert_eq!(schema.columns()[1].metadata().unit.as_deref(), Some("deg"));
/// # Ok::<(), taploom_encoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultSchema {
    arrow: SchemaRef,
    columns: Arc<[Column]>,
    table: TableMetadata,
}

/// What is known of the table as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableMetadata {
    /// The name of the TABLE.
    pub name: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
}

impl ResultSchema {
    /// Joins the columns of `arrow` and `metadata`, by position.
    ///
    /// A name given in `metadata` replaces that of the Arrow field. A datatype given there decides
    /// what is written; cells are converted to it, and one that does not fit is an error when it
    /// comes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] naming the column: metadata for another number of columns, a
    /// datatype that the Arrow type can't be converted to, a malformed arraysize, an ID that is no
    /// NCName or stands twice.
    #[allow(clippy::needless_pass_by_value, reason = "schemas are handed over, as Arrow does it")]
    pub fn new(arrow: SchemaRef, metadata: Vec<ColumnMetadata>) -> Result<Self> {
        if metadata.len() != arrow.fields().len() {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "the metadata are of {} columns and the result has {}; they go by position",
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
        Ok(Self { arrow, columns, table: TableMetadata::default() })
    }

    /// Everything derived from the Arrow types.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// use taploom_encoder::ResultSchema;
    ///
    /// let arrow = Schema::new(vec![Field::new("name", DataType::Utf8, true)]);
    /// let schema = ResultSchema::derived(Arc::new(arrow));
    /// let name = schema.columns()[0].vo_type()?;
    /// assert_eq!(name.datatype.as_str(), "unicodeChar");
    /// assert_eq!(name.arraysize.as_ref().unwrap().to_string(), "*");
    /// # Ok::<(), taploom_encoder::Error>(())
    /// ```
    pub fn derived(arrow: SchemaRef) -> Self {
        let columns = arrow
            .fields()
            .iter()
            .map(|field| Column {
                name: field.name().clone(),
                vo_type: derive(field.data_type()),
                data_type: field.data_type().clone(),
                metadata: ColumnMetadata::default(),
            })
            .collect();
        Self { arrow, columns, table: TableMetadata::default() }
    }

    /// Adds what is known of the table as a whole.
    #[must_use]
    pub fn with_table(mut self, table: TableMetadata) -> Self {
        self.table = table;
        self
    }

    /// The same columns carried in other Arrow types.
    pub(crate) fn carried_in(&self, arrow: SchemaRef) -> Self {
        Self { arrow, columns: Arc::clone(&self.columns), table: self.table.clone() }
    }

    /// The Arrow schema of every batch.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// The columns, in the order of the Arrow fields.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The table as a whole.
    pub fn table(&self) -> &TableMetadata {
        &self.table
    }

    /// The names of the columns, made unique for formats that need it: of columns with one name the
    /// first keeps it, the others get `_2`, `_3` and so on, passing over names that are taken.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// use taploom_encoder::ResultSchema;
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

/// Names made unique, as [`ResultSchema::unique_names`] says.
///
/// ```
/// assert_eq!(taploom_encoder::unique_names(["ra", "dec", "ra"]), ["ra", "dec", "ra_2"]);
/// ```
pub fn unique_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let given: HashSet<&str> = names.iter().copied().collect();
    let mut used: HashSet<String> = HashSet::with_capacity(names.len());
    let unique = names.into_iter().map(|name| {
        let numbered = (2_usize..).map(|number| format!("{name}_{number}"));
        let mut candidates = std::iter::once(name.to_owned())
            .chain(numbered.filter(|candidate| !given.contains(candidate.as_str())));
        // The numbers do not end.
        let free = candidates.find(|candidate| !used.contains(candidate)).unwrap_or_default();
        used.insert(free.clone());
        free
    });
    unique.collect()
}

/// The FIELD of one column: what was given, the rest derived.
fn resolve(field: &Field, mut metadata: ColumnMetadata) -> Result<Column> {
    let derived = derive(field.data_type());
    let arraysize = metadata.arraysize.as_deref().map(str::parse::<Arraysize>).transpose()?;
    let mut vo_type = match metadata.datatype {
        None => derived,
        Some(datatype) => {
            check_carrier(field.data_type(), datatype)?;
            Some(VoType {
                datatype,
                arraysize: None,
                // A timestamp stays one whichever datatype its text has.
                xtype: derived.filter(|_| datatype.is_text()).and_then(|vo_type| vo_type.xtype),
            })
        }
    };
    if let Some(vo_type) = &mut vo_type {
        if arraysize.is_some() {
            vo_type.arraysize = arraysize;
        }
        if metadata.xtype.is_some() {
            vo_type.xtype.clone_from(&metadata.xtype);
        }
        // Many documents say 1 for a scalar.
        if !vo_type.datatype.is_text()
            && vo_type.arraysize.as_ref().is_some_and(|shape| shape.to_string() == "1")
        {
            vo_type.arraysize = None;
        }
        check_null_value(vo_type.datatype, metadata.null_value.as_deref())?;
        let shape_fits = match &vo_type.arraysize {
            None => true,
            Some(shape) => vo_type.datatype.is_text() && shape.inner().is_empty(),
        };
        if !shape_fits {
            return Err(Error::new(
                ErrorKind::UnsupportedColumn,
                format!(
                    "datatype {} with arraysize {:?} is not supported yet; scalars and one string \
                     a cell are",
                    vo_type.datatype,
                    metadata.arraysize.as_deref().unwrap_or_default(),
                ),
            ));
        }
    }
    let name = metadata.name.take().unwrap_or_else(|| field.name().clone());
    Ok(Column { name, vo_type, data_type: field.data_type().clone(), metadata })
}

/// The VOTable type of an Arrow type; `None` where there is none.
fn derive(data_type: &DataType) -> Option<VoType> {
    use DataType::{
        Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Dictionary, Float16,
        Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Time32, Time64, Timestamp,
        UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    let (datatype, xtype) = match data_type {
        Boolean => (Datatype::Boolean, None),
        UInt8 => (Datatype::UnsignedByte, None),
        Int8 | Int16 => (Datatype::Short, None),
        UInt16 | Int32 => (Datatype::Int, None),
        UInt32 | Int64 => (Datatype::Long, None),
        Float16 | Float32 => (Datatype::Float, None),
        Float64 => (Datatype::Double, None),
        Utf8 | LargeUtf8 | Utf8View => (Datatype::UnicodeChar, None),
        Timestamp(_, _) | Date32 | Date64 => (Datatype::Char, Some("timestamp")),
        // Text is the nearest type that loses nothing; its digits and colons are ASCII.
        UInt64
        | Decimal32(_, _)
        | Decimal64(_, _)
        | Decimal128(_, _)
        | Decimal256(_, _)
        | Time32(_)
        | Time64(_)
        | Null => (Datatype::Char, None),
        Dictionary(_, values) => return derive(values),
        _ => return None,
    };
    Some(VoType {
        datatype,
        arraysize: datatype.is_text().then_some(Arraysize::FREE),
        xtype: xtype.map(str::to_owned),
    })
}

/// Whether cells of an Arrow type may be converted to a datatype that was asked for: the widening
/// and narrowing of numbers (checked cell by cell), and text of any scalar.
fn check_carrier(from: &DataType, to: Datatype) -> Result<()> {
    let from = match from {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    let text = derive(from).is_some();
    let fits = match to {
        Datatype::Char | Datatype::UnicodeChar => text,
        Datatype::Boolean => *from == DataType::Boolean,
        Datatype::UnsignedByte | Datatype::Short | Datatype::Int | Datatype::Long => {
            from.is_integer()
        }
        Datatype::Float | Datatype::Double => from.is_integer() || from.is_floating(),
        Datatype::Bit | Datatype::FloatComplex | Datatype::DoubleComplex => {
            return Err(Error::new(
                ErrorKind::UnsupportedColumn,
                format!("datatype {to} is not supported yet"),
            ));
        }
    };
    if fits || (*from == DataType::Null) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidRequest,
        format!("datatype {to} does not go with Arrow type {from}"),
    ))
}

/// VALUES null is a value of the column's type; VOTable 1.4, 4.7.
fn check_null_value(datatype: Datatype, null: Option<&str>) -> Result<()> {
    let Some(null) = null else { return Ok(()) };
    let fits = match datatype {
        Datatype::UnsignedByte => null.parse::<u8>().is_ok(),
        Datatype::Short => null.parse::<i16>().is_ok(),
        Datatype::Int => null.parse::<i32>().is_ok(),
        Datatype::Long => null.parse::<i64>().is_ok(),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let message = format!("the null value {null:?} is no {datatype}");
    Err(Error::new(ErrorKind::InvalidRequest, message))
}

fn check_ids(columns: &[Column]) -> Result<()> {
    let mut seen = HashSet::new();
    for column in columns {
        let Some(id) = column.metadata.id.as_deref() else { continue };
        let wrong = if !is_ncname(id) {
            "is no XML name (letters, digits, '_', '-', '.'; not beginning with a digit)"
        } else if !seen.insert(id) {
            "stands twice"
        } else {
            continue;
        };
        return Err(Error::new(ErrorKind::InvalidRequest, format!("the ID {id:?} {wrong}"))
            .with_column(&column.name));
    }
    Ok(())
}

/// XML names without a colon, by the classes of characters that Rust knows: a little stricter than
/// the tables of XML 1.0, 2.3.
fn is_ncname(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && characters.all(|c| matches!(c, '_' | '-' | '.') || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(data_type: DataType, metadata: ColumnMetadata) -> Result<ResultSchema> {
        let arrow = Schema::new(vec![Field::new("x", data_type, true)]);
        ResultSchema::new(Arc::new(arrow), vec![metadata])
    }

    #[test]
    fn a_contradiction_names_the_column() {
        let metadata = ColumnMetadata { datatype: Some(Datatype::Int), ..Default::default() };
        let error = one(DataType::Utf8, metadata).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"column "x": datatype int does not go with Arrow type Utf8"#
        );
        assert!(error.is_caller_fault());
    }

    #[test]
    fn ids_are_names_and_unique() {
        let with_id = |id: &str| ColumnMetadata { id: Some(id.into()), ..Default::default() };
        assert!(one(DataType::Int32, with_id("col_0")).is_ok());
        assert!(one(DataType::Int32, with_id("0col")).is_err());
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
    fn unique_names_pass_over_names_that_are_given() {
        let fields: Vec<Field> = ["a", "a_2", "a", "a", "b", "a_2"]
            .iter()
            .map(|name| Field::new(*name, DataType::Int32, true))
            .collect();
        let schema = ResultSchema::derived(Arc::new(Schema::new(fields)));
        assert_eq!(schema.unique_names(), ["a", "a_2", "a_3", "a_4", "b", "a_2_2"]);
    }
}
