//! Lets SQLite choose the wanted columns and rows.
//!
//! The query becomes the subquery of a new query that selects from it ([`Pushdown`]), for which SQLite can use its
//! indexes.
//!
//! In SQLite each cell has a type. A row can be read only if each of its cells has the type of its column
//! ([`CellBuilder`](super::column::CellBuilder)). So SQLite has to compare only such cells in the same way as Taploom
//! does: integers with integers, doubles with doubles, and text byte by byte, if the database is in UTF-8. This is
//! certain if two conditions hold. The columns come from ordinary tables, so that their affinity follows from their
//! declaration. And they have a declared type, so that the type does not depend on the first rows.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, Statement};
use taploom_expressions::{
    Condition, SelectList, SqlColumn, SqlDialect, SqlKind, SqlSyntax, SqlValue, plain_select,
};
use taploom_model::{Datatype, ResultSchema};

use super::ResultColumn;
use super::column::CellType;
use crate::pushdown::{ColumnNames, Pushdown};

/// A query for the wanted columns and rows.
pub(super) struct Pushed {
    pub(super) sql: String,
    /// The values of its parameters, and possibly more values after them.
    pub(super) values: Vec<Value>,
    /// The positions of its columns in the query that was given.
    pub(super) columns: Vec<usize>,
}

impl Pushed {
    /// The query to run instead of `query`, whose columns are `columns` with the schema `schema`. `None` if another
    /// query could return wrong rows, or would gain nothing.
    pub(super) fn of(
        connection: &Connection,
        query: &str,
        columns: &[ResultColumn],
        schema: &ResultSchema,
        select: Option<&SelectList>,
        condition: Option<&Condition>,
    ) -> Option<Self> {
        let query = plain_select(query, SqlSyntax::Sqlite)?;
        let pushdown = Pushdown::bind(schema, select, condition)?;
        let picked = pushdown.columns();
        let is_declared =
            |column: &usize| !matches!(columns[*column].cell_type, None | Some(CellType::Blob));
        if !picked.iter().all(is_declared) {
            return None;
        }
        // SQLite ignores case in names.
        let names: HashSet<_> =
            columns.iter().map(|column| column.name.to_ascii_lowercase()).collect();
        let is_of_tables = are_of_tables(connection, query, columns, picked).ok()?;
        if names.len() < columns.len() || !is_of_tables {
            return None;
        }
        let is_utf8 = connection
            .query_row("PRAGMA encoding", [], |row| row.get::<_, String>(0))
            .is_ok_and(|encoding| encoding == "UTF-8");
        let names = ColumnNames::new(columns.iter().map(|column| column.name.as_str()), '"');
        let mut dialect = Sqlite { columns, names: &names, is_utf8, values: Vec::new() };
        let sql = pushdown.query(query, &names, &mut dialect)?;
        Some(Self { sql, values: dialect.values, columns: picked.to_vec() })
    }

    /// Whether the columns of `statement`, which is to replace `given`, have the same names, declarations and origins
    /// as there.
    pub(super) fn has_columns_of(&self, statement: &Statement<'_>, given: &Statement<'_>) -> bool {
        let described = |statement: &Statement<'_>| -> Vec<_> {
            let columns = statement.columns().zip(statement.columns_with_metadata());
            let owned = |text: Option<&str>| text.map(str::to_owned);
            columns
                .map(|(column, origin)| {
                    let (table, name) = (owned(origin.table_name()), owned(origin.origin_name()));
                    (column.name().to_owned(), owned(column.decl_type()), table, name)
                })
                .collect()
        };
        let (all, chosen) = (described(given), described(statement));
        chosen.len() == self.columns.len()
            && self
                .columns
                .iter()
                .zip(&chosen)
                .all(|(column, chosen)| all.get(*column) == Some(chosen))
    }
}

/// Whether all picked columns come from ordinary tables. A virtual table may store values of any type, whatever it
/// declares. A view may combine columns of several types.
fn are_of_tables(
    connection: &Connection,
    query: &str,
    columns: &[ResultColumn],
    picked: &[usize],
) -> rusqlite::Result<bool> {
    // For a column of a view, SQLite names the underlying table as its origin. So the query must not name any view.
    let views = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'view' \
         AND (instr(lower(?1), lower(name)) OR name GLOB '*[\"`]*' OR instr(name, ']'))",
        [query],
        |row| row.get::<_, i64>(0),
    )?;
    if views > 0 {
        return Ok(false);
    }
    let mut ordinary = connection.prepare(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?1 COLLATE NOCASE",
    )?;
    for column in picked {
        let Some(table) = &columns[*column].table else { return Ok(false) };
        if ordinary.query_row([table], |row| row.get::<_, i64>(0))? != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes conditions in SQLite's SQL, with parameters for the values.
struct Sqlite<'a> {
    columns: &'a [ResultColumn],
    names: &'a ColumnNames<'a>,
    is_utf8: bool,
    values: Vec<Value>,
}

impl SqlDialect for Sqlite<'_> {
    fn column(&self, column: usize) -> Option<SqlColumn> {
        let ResultColumn { cell_type, is_given, metadata, .. } = self.columns.get(column)?;
        let kind = match cell_type {
            // SQLite would compare in the declared type, not in the type that the request gives.
            _ if *is_given => SqlKind::Opaque,
            Some(CellType::Long) => SqlKind::Integer,
            // SQLite compares doubles, and here their nearest floats are compared.
            Some(CellType::Double) if metadata.datatype == Some(Datatype::Float) => {
                SqlKind::NearReal
            }
            Some(CellType::Double) => SqlKind::Real,
            Some(CellType::Boolean) => SqlKind::Boolean,
            Some(CellType::Text) if self.is_utf8 => SqlKind::Text,
            _ => SqlKind::Opaque,
        };
        let name = self.names.qualified(column);
        // The column may be declared with another collation.
        let bytewise = (kind == SqlKind::Text).then(|| format!("{name} COLLATE BINARY"));
        Some(SqlColumn { name, kind, bytewise })
    }

    fn value(&mut self, _column: usize, value: SqlValue) -> Option<String> {
        self.values.push(match value {
            SqlValue::Integer(integer) => Value::Integer(integer),
            SqlValue::Real(real) => Value::Real(real),
            SqlValue::Text(text) => Value::Text(text),
            _ => return None,
        });
        Some(format!("?{}", self.values.len()))
    }
}
