//! Lets the server choose the wanted columns and rows.
//!
//! The query becomes the subquery of a new query that selects from it ([`Pushdown`]). The server describes the
//! columns of both queries without running them. If it refuses the new query, or if the columns differ, the original
//! query runs. Rows are filtered again afterwards, so the condition in SQL may be true for other rows too; but it has
//! to be true for all wanted rows, under any settings of the server. Several things could prevent that:
//!
//! - **Text** is compared by a collation, in which `'a' = 'A '` may be true. Only `=` and IN use the collation, since
//!   identical texts are equal in every collation. Other comparisons convert the text to UTF-8 and compare bytes.
//! - **`sql_mode`** decides what backslashes, double quotes and empty literals mean, so the condition contains none of
//!   them, and a query with a backslash is not changed.
//! - **FLOAT** cells arrive with only six digits, so they are compared with a tolerance ([`SqlKind::NearReal`]).
//! - **Expressions** in the select list, such as `RAND()`, might be evaluated twice, with different values. So the
//!   select list may contain only columns, and the tables must not be views, which can hide expressions.
//! - **Storage engines** that evaluate conditions themselves may compare differently, so only common engines are
//!   accepted.

use std::collections::HashSet;

use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use mysql_common::constants::ColumnType;
use taploom_expressions::{
    SqlColumn, SqlDialect, SqlKind, SqlSyntax, SqlTable, SqlValue, plain_select, tables_of_columns,
};
use taploom_model::Result;

use super::column::DeclaredColumn;
use super::connection::MysqlConnection;
use super::failure::Failure;
use super::options::{MysqlOptions, Session};
use super::source::{MysqlSource, planned};
use crate::pushdown::{ColumnNames, Pushdown, as_table};
use crate::request::Request;
use crate::server::{BatchLimits, Reported, ResultColumns};

/// Runs a query for the wanted columns and rows of a request. The result may still contain other rows. `None` if the
/// original query has to run, on a new connection.
///
/// # Errors
/// The same as [`MysqlConnection::connect`] and [`MysqlConnection::query`].
pub(super) async fn rows(
    options: &MysqlOptions,
    query: &str,
    request: &Request<'_>,
    limits: BatchLimits,
) -> Result<Option<MysqlSource>> {
    let Some(plain) = PlainQuery::of(options, query, request) else { return Ok(None) };
    let mut connection = MysqlConnection::connect(options).await?;
    // A proxy that does not support prepared statements may not answer.
    let described = plain.pushed(&mut connection, request);
    let pushed = match tokio::time::timeout(options.connect_timeout, described).await {
        Ok(Ok(pushed)) => pushed,
        Ok(Err(Failure::Server(_))) => None,
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    let is_pushed = pushed.is_some();
    let started = match pushed {
        Some(pushed) => connection.rows_pushed(pushed, limits).await,
        None => connection.rows_of(query, request.columns.as_ref(), limits).await.map(Some),
    };
    match started {
        Ok(source) => Ok(source),
        Err(failure) if failure.may_pass() => Ok(None),
        // For example a time limit, which the original query would exceed as well.
        Err(Failure::Server(error)) if error.is_of_the_server() => {
            Err(Failure::Server(error).running(0))
        }
        Err(_) if is_pushed => Ok(None),
        Err(failure) => Err(failure.running(0)),
    }
}

/// A query that can become a subquery.
struct PlainQuery<'q> {
    text: &'q str,
    tables: Vec<SqlTable>,
}

/// A query for the wanted columns and rows, which the server accepts.
struct PushedQuery {
    sql: String,
    declared: Vec<DeclaredColumn>,
    columns: ResultColumns,
}

impl<'q> PlainQuery<'q> {
    fn of(options: &MysqlOptions, query: &'q str, request: &Request<'_>) -> Option<Self> {
        let is_chosen = request.select.is_some() || request.condition.is_some();
        // Servers without SET, such as Qserv, may not support subqueries either. And conditions assume times in UTC.
        if !is_chosen || options.session != Session::UtcReadOnly {
            return None;
        }
        let text = plain_select(query, SqlSyntax::Mysql)?;
        let tables = tables_of_columns(text, SqlSyntax::Mysql)?;
        Some(Self { text, tables })
    }

    /// Makes the new query around this one. `None` if it could return wrong rows, or if it would gain nothing.
    async fn pushed(
        &self,
        connection: &mut MysqlConnection,
        request: &Request<'_>,
    ) -> Result<Option<PushedQuery>, Failure> {
        let declared = connection.describe(self.text).await?;
        // The original query will report the error.
        let text_times = connection.options().text_times;
        let Ok(columns) = planned(&declared, request.columns.as_ref(), text_times) else {
            return Ok(None);
        };
        // A sample needs its key columns, which the list may leave out.
        let select = request.select.as_ref().filter(|_| request.sample.is_none());
        let condition = request.condition.as_ref();
        let Some(pushdown) = Pushdown::bind(columns.schema(), select, condition) else {
            return Ok(None);
        };
        let names = declared.iter().map(|column| column.name.as_str());
        let mut dialect = Mysql {
            declared: &declared,
            columns: &columns,
            names: &ColumnNames::new(names, '`'),
            indexed: HashSet::new(),
        };
        let kind = |column: &usize| dialect.kind(*column);
        let texts = pushdown.condition_columns().iter().copied();
        let texts: Vec<_> = texts.filter(|column| kind(column) == SqlKind::Text).collect();
        let mut facts = connection.first_row(&self.facts(dialect.names, &texts)).await?.into_iter();
        if facts.next().flatten().as_deref() != Some("1") {
            return Ok(None);
        }
        let is_known = |charset: &Option<String>| {
            charset.as_ref().is_some_and(|charset| CHARSETS.contains(&charset.as_str()))
        };
        let known = texts.iter().zip(facts).filter(|(_, charset)| is_known(charset));
        dialect.indexed = known.map(|(column, _)| *column).collect();
        let Some(sql) = pushdown.query(self.text, dialect.names, &mut dialect) else {
            return Ok(None);
        };
        let picked = pushdown.columns();
        let declared: Vec<_> = picked.iter().map(|column| declared[*column].clone()).collect();
        let columns = columns.picked(picked).ok();
        let is_same = connection.describe(&sql).await? == declared;
        let columns = columns.filter(|_| is_same);
        Ok(columns.map(|columns| PushedQuery { sql, declared, columns }))
    }

