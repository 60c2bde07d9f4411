//! A column of a result, with its metadata checked.

use arrow_schema::DataType;

use crate::arraysize::Arraysize;
use crate::arrow_type::{Nesting, derive_element};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::ColumnMetadata;
use crate::vo_type::VoType;

/// A column of a [`ResultSchema`](crate::ResultSchema): its name, and the checked rest of its FIELD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub(crate) name: String,
    pub(crate) vo_type: Option<VoType>,
    pub(crate) data_type: DataType,
    pub(crate) metadata: ColumnMetadata,
}

impl Column {
    /// The name. Another column may have the same.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Datatype, arraysize and xtype.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming the column if VOTable has no such type.
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
            Nesting { leaf, .. } if leaf.is_nested() => "make each of its fields a column",
            Nesting { levels, leaf } if !levels.is_empty() && derive_element(leaf).is_some() => {
                "give an arraysize, such as 20x* for strings of at most 20 characters and 3x* for \
                 lists of 3 values"
            }
            _ => "cast it to a boolean, a number, text or a timestamp",
        }
    }

    /// Unit, UCD, description and the rest, as given. The unit of a duration is derived.
    pub fn metadata(&self) -> &ColumnMetadata {
        &self.metadata
    }

    /// The metadata with name, datatype, arraysize and xtype filled in, so that nothing is left to
    /// derive.
    pub fn resolved(&self) -> ColumnMetadata {
        let mut metadata =
            ColumnMetadata { name: Some(self.name.clone()), ..self.metadata.clone() };
        if let Some(vo_type) = &self.vo_type {
            metadata.datatype = Some(vo_type.datatype);
            metadata.arraysize = match &vo_type.arraysize {
                Some(shape) => Some(shape.clone()),
                // Without an arraysize, a list of any length would be an array of complex numbers.
                None => vo_type.datatype.is_complex().then_some(Arraysize::ONE),
            };
            metadata.xtype.clone_from(&vo_type.xtype);
        }
        metadata
    }
}
