//! What a column is in VOTable's terms: the attributes of its FIELD.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Link, Values};
use crate::resolve::{Nesting, derive_element};

/// A VOTable primitive datatype; VOTable 1.4, 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Datatype {
    Boolean,
    Bit,
    UnsignedByte,
    Short,
    Int,
    Long,
    Char,
    UnicodeChar,
    Float,
    Double,
    FloatComplex,
    DoubleComplex,
}

impl Datatype {
    /// The name as it stands in a FIELD.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Bit => "bit",
            Self::UnsignedByte => "unsignedByte",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Char => "char",
            Self::UnicodeChar => "unicodeChar",
            Self::Float => "float",
            Self::Double => "double",
            Self::FloatComplex => "floatComplex",
            Self::DoubleComplex => "doubleComplex",
        }
    }

    /// Whether an arraysize counts characters, so that the cell is a string.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::UnicodeChar)
    }

    /// Whether a value is a pair of floats.
    pub fn is_complex(self) -> bool {
        matches!(self, Self::FloatComplex | Self::DoubleComplex)
    }

    /// Whether values are whole numbers, which have no NaN: their null needs a flag or VALUES.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::UnsignedByte | Self::Short | Self::Int | Self::Long)
    }

    /// The Arrow type of one element: a number, a boolean, half of a complex number, or a string.
    pub fn element(self) -> DataType {
        match self {
            Self::Boolean | Self::Bit => DataType::Boolean,
            Self::UnsignedByte => DataType::UInt8,
            Self::Short => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float | Self::FloatComplex => DataType::Float32,
            Self::Double | Self::DoubleComplex => DataType::Float64,
            Self::Char | Self::UnicodeChar => DataType::Utf8,
        }
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The shape of a cell: `10`, `10*`, `*`, `3x4`, `3x*`; VOTable 1.4, 2.2.
///
/// The first dimension varies fastest, and only the last may be variable. A scalar has none.
///
/// ```
/// use taploom_model::{Arraysize, Extent};
///
/// let shape: Arraysize = "3x10*".parse().unwrap();
/// assert_eq!(shape.inner(), [3]);
/// assert_eq!(shape.last(), Extent::Bounded(10));
/// assert_eq!(shape.to_string(), "3x10*");
/// assert!("*x3".parse::<Arraysize>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arraysize {
    inner: Vec<u32>,
    last: Extent,
}

/// The extent of the last dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// `n`: exactly so many.
    Fixed(u32),
    /// `n*`: at most so many.
    Bounded(u32),
    /// `*`: any number.
    Free,
}

impl Arraysize {
    /// `*`: one dimension of any length.
    pub const FREE: Self = Self { inner: Vec::new(), last: Extent::Free };

    /// The fixed dimensions before the last.
    pub fn inner(&self) -> &[u32] {
        &self.inner
    }

    /// The last dimension.
    pub fn last(&self) -> Extent {
        self.last
    }

    /// Dimensions of which the last alone may be variable.
    pub(crate) fn of(inner: Vec<u32>, last: Extent) -> Self {
        Self { inner, last }
    }

    /// Values of one step along the last dimension: the product of the others.
    pub fn stride(&self) -> u64 {
        self.inner.iter().fold(1, |product, extent| product.saturating_mul(u64::from(*extent)))
    }

    /// Values of every cell; `None` where cells differ.
    pub fn fixed(&self) -> Option<u64> {
        match self.last {
            Extent::Fixed(extent) => Some(self.stride().saturating_mul(u64::from(extent))),
            Extent::Bounded(_) | Extent::Free => None,
        }
    }

    /// Whether a cell may have so many values.
    pub fn takes(&self, values: u64) -> bool {
        let stride = self.stride();
        match self.last {
            Extent::Fixed(_) => self.fixed() == Some(values),
            Extent::Bounded(most) => {
                values.is_multiple_of(stride) && values / stride <= u64::from(most)
            }
            Extent::Free => values.is_multiple_of(stride),
        }
    }

    /// The shape without its first dimension: of `8x3`, strings of eight characters, the `3`.
    pub fn without_first(&self) -> Option<Self> {
        let (_, inner) = self.inner.split_first()?;
        Some(Self { inner: inner.to_vec(), last: self.last })
    }
}

impl FromStr for Arraysize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                ErrorKind::InvalidRequest,
                format!("arraysize {text:?} is not of the form 10, 10*, *, 3x4 or 3x*"),
            )
        };
        let number = |digits: &str| match digits.parse::<u32>() {
            Ok(number) if number > 0 && !digits.starts_with('+') => Ok(number),
            _ => Err(wrong()),
        };
        let (inner, last) = match text.rsplit_once('x') {
            Some((inner, last)) => (inner.split('x').map(number).collect::<Result<_>>()?, last),
            None => (Vec::new(), text),
        };
        let last = match last.strip_suffix('*') {
            Some("") => Extent::Free,
            Some(bound) => Extent::Bounded(number(bound)?),
            None => Extent::Fixed(number(last)?),
        };
        Ok(Self { inner, last })
    }
}

impl fmt::Display for Arraysize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for extent in &self.inner {
            write!(f, "{extent}x")?;
        }
        match self.last {
            Extent::Fixed(n) => write!(f, "{n}"),
            Extent::Bounded(n) => write!(f, "{n}*"),
            Extent::Free => f.write_str("*"),
        }
    }
}