    /// A query for what has to be known of the server. Its first cell is 1 if the settings and the tables allow the
    /// subquery. The other cells are the character sets of the text columns.
    fn facts(&self, names: &ColumnNames<'_>, texts: &[usize]) -> String {
        let mut sql =
            "SELECT @@character_set_client = 'utf8mb4' AND @@character_set_results = 'utf8mb4' \
                       AND @@optimizer_switch LIKE '%derived_merge=on%'"
                .to_owned();
        for SqlTable { database, name } in &self.tables {
            let database = database.as_deref().map_or_else(|| "DATABASE()".to_owned(), literal);
            sql.push_str(&format!(
                " AND (SELECT GROUP_CONCAT(TABLE_TYPE, ' ', ENGINE) FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = {database} AND TABLE_NAME = {}) IN ({ORDINARY})",
                literal(name)
            ));
        }
        for column in texts {
            let (name, table) = (names.qualified(*column), as_table(self.text));
            sql.push_str(&format!(", CHARSET((SELECT {name} FROM {table} LIMIT 0))"));
        }
        sql
    }
}

/// Types and storage engines of tables for which the server itself evaluates conditions.
const ORDINARY: &str = "'BASE TABLE InnoDB', 'BASE TABLE MyISAM', 'BASE TABLE Aria', 'BASE TABLE MEMORY', \
                        'BASE TABLE ROCKSDB'";

/// Character sets in which every text has a single encoding. In others, such as cp932, different bytes can encode the
/// same character.
const CHARSETS: [&str; 5] = ["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii"];

impl MysqlConnection {
    /// Runs the query. `None` if its columns have changed since the server described them.
    async fn rows_pushed(
        mut self,
        pushed: PushedQuery,
        limits: BatchLimits,
    ) -> Result<Option<MysqlSource>, Failure> {
        match self.columns_of(&pushed.sql).await {
            Ok(declared) if declared == pushed.declared => {
                Ok(Some(MysqlSource::new(self, pushed.columns, limits)))
            }
            Ok(_) => Ok(None),
            Err(failure) => Err(self.settle(failure)),
        }
    }
}

/// Writes conditions in MySQL's SQL.
struct Mysql<'a> {
    declared: &'a [DeclaredColumn],
    columns: &'a ResultColumns,
    names: &'a ColumnNames<'a>,
    /// Text columns that can be compared without a conversion, so that the server can use an index.
    indexed: HashSet<usize>,
}

impl Mysql<'_> {
    fn kind(&self, column: usize) -> SqlKind {
        match self.declared.get(column) {
            // The server would compare cells in its own type, not in the type that the caller gave.
            Some(declared) if self.columns.is_servers(column) => declared.kind,
            _ => SqlKind::Opaque,
        }
    }
}

impl SqlDialect for Mysql<'_> {
    fn column(&self, column: usize) -> Option<SqlColumn> {
        let (name, kind) = (self.names.qualified(column), self.kind(column));
        if kind != SqlKind::Text {
            return Some(SqlColumn { name, kind, bytewise: None });
        }
        let bytewise = format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)");
        let name = if self.indexed.contains(&column) { name } else { bytewise.clone() };
        Some(SqlColumn { name, kind, bytewise: Some(bytewise) })
    }

    fn value(&mut self, column: usize, value: SqlValue) -> Option<String> {
        Some(match value {
            SqlValue::Integer(integer) => integer.to_string(),
            // A literal without an exponent is a DECIMAL.
            SqlValue::Real(real) => format!("{real:e}"),
            SqlValue::Text(text) => literal(&text),
            SqlValue::Instant(micros) => {
                let within = match self.declared.get(column)?.server_type {
                    ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => {
                        TIMESTAMPS
                    }
                    _ => DATETIMES,
                };
                let instant = timestamp_us_to_datetime(micros);
                let instant = instant.filter(|_| within.contains(&micros.div_euclid(1_000_000)))?;
                format!("TIMESTAMP'{}'", instant.format("%Y-%m-%d %H:%M:%S%.f"))
            }
            _ => return None,
        })
    }
}

/// Seconds since 1970 of DATE and DATETIME: the years from 1000 to 9999.
const DATETIMES: std::ops::Range<i64> = -30_610_224_000..253_402_300_800;
/// Seconds since 1970 of TIMESTAMP: the years from 1971 to 2037. An index can't be searched for times outside its
/// range.
const TIMESTAMPS: std::ops::Range<i64> = 31_536_000..2_145_916_800;

/// A literal that means the same text under every `sql_mode`: backslashes may escape, and an empty literal may be null.
fn literal(text: &str) -> String {
    use std::fmt::Write as _;

    let is_unclear = |character: char| character == '\\' || character.is_control();
    if !text.is_empty() && !text.contains(is_unclear) {
        return format!("_utf8mb4'{}'", text.replace('\'', "''"));
    }
    let mut sql = "_utf8mb4 X'".to_owned();
    for byte in text.bytes() {
        // Writing to memory does not fail.
        let _ = write!(sql, "{byte:02x}");
    }
    sql.push('\'');
    sql
}
