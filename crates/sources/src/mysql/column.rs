//! The Arrow type of each column of a result, and the form in which the server writes its cells.

use arrow_schema::{DataType, TimeUnit};
use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::packets::Column;
use taploom_expressions::SqlKind;
use taploom_model::{
    Arraysize, CellShape, ColumnMetadata, Datatype, Error, ErrorKind, Extent, Result, VoType,
};

use super::failure::ServerError;
use super::options::TextTimes;
use crate::server::lists::list_dimensions;
use crate::server::text_cells::{CellForm, cells_of};
use crate::server::{PlannedColumn, Reported, no_list_of_strings};

/// The character set of columns that do not hold text.
const BINARY: u16 = 63;
/// The number of decimals that the server declares for floats without a fixed number of decimals.
const ANY_DECIMALS: u8 = 31;

/// A column as the server declares it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeclaredColumn {
    pub(super) name: String,
    pub(super) server_type: ColumnType,
    /// The Arrow type, unless the caller requests another datatype.
    data_type: DataType,
    /// The VO type, if the Arrow type does not imply it.
    vo_type: Option<(Datatype, Arraysize)>,
    form: CellForm,
    /// How the server compares the cells in a condition.
    pub(super) kind: SqlKind,
    /// Whether the column is a BIT and of no table. MariaDB sends MAX(b) or IF(b, b, b) as a decimal number, and b itself
    /// as bits.
    is_bits_or_number: bool,
}

impl DeclaredColumn {
    pub(super) fn by_server(column: &Column) -> Self {
        use ColumnType::*;

        let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        let text = || (DataType::Utf8, Some((Datatype::Char, Arraysize::FREE)), CellForm::Text);
        let plain = |data_type| (data_type, None, CellForm::Text);
        let signed_or_not = |signed, not| plain(if unsigned { not } else { signed });
        let (data_type, vo_type, form) = match column.column_type() {
            // BOOLEAN is a synonym for TINYINT(1).
            MYSQL_TYPE_TINY if column.column_length() == 1 && !unsigned => plain(DataType::Boolean),
            MYSQL_TYPE_TINY => signed_or_not(DataType::Int16, DataType::UInt8),
            MYSQL_TYPE_YEAR => plain(DataType::Int16),
            MYSQL_TYPE_SHORT => signed_or_not(DataType::Int16, DataType::Int32),
            MYSQL_TYPE_INT24 => plain(DataType::Int32),
            MYSQL_TYPE_LONG => signed_or_not(DataType::Int32, DataType::Int64),
            MYSQL_TYPE_LONGLONG => signed_or_not(DataType::Int64, DataType::UInt64),
            MYSQL_TYPE_FLOAT => plain(DataType::Float32),
            MYSQL_TYPE_DOUBLE => plain(DataType::Float64),
            MYSQL_TYPE_BIT => match column.column_length() {
                width @ (0 | 1) => (DataType::Boolean, None, CellForm::Bits(width)),
                width => {
                    let bits = Arraysize::of_one_dimension(Extent::Fixed(width));
                    let vo_type = (Datatype::Bit, bits);
                    (list(DataType::Boolean), Some(vo_type), CellForm::Bits(width))
                }
            },
            MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => plain(DataType::Date32),
            MYSQL_TYPE_DATETIME
            | MYSQL_TYPE_DATETIME2
            | MYSQL_TYPE_TIMESTAMP
            | MYSQL_TYPE_TIMESTAMP2 => {
                let unit = match column.decimals() {
                    0 => TimeUnit::Second,
                    1..=3 => TimeUnit::Millisecond,
                    _ => TimeUnit::Microsecond,
                };
                (DataType::Timestamp(unit, None), None, CellForm::Datetime)
            }
            MYSQL_TYPE_TIME
            | MYSQL_TYPE_TIME2
            | MYSQL_TYPE_NULL
            | MYSQL_TYPE_DECIMAL
            | MYSQL_TYPE_NEWDECIMAL => text(),
            MYSQL_TYPE_GEOMETRY | MYSQL_TYPE_VECTOR => (DataType::Binary, None, CellForm::Bytes),
            _ if column.character_set() == BINARY => (DataType::Binary, None, CellForm::Bytes),
            _ => plain(DataType::Utf8),
        };
        let kind = kind(column, &data_type);
        let server_type = column.column_type();
        let is_bits_or_number = server_type == MYSQL_TYPE_BIT && column.org_table_str().is_empty();
        let name = column.name_str().into_owned();
        Self { name, server_type, data_type, vo_type, form, kind, is_bits_or_number }
    }