/// What is known of a column beyond its Arrow field; everything may be left out.
///
/// The names in JSON are those of VOTable's FIELD: `name`, `datatype`, `arraysize`, `width`,
/// `precision`, `xtype`, `unit`, `ucd`, `utype`, `description`, `null`, `values`, `links`, `ID`, `ref`.
///
/// ```
/// use taploom_model::{ColumnMetadata, Datatype};
///
/// let ra: ColumnMetadata = serde_json::from_str(
///     r#"{"name": "ra", "datatype": "double", "unit": "deg", "ucd": "pos.eq.ra;meta.main"}"#,
/// )?;
/// assert_eq!(ra.datatype, Some(Datatype::Double));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnMetadata {
    /// The name of the column; by default that of the Arrow field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// By default derived from the Arrow type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datatype: Option<Datatype>,
    /// By default none for numbers, `*` for text whose datatype is not given either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arraysize: Option<String>,
    /// What a string or an array means, e.g. `timestamp`; DALI 1.1, 3. Passed through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xtype: Option<String>,
    /// The unit, in the syntax of VOUnits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The UCD1+.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ucd: Option<String>,
    /// The role in a data model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utype: Option<String>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The value that stands for null where a serialization has no flags for it.
    #[serde(rename = "null", skip_serializing_if = "Option::is_none")]
    pub null_value: Option<String>,
    /// The XML ID of the FIELD; an NCName, unique in the document.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The XML ID of a COOSYS, TIMESYS or GROUP.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How many characters a person wants to see of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// How many digits of it count: `4`, `F4` (after the point) or `E4` (in all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// The domain of the values, beside `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
    /// Where more is said of the column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// A column of a [`ResultSchema`](crate::ResultSchema): its name and, checked, the rest of its
/// FIELD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub(crate) name: String,
    pub(crate) vo_type: Option<VoType>,
    pub(crate) data_type: DataType,
    pub(crate) metadata: ColumnMetadata,
}

/// Datatype, arraysize and xtype of a FIELD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoType {
    /// The primitive.
    pub datatype: Datatype,
    /// The shape; `None` for a scalar.
    pub arraysize: Option<Arraysize>,
    /// The meaning; `timestamp` for Arrow's timestamps and dates unless another was given.
    pub xtype: Option<String>,
}

impl VoType {
    /// The Arrow type that carries the cells: that of an element for a scalar or a string, else a
    /// list of elements, flat whatever the number of dimensions. A complex number is two elements.
    pub fn carrier(&self) -> DataType {
        let element = self.datatype.element();
        if self.is_list() { DataType::List(list_item(element)) } else { element }
    }

    /// Whether a cell is carried in a list: all arrays but a string, and complex numbers.
    pub fn is_list(&self) -> bool {
        match &self.arraysize {
            Some(shape) => !self.datatype.is_text() || !shape.inner().is_empty(),
            None => self.datatype.is_complex(),
        }
    }

    /// Elements that the list of every cell has; `None` where cells differ, or are no lists.
    pub fn fixed_elements(&self) -> Option<u64> {
        let (shape, per_value) = self.list_shape()?;
        shape.map_or(Some(1), |shape| shape.fixed()).map(|values| values.saturating_mul(per_value))
    }

    /// Whether the list of a cell may have so many elements.
    pub fn takes(&self, elements: u64) -> bool {
        let Some((shape, per_value)) = self.list_shape() else { return false };
        let values = elements / per_value;
        elements.is_multiple_of(per_value) && shape.map_or(values == 1, |shape| shape.takes(values))
    }

    /// The shape of the list of a cell, `None` for one value, and the elements of a value.
    fn list_shape(&self) -> Option<(Option<Arraysize>, u64)> {
        if !self.is_list() {
            return None;
        }
        let shape = match (&self.arraysize, self.datatype.is_text()) {
            (Some(shape), true) => Some(shape.without_first()?),
            (shape, _) => shape.clone(),
        };
        Some((shape, if self.datatype.is_complex() { 2 } else { 1 }))
    }
}

impl fmt::Display for VoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.arraysize {
            None => write!(f, "{}", self.datatype),
            Some(shape) => write!(f, "{} of arraysize {shape}", self.datatype),
        }
    }
}

/// The field of the elements of a list, as Arrow calls it; any of them may be null.
pub(crate) fn list_item(element: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(element, true))
}

impl Column {
    /// The name, which another column may have as well.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Datatype, arraysize and xtype.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming the column where VOTable has no such type.
    pub fn vo_type(&self) -> Result<&VoType> {
        self.vo_type.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::UnsupportedColumn,
                format!("Arrow type {} has no VOTable datatype; {}", self.data_type, self.remedy()),
            )
            .with_column(&self.name)
        })
    }

    fn remedy(&self) -> &'static str {
        match Nesting::of(&self.data_type) {
            Nesting { leaf, .. } if leaf.is_nested() => "give its fields columns of their own",
            Nesting { levels, leaf } if !levels.is_empty() && derive_element(leaf).is_some() => {
                "give an arraysize, such as 20x* for strings of at most 20 characters and 3x* for \
                 lists of 3 values"
            }
            _ => "cast it to a boolean, a number, text or a timestamp",
        }
    }

    /// Unit, UCD, description and the rest, as given; the unit of a duration is derived.
    pub fn metadata(&self) -> &ColumnMetadata {
        &self.metadata
    }

    /// The same with the name, and with datatype, arraysize and xtype as they were resolved, so that
    /// nothing is left to derive.
    pub fn resolved(&self) -> ColumnMetadata {
        let mut metadata =
            ColumnMetadata { name: Some(self.name.clone()), ..self.metadata.clone() };
        if let Some(vo_type) = &self.vo_type {
            metadata.datatype = Some(vo_type.datatype);
            metadata.arraysize = match &vo_type.arraysize {
                Some(shape) => Some(shape.to_string()),
                // Lists of any length would become arrays of complex numbers.
                None => vo_type.datatype.is_complex().then(|| "1".to_owned()),
            };
            metadata.xtype.clone_from(&vo_type.xtype);
        }
        metadata
    }
}
