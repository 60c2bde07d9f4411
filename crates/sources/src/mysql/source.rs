//! Reads the rows of a query in batches.

use std::fmt;

use arrow_array::RecordBatch;
use arrow_schema::Field;
use async_trait::async_trait;
use taploom_expressions::Projection;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};

use super::column::DeclaredColumn;
use super::connection::{MysqlConnection, QueryKiller, is_end, unless_error};
use super::failure::Failure;
use super::row::RowCells;
use crate::column_list::ColumnList;
use crate::server::text_cells::{CellBuilder, CellForm};
use crate::server::{self, BatchLimits, DECLARE_TEXT, UnfinishedBatch, check_count, shown_text};

/// The rows of a running query. At most 128 KiB, besides the kernel's buffers, are read ahead of the current batch.
/// So if the caller stops reading, the server stops sending.
///
/// If it is dropped before the last row, the query is ended in the background. A [`killer`](Self::killer) ends the
/// query from another task.
pub struct MysqlSource {
    connection: MysqlConnection,
    schema: ResultSchema,
    columns: Vec<ColumnBuilder>,
    batch: UnfinishedBatch,
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
        let Self { connection, schema, batch, .. } = self;
        f.debug_struct("MysqlSource")
            .field("connection", connection)
            .field("schema", schema)
            .field("batch", batch)
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
        let batch = UnfinishedBatch::new(limits);
        Self { connection, schema, columns, batch, state: ReadState::Running }
    }

    /// A handle that can end the query.
    pub fn killer(&self) -> QueryKiller {
        self.connection.killer()
    }

    /// Appends rows until the batch is full or the rows end.
    async fn fill(&mut self) -> Result<(), Failure> {
        while !self.batch.is_full() {
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
                            return Err(Failure::Final(error.with_row(self.batch.all_rows() + 1)));
                        }
                    }
                    Some(None) => column.cells.append_null(),
                    None => return Err(Failure::protocol("a row with too few cells")),
                }
            }
            if !cells.is_empty() {
                return Err(Failure::protocol("a row with too many cells"));
            }
            self.batch.add_row(packet.len());
        }
        Ok(())
    }

    fn take_batch(&mut self) -> Result<RecordBatch> {
        let arrays = self.columns.iter_mut().map(|column| column.cells.finish());
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        self.batch.finish(&self.schema, arrays)
    }
}

impl ResultColumns {
    /// The columns that the server declares, with the metadata that the caller gave.
    pub(super) fn new(declared: &[DeclaredColumn], given: Option<&ColumnList>) -> Result<Self> {
        if let Some(list) = given {
            check_count(list, declared.len())?;
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
        let schema = server::schema(fields, metadata, given)?;
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
                return Err(failure.running(self.batch.all_rows()));
            }
        }
        if self.batch.is_empty() {
            return Ok(Step::End(Ending::default()));
        }
        self.take_batch().map(Step::Rows)
    }
}

#[cold]
fn unfit(cell: &[u8], column: &ColumnBuilder, schema: &ResultSchema, index: usize) -> Error {
    let shown = match column.form {
        CellForm::Bits(_) => format!("the bits {cell:02x?}"),
        _ => shown_text(cell),
    };
    let arrow = schema.arrow().field(index).data_type().to_string();
    let remedy = if column.is_servers { DECLARE_TEXT } else { "" };
    server::unfit(&shown, &schema.columns()[index], &arrow, remedy)
}
