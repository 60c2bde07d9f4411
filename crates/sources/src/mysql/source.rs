//! The rows of a query, batch by batch.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};

use super::cells::CellBuilder;
use super::column::{Declared, Form};
use super::connection::{MysqlConnection, QueryKiller, is_end};
use super::failure::{Failure, ServerError};
use super::handshake::first_byte;
use super::row::Cells;
use crate::column_list::ColumnList;
use crate::error::invalid;

/// When a batch is full: at whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Rows at most. 2000.
    pub rows: usize,
    /// Bytes of cells, as they come from the server; one row may go beyond. 4 MiB.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows: 2000, bytes: 4 << 20 }
    }
}

/// The rows of a query that runs. Nothing is read ahead of the batch in hand but what fits into 128 KiB and
/// the buffers of the kernel, so a reader that stops stops the server.
///
/// Dropping it before the last row ends the query, in the background; [`killer`](Self::killer) ends it from
/// another task.
pub struct MysqlSource {
    connection: MysqlConnection,
    schema: ResultSchema,
    columns: Vec<Builder>,
    limits: BatchLimits,
    rows: u64,
    /// Of the batch in the making.
    batch_rows: usize,
    batch_bytes: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Ended,
    Failed,
}

struct Builder {
    form: Form,
    /// Whether the type is the server's and not the caller's.
    is_servers: bool,
    cells: CellBuilder,
}

impl MysqlSource {
    pub(super) fn new(
        connection: MysqlConnection,
        declared: Vec<Declared>,
        given: Option<&ColumnList>,
        limits: BatchLimits,
    ) -> Result<Self> {
        if let Some(list) = given
            && list.columns.len() != declared.len()
        {
            return Err(invalid(format!(
                "the query gives {} columns and {} are declared; they go by position",
                declared.len(),
                list.columns.len()
            )));
        }
        let given_of = |index: usize| given.map(|list| &list.columns[index]);
        let limits = BatchLimits { rows: limits.rows.max(1), ..limits };
        let mut columns = Vec::with_capacity(declared.len());
        let mut fields = Vec::with_capacity(declared.len());
        let mut metadata = Vec::with_capacity(declared.len());
        for (index, column) in declared.into_iter().enumerate() {
            let given = given_of(index);
            let builder = || {
                let data_type = column.data_type(given)?;
                let cells = CellBuilder::new(column.form, &data_type, 0)?;
                Ok((data_type, cells))
            };
            let name = given.and_then(|given| given.name.as_ref()).unwrap_or(&column.name);
            let (data_type, cells) = builder().map_err(|error: Error| error.with_column(name))?;
            let is_servers = given.is_none_or(|given| given.datatype.is_none());
            columns.push(Builder { form: column.form, is_servers, cells });
            metadata.push(column.metadata(given));
            fields.push(Field::new(&column.name, data_type, true));
        }
        let arrow = Arc::new(Schema::new(fields));
        let schema = match given {
            Some(list) => ColumnList { columns: metadata, ..list.clone() }.describe(arrow)?,
            None => ResultSchema::new(arrow, metadata)?,
        };
        Ok(Self {
            connection,
            schema,
            columns,
            limits,
            rows: 0,
            batch_rows: 0,
            batch_bytes: 0,
            state: State::Running,
        })
    }

    /// A handle that ends the query.
    pub fn killer(&self) -> QueryKiller {
        self.connection.killer()
    }

    /// Appends rows until the batch is full or there are no more.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.batch_rows < self.limits.rows && self.batch_bytes < self.limits.bytes {
            let packet = self.connection.wire.packet().await?;
            if is_end(packet) {
                self.state = State::Ended;
                self.connection.is_busy = false;
                break;
            }
            if packet.first() == Some(&first_byte::ERROR) {
                return Err(Failure::Server(ServerError::parse(packet)));
            }
            let mut cells = Cells::new(packet);
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
            Error::new(ErrorKind::Internal, "rows of MySQL do not make a batch").with_source(error)
        })
    }
}

#[async_trait]
impl RowSource for MysqlSource {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        if self.state == State::Failed {
            return Err(Error::new(
                ErrorKind::Misuse,
                "rows were asked of a query that has failed",
            ));
        }
        if self.state == State::Running {
            let filled = self.fill().await;
            if let Err(failure) = filled {
                self.state = State::Failed;
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
fn unfit(cell: &[u8], column: &Builder, schema: &ResultSchema, index: usize) -> Error {
    const SHOWN: usize = 40;
    let shown = match str::from_utf8(cell) {
        _ if matches!(column.form, Form::Bits(_)) => format!("the bits {cell:02x?}"),
        Ok(text) if text.chars().count() <= SHOWN => format!("{text:?}"),
        Ok(text) => {
            let short: String = text.chars().take(SHOWN).collect();
            format!("{short:?}... ({} bytes)", cell.len())
        }
        Err(_) => format!("what is not UTF-8 ({} bytes)", cell.len()),
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
        ", which the server's type stands for; declare another datatype, char for any text"
    } else {
        ""
    };
    Error::new(ErrorKind::InvalidValue, format!("{shown} does not fit into {into}{remedy}"))
        .with_column(field.name())
}
