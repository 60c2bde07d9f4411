//! Reads the rows of a query in batches.

use std::fmt;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use taploom_expressions::Projection;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step, counted};

use super::cells::CellBuilder;
use super::column::{CellForm, DeclaredColumn};
use super::connection::{MysqlConnection, QueryKiller, is_end, unless_error};
use super::failure::Failure;
use super::row::RowCells;
use crate::column_list::ColumnList;
use crate::error::invalid;

/// Limits for the size of a batch. A batch is full when it reaches the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Maximum number of rows. 2000 by default.
    pub rows: usize,
    /// Maximum size of the cells in bytes, as the server sends them. One row may exceed it. 4 MiB by default.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows: 2000, bytes: 4 << 20 }
    }
}

/// The rows of a running query. At most 128 KiB, besides the kernel's buffers, are read ahead of the current batch.
/// So if the caller stops reading, the server stops sending.
///
/// If it is dropped before the last row, the query is ended in the background. A [`killer`](Self::killer) ends the
/// query from another task.
pub struct MysqlSource {
    connection: MysqlConnection,
    schema: ResultSchema,
    columns: Vec<ColumnBuilder>,
    limits: BatchLimits,
    rows: u64,
    /// Rows and bytes of the batch that is being filled.
    batch_rows: usize,
    batch_bytes: usize,
    state: ReadState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadState {
    Running,
    Ended,
    Failed,
}

/// The columns of a result: their metadata and the builders of their arrays.
pub(super) struct ResultColumns {
    schema: ResultSchema,
    columns: Vec<ColumnBuilder>,
}

struct ColumnBuilder {
    form: CellForm,
    /// Whether the type was chosen by the server and not by the caller.
    is_servers: bool,
    cells: CellBuilder,
}

impl fmt::Debug for MysqlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, schema, limits, rows, .. } = self;
        f.debug_struct("MysqlSource")
            .field("connection", connection)
            .field("schema", schema)
            .field("limits", limits)
            .field("rows", rows)
            .finish_non_exhaustive()
    }
}

impl MysqlConnection {
    /// Runs a query. `columns` gives names, types and other metadata of the result's columns, by position. What it does
    /// not give is taken from the server.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the query is wrong (with a [`ServerError`](super::ServerError) as the error's
    /// source), if it returns no rows, or if the number of `columns` differs from the result's;
    /// [`ErrorKind::UnsupportedColumn`] for a list of strings; [`ErrorKind::Source`] if the server or the connection
    /// fails.
    pub async fn query(
        self,
        query: &str,
        columns: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<MysqlSource> {
        self.rows_of(query, columns, limits).await.map_err(|failure| failure.running(0))
    }

    pub(super) async fn rows_of(
        mut self,
        query: &str,
        given: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<MysqlSource, Failure> {
        let declared = match self.columns_of(query).await {
            Ok(declared) => declared,
            Err(failure) => return Err(self.settle(failure)),
        };
        let columns = ResultColumns::new(&declared, given).map_err(Failure::Final)?;
        Ok(MysqlSource::new(self, columns, limits))
    }
}

impl MysqlSource {
    /// Reads the rows of the query that runs on `connection`, after its column definitions were read.
    pub(super) fn new(
        connection: MysqlConnection,
        columns: ResultColumns,
        limits: BatchLimits,
    ) -> Self {
        let ResultColumns { schema, columns } = columns;
        Self {
            connection,
            schema,
            columns,
            limits: BatchLimits { rows: limits.rows.max(1), ..limits },
            rows: 0,
            batch_rows: 0,
            batch_bytes: 0,
            state: ReadState::Running,
        }
    }

    /// A handle that can end the query.
    pub fn killer(&self) -> QueryKiller {
        self.connection.killer()
    }

    /// Appends rows until the batch is full or the rows end.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.batch_rows < self.limits.rows && self.batch_bytes < self.limits.bytes {
            let packet = unless_error(self.connection.wire.packet().await?)?;
            if is_end(packet) {
                self.state = ReadState::Ended;
                self.connection.is_busy = false;
                break;
            }
            let mut cells = RowCells::new(packet);
            for (index, column) in self.columns.iter_mut().enumerate() {
                match cells.cell() {
                    Some(Some(cell)) => {
                        if column.cells.append(cell).is_err() {
                            let error = unfit(cell, column, &self.schema, index);
                            return Err(Failure::Final(error.with_row(self.rows + 1)));
                        }
                    }
                    Some(None) => column.cells.append_null(),
                    None => return Err(Failure::protocol("a row with too few cells")),
                }
            }
            if !cells.is_empty() {
                return Err(Failure::protocol("a row with too many cells"));
            }
            self.rows += 1;
            self.batch_rows += 1;
            self.batch_bytes += packet.len();
        }
        Ok(())
    }

