//! Asks the server for the columns of a query without running it, and for single values.

use mysql_common::packets::StmtPacket;

use super::column::DeclaredColumn;
use super::connection::{MysqlConnection, is_end, unless_error};
use super::failure::Failure;
use super::handshake::parsed;
use super::row::RowCells;

/// The command COM_STMT_PREPARE.
const PREPARE: u8 = 0x16;
/// The command COM_STMT_CLOSE, which the server does not answer.
const CLOSE: u8 = 0x19;

impl MysqlConnection {
    /// The columns of a query, which is not run. Empty for a statement that returns no rows.
    pub(super) async fn describe(&mut self, query: &str) -> Result<Vec<DeclaredColumn>, Failure> {
        let described = self.prepare_and_close(query).await;
        self.settled(described)
    }

    /// The cells of the first row of a query.
    pub(super) async fn first_row(&mut self, query: &str) -> Result<Vec<Option<String>>, Failure> {
        let row = self.run_and_drain(query).await;
        self.settled(row)
    }

    async fn prepare_and_close(&mut self, query: &str) -> Result<Vec<DeclaredColumn>, Failure> {
        let statement: StmtPacket = parsed(self.ask(PREPARE, query).await?)?;
        // An empty list has no packet at its end.
        if statement.num_params() > 0 {
            self.declared(statement.num_params().into()).await?;
        }
        let columns = match statement.num_columns() {
            0 => Vec::new(),
            count => self.declared(count.into()).await?,
        };
        let mut close = vec![CLOSE];
        close.extend_from_slice(&statement.statement_id().to_le_bytes());
        self.wire.command(&close).await?;
        Ok(columns)
    }

    async fn run_and_drain(&mut self, query: &str) -> Result<Vec<Option<String>>, Failure> {
        let columns = self.columns_of(query).await?.len();
        let mut first = None;
        loop {
            let packet = unless_error(self.wire.packet().await?)?;
            if is_end(packet) {
                return Ok(first.unwrap_or_default());
            }
            let mut cells = RowCells::new(packet);
            let cells = (0..columns).map(|_| {
                let text = |cell| String::from_utf8_lossy(cell).into_owned();
                cells.cell().map(|cell| cell.map(text))
            });
            let row = cells.collect::<Option<Vec<_>>>();
            let row = row.ok_or_else(|| Failure::protocol("a row with too few cells"))?;
            first.get_or_insert(row);
        }
    }
}