    /// Decides how the column is read, for the metadata that the caller gives.
    pub(super) fn plan(
        &self,
        given: Option<&ColumnMetadata>,
        text_times: TextTimes,
    ) -> Result<PlannedColumn> {
        let data_type = self.data_type(given)?;
        let form = match (self.form, text_times) {
            (CellForm::Datetime, TextTimes::Milliseconds) => CellForm::DatetimeInMilliseconds,
            (form, _) => form,
        };
        let metadata = self.metadata(given);
        Ok(PlannedColumn {
            cells: cells_of(form, &data_type, list_dimensions(&metadata).as_ref())?,
            data_type,
            metadata,
            is_servers: given.is_none_or(|given| given.datatype.is_none()),
        })
    }

    /// The metadata of the column: those that the caller gave, completed by the server's.
    fn metadata(&self, given: Option<&ColumnMetadata>) -> ColumnMetadata {
        let mut metadata = given.cloned().unwrap_or_default();
        if metadata.datatype.is_none()
            && let Some((datatype, arraysize)) = &self.vo_type
        {
            metadata.datatype = Some(*datatype);
            metadata.arraysize.get_or_insert_with(|| arraysize.clone());
        }
        metadata
    }

    /// The Arrow type of the cells: for the requested datatype, or else for the server's type.
    fn data_type(&self, given: Option<&ColumnMetadata>) -> Result<DataType> {
        if self.is_bits_or_number {
            let message = format!(
                "the server does not say whether it sends the BIT of an expression as bits or as a number: write \
                 CAST({} AS UNSIGNED)",
                self.name
            );
            return Err(Error::new(ErrorKind::UnsupportedColumn, message));
        }
        let Some(datatype) = given.and_then(|given| given.datatype) else {
            return Ok(self.data_type.clone());
        };
        let arraysize = given.and_then(|given| given.arraysize.clone());
        let vo_type = VoType { datatype, arraysize, xtype: None };
        let carrier = vo_type.carrier();
        // If the caller requests bytes for a column of bytes, they are not converted.
        let cell = vo_type.cell();
        let is_bytes =
            datatype == Datatype::UnsignedByte && matches!(cell, CellShape::Array { .. });
        if self.form == CellForm::Bytes && is_bytes {
            return Ok(DataType::Binary);
        }
        if matches!(cell, CellShape::Texts { .. }) {
            return Err(no_list_of_strings(&vo_type, ServerError::SERVER));
        }
        Ok(carrier)
    }
}

/// How the server compares the cells of a column for which the caller gives no other type.
fn kind(column: &Column, data_type: &DataType) -> SqlKind {
    use ColumnType::*;

    match column.column_type() {
        MYSQL_TYPE_TINY | MYSQL_TYPE_BIT if *data_type == DataType::Boolean => SqlKind::Boolean,
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
        | MYSQL_TYPE_LONGLONG => SqlKind::Integer,
        // The text of DOUBLE(m,d) is rounded, so the double that arrives may differ from the stored double.
        MYSQL_TYPE_DOUBLE if column.decimals() == ANY_DECIMALS => SqlKind::Real,
        // The server sends only six digits of a FLOAT.
        MYSQL_TYPE_FLOAT if column.decimals() == ANY_DECIMALS => SqlKind::NearReal,
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => SqlKind::Instant,
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 | MYSQL_TYPE_TIMESTAMP
        | MYSQL_TYPE_TIMESTAMP2
            // An index lookup may round a constant to the decimals of the column, and constants are written with 0, 3
            // or 6 decimals.
            if matches!(column.decimals(), 0 | 3 | 6) =>
        {
            SqlKind::Instant
        }
        // MySQL compares JSON as documents and not as text.
        MYSQL_TYPE_VARCHAR | MYSQL_TYPE_VAR_STRING | MYSQL_TYPE_STRING | MYSQL_TYPE_ENUM
        | MYSQL_TYPE_SET | MYSQL_TYPE_TINY_BLOB | MYSQL_TYPE_BLOB | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB
            if *data_type == DataType::Utf8 =>
        {
            SqlKind::Text
        }
        _ => SqlKind::Opaque,
    }
}

fn list(element: DataType) -> DataType {
    DataType::new_list(element, true)
}
