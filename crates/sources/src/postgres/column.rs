//! The columns of a result, as the server declares them and as they are read.

use arrow_schema::DataType;
use postgres_protocol::message::backend::Field;
use taploom_model::{CellShape, ColumnMetadata, Datatype, Result, VoType};

use super::cells::{CellReader, cells};
use super::failure::ServerError;
use super::types::{ServerType, is_of_users, is_timestamp};
use crate::error::invalid;
use crate::server::lists::list_dimensions;
use crate::server::{PlannedColumn, Reported, no_list_of_strings};

/// A column as the server declares it. The type of a domain is the type that the domain is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeclaredColumn {
    pub(super) name: String,
    /// The object id of the table or view of the column, and its number there; 0 for an expression.
    pub(super) origin: (u32, i16),
    pub(super) type_oid: u32,
    pub(super) server_type: ServerType,
    /// The comment on the column.
    pub(super) description: Option<String>,
}

impl DeclaredColumn {
    pub(super) fn by_server(field: &Field<'_>) -> Self {
        Self {
            name: field.name().to_owned(),
            origin: (field.table_oid(), field.column_id()),
            type_oid: field.type_oid(),
            server_type: ServerType::of(field.type_oid(), field.type_modifier()),
            description: None,
        }
    }

    /// Whether the type may be one of pgSphere's.
    pub(super) fn is_of_users(&self) -> bool {
        is_of_users(self.type_oid)
    }

    /// Decides how the column is read, for the metadata that the caller gives, and whether the server has to write the
    /// cells in its binary format.
    pub(super) fn plan(&self, given: Option<&ColumnMetadata>) -> Result<(PlannedColumn, bool)> {
        let metadata = self.metadata(given);
        let own = &self.server_type;
        let declared = given.and_then(|given| given.datatype);
        let (data_type, reader) = match declared {
            Some(datatype) => {
                let arraysize = metadata.arraysize.clone();
                self.read_as(&VoType { datatype, arraysize, xtype: None })?
            }
            None => (own.data_type.clone(), own.reader),
        };
        if let (CellReader::Shape(_), Some(unit)) = (reader, &metadata.unit)
            && unit != "deg"
        {
            return Err(invalid(format!(
                "shapes of pgSphere are read in degrees, and not in {unit}: leave out the unit"
            )));
        }
        let planned = PlannedColumn {
            cells: cells(reader, &data_type, list_dimensions(&metadata).as_ref())?,
            is_servers: declared.is_none(),
            data_type,
            metadata,
        };
        Ok((planned, reader == own.reader && own.is_binary()))
    }

    /// The Arrow type for a declared datatype, and how the cells are read.
    fn read_as(&self, vo_type: &VoType) -> Result<(DataType, CellReader)> {
        let ServerType { data_type, reader, .. } = &self.server_type;
        let carrier = vo_type.carrier();
        let is_own = match data_type {
            // The elements of lists are converted later, like those of lists from files.
            DataType::List(_) => vo_type.is_list() && !vo_type.datatype.is_text(),
            DataType::Binary => vo_type.datatype == Datatype::UnsignedByte && vo_type.is_list(),
            own => *own == carrier,
        };
        if is_own {
            return Ok((data_type.clone(), *reader));
        }
        if matches!(vo_type.cell(), CellShape::Texts { .. }) {
            return Err(no_list_of_strings(vo_type, ServerError::SERVER));
        }
        let reader = match is_timestamp(self.type_oid) {
            true => CellReader::TimestampText,
            false => CellReader::Text,
        };
        Ok((carrier, reader))
    }

    /// The metadata of the column: those that the caller gave, completed by the server's.
    fn metadata(&self, given: Option<&ColumnMetadata>) -> ColumnMetadata {
        let mut metadata = given.cloned().unwrap_or_default();
        metadata.description = metadata.description.or_else(|| self.description.clone());
        if metadata.datatype.is_some() {
            return metadata;
        }
        let ServerType { vo_type, xtype, unit, .. } = &self.server_type;
        if let Some((datatype, arraysize)) = vo_type {
            metadata.datatype = Some(*datatype);
            metadata.arraysize = metadata.arraysize.or_else(|| arraysize.clone());
        }
        metadata.xtype = metadata.xtype.or_else(|| xtype.map(str::to_owned));
        metadata.unit = metadata.unit.or_else(|| unit.map(str::to_owned));
        metadata
    }
}