    fn take_batch(&mut self) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch_rows));
        self.batch_rows = 0;
        self.batch_bytes = 0;
        let arrays = self.columns.iter_mut().map(|column| column.cells.finish());
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let schema = Arc::clone(self.schema.arrow());
        RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|error| {
            Error::new(ErrorKind::Internal, "can't make a batch of the rows of MySQL")
                .with_source(error)
        })
    }
}

impl ResultColumns {
    /// The columns that the server declares, with the metadata that the caller gave.
    pub(super) fn new(declared: &[DeclaredColumn], given: Option<&ColumnList>) -> Result<Self> {
        if let Some(list) = given
            && list.columns.len() != declared.len()
        {
            return Err(invalid(format!(
                "the query gives {}, but {} declared; columns are declared by position: declare every one",
                counted(declared.len() as u64, "column"),
                match list.columns.len() {
                    1 => "1 is".to_owned(),
                    number => format!("{number} are"),
                }
            )));
        }
        let mut columns = Vec::with_capacity(declared.len());
        let mut fields = Vec::with_capacity(declared.len());
        let mut metadata = Vec::with_capacity(declared.len());
        for (index, column) in declared.iter().enumerate() {
            let given = given.map(|list| &list.columns[index]);
            let builder = || {
                let data_type = column.data_type(given)?;
                let cells = CellBuilder::new(column.form, &data_type, 0)?;
                Ok((data_type, cells))
            };
            let name = given.and_then(|given| given.name.as_ref()).unwrap_or(&column.name);
            let (data_type, cells) = builder().map_err(|error: Error| error.with_column(name))?;
            let is_servers = given.is_none_or(|given| given.datatype.is_none());
            columns.push(ColumnBuilder { form: column.form, is_servers, cells });
            metadata.push(column.metadata(given));
            fields.push(Field::new(&column.name, data_type, true));
        }
        let arrow = Arc::new(Schema::new(fields));
        let schema = match given {
            Some(list) => ColumnList { columns: metadata, ..list.clone() }.describe(arrow)?,
            None => ResultSchema::new(arrow, metadata)?,
        };
        Ok(Self { schema, columns })
    }

    pub(super) fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    /// Whether the type of a column was chosen by the server and not by the caller.
    pub(super) fn is_servers(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.is_servers)
    }

    /// The columns at these positions, which have to be in ascending order.
    pub(super) fn picked(self, picked: &[usize]) -> Result<Self> {
        let projection =
            Projection::new(&self.schema, picked.iter().map(|column| (*column, None)).collect())?;
        let columns = self.columns.into_iter().enumerate();
        let columns = columns
            .filter(|(index, _)| picked.binary_search(index).is_ok())
            .map(|(_, column)| column);
        Ok(Self { schema: projection.schema().clone(), columns: columns.collect() })
    }
}

#[async_trait]
impl RowSource for MysqlSource {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        if self.state == ReadState::Failed {
            return Err(Error::new(
                ErrorKind::Misuse,
                "rows were asked of a query that has failed",
            ));
        }
        if self.state == ReadState::Running {
            let filled = self.fill().await;
            if let Err(failure) = filled {
                self.state = ReadState::Failed;
                let failure = self.connection.settle(failure);
                return Err(failure.running(self.rows));
            }
        }
        if self.batch_rows == 0 {
            return Ok(Step::End(Ending::default()));
        }
        self.take_batch().map(Step::Rows)
    }
}

#[cold]
fn unfit(cell: &[u8], column: &ColumnBuilder, schema: &ResultSchema, index: usize) -> Error {
    const SHOWN: usize = 40;
    let shown = match str::from_utf8(cell) {
        _ if matches!(column.form, CellForm::Bits(_)) => format!("the bits {cell:02x?}"),
        Ok(text) if text.chars().count() <= SHOWN => format!("{text:?}"),
        Ok(text) => {
            let short: String = text.chars().take(SHOWN).collect();
            format!("{short:?}... ({} bytes)", cell.len())
        }
        Err(_) => format!("text that is not UTF-8 ({} bytes)", cell.len()),
    };
    let field = &schema.columns()[index];
    let into = match field.vo_type() {
        Ok(vo_type) => match vo_type.xtype.as_deref() {
            Some(xtype) => format!("{xtype} ({vo_type})"),
            None => vo_type.to_string(),
        },
        Err(_) => schema.arrow().field(index).data_type().to_string(),
    };
    let remedy = if column.is_servers {
        ", the datatype for the server's type; give another one with --columns: char with arraysize * takes any text"
    } else {
        ""
    };
    Error::new(ErrorKind::InvalidValue, format!("{shown} does not fit into {into}{remedy}"))
        .with_column(field.name())
}
