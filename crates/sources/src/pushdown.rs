//! Makes queries with which a database itself chooses the wanted columns and rows.
//!
//! The given query becomes the subquery of a new query. The new query names the wanted columns, and has the part of the
//! condition that the database evaluates in the same way as Taploom. The rows that arrive are filtered again, so the
//! database may send too many rows, but never too few.

use taploom_expressions::{Condition, Predicate, SelectList, SqlDialect};
use taploom_model::ResultSchema;

/// The name of the subquery.
const ALIAS: &str = "taploom";

/// The columns and rows that are wanted of a query.
pub(crate) struct Pushdown {
    /// The positions of the columns that have to be read, ascending.
    columns: Vec<usize>,
    predicate: Option<Predicate>,
}

impl Pushdown {
    /// Resolves the columns and the condition against the schema of the query. `None` if they are wrong; the error is
    /// reported later, when the rows are filtered.
    pub(crate) fn bind(
        schema: &ResultSchema,
        select: Option<&SelectList>,
        condition: Option<&Condition>,
    ) -> Option<Self> {
        let predicate = match condition {
            Some(condition) => Some(condition.bind(schema).ok()?),
            None => None,
        };
        let Some(select) = select else {
            return Some(Self { columns: (0..schema.columns().len()).collect(), predicate });
        };
        let mut columns = select.bind(schema).ok()?.columns().to_vec();
        columns.extend(predicate.iter().flat_map(Predicate::columns));
        columns.sort_unstable();
        columns.dedup();
        Some(Self { columns, predicate })
    }

    /// The positions of the columns that have to be read, ascending.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The positions of the columns that the condition names, ascending.
    #[cfg(feature = "mysql")]
    pub(crate) fn condition_columns(&self) -> &[usize] {
        self.predicate.as_ref().map(Predicate::columns).unwrap_or_default()
    }

    /// Makes the new query around `query`, whose columns have these names. `None` if it would return the same rows and
    /// columns.
    pub(crate) fn query(
        &self,
        query: &str,
        names: &ColumnNames<'_>,
        dialect: &mut dyn SqlDialect,
    ) -> Option<String> {
        let rows = self.predicate.as_ref().and_then(|predicate| predicate.to_sql(dialect));
        if rows.is_none() && self.columns.len() == names.names.len() {
            return None;
        }
        let listed: Vec<_> = self
            .columns
            .iter()
            .map(|column| format!("{} AS {}", names.qualified(*column), names.quoted(*column)))
            .collect();
        let mut sql = format!("SELECT {} FROM {}", listed.join(", "), as_table(query));
        if let Some(rows) = rows {
            sql.push_str(" WHERE ");
            sql.push_str(&rows);
        }
        Some(sql)
    }
}

/// A query as the table of another one.
pub(crate) fn as_table(query: &str) -> String {
    format!("(\n{query}\n) AS {ALIAS}")
}

/// The names of a query's columns, and the character that quotes names.
pub(crate) struct ColumnNames<'a> {
    names: Vec<&'a str>,
    quote: char,
}

impl<'a> ColumnNames<'a> {
    pub(crate) fn new(names: impl Iterator<Item = &'a str>, quote: char) -> Self {
        Self { names: names.collect(), quote }
    }

    /// A column with its table. SQLite takes an unknown name in double quotes for text if it has no table.
    pub(crate) fn qualified(&self, column: usize) -> String {
        format!("{ALIAS}.{}", self.quoted(column))
    }

    fn quoted(&self, column: usize) -> String {
        let quote = self.quote;
        let name = self.names.get(column).copied().unwrap_or_default();
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }
}
