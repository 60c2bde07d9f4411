//! Which queries can be nested in another query.

use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement, TableFactor};
use sqlparser::dialect::{Dialect, MySqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// The database whose SQL a query is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlSyntax {
    /// SQLite.
    Sqlite,
    /// MySQL and MariaDB, under any `sql_mode`.
    Mysql,
}

/// A table that a query names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlTable {
    /// The database, if the query names it.
    pub database: Option<String>,
    /// The name, without quotes.
    pub name: String,
}

/// Keywords of queries whose rows depend on each other, on their order or on their number, and of nested
/// queries.
const NOT_PLAIN: &[&str] = &[
    "DISTINCT",
    "EXCEPT",
    "GROUP",
    "HAVING",
    "INTERSECT",
    "LIMIT",
    "OFFSET",
    "ORDER",
    "OVER",
    "PARTITION",
    "UNION",
    "VALUES",
    "WINDOW",
    "WITH",
];

/// The same for MySQL; also keywords of queries that lock or write, and functions that need no parentheses.
const NOT_PLAIN_MYSQL: &[&str] =
    &["DISTINCTROW", "FETCH", "FOR", "INTO", "LOCK", "NEXTVAL", "PROCEDURE", "ROWNUM", "SYSDATE"];

/// Returns the query without its semicolon if it is one plain SELECT from tables: without
/// subqueries, groups, order, limit, parameters, variables and comments. Such a query can become a subquery
/// that filters its rows within the database, and no order of rows is lost.
///
/// The query may still be invalid SQL.
///
/// ```
/// use taploom_expressions::{SqlSyntax, plain_select};
///
/// let plain = plain_select("SELECT * FROM t WHERE a < 5;", SqlSyntax::Sqlite);
/// assert_eq!(plain, Some("SELECT * FROM t WHERE a < 5"));
/// assert_eq!(plain_select("SELECT * FROM t ORDER BY a", SqlSyntax::Mysql), None);
/// ```
pub fn plain_select(query: &str, syntax: SqlSyntax) -> Option<&str> {
    if syntax == SqlSyntax::Mysql && !has_one_meaning(query) {
        return None;
    }
    let mut tokens = Tokenizer::new(dialect(syntax), query).tokenize().ok()?;
    tokens.retain(|token| {
        !matches!(
            token,
            Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab)
        )
    });
    let text = query.trim();
    let text = match tokens.last() {
        Some(Token::SemiColon) => {
            tokens.pop();
            text.strip_suffix(';')?.trim_end()
        }
        _ => text,
    };
    let mut tokens = tokens.into_iter();
    let word = |token: &Token| match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    };
    let more: &[&str] = match syntax {
        SqlSyntax::Sqlite => &[],
        SqlSyntax::Mysql => NOT_PLAIN_MYSQL,
    };
    let is_plain_word = |word: String| {
        word != "SELECT" && !NOT_PLAIN.contains(&word.as_str()) && !more.contains(&word.as_str())
    };
    let starts = tokens.next().as_ref().and_then(word).is_some_and(|first| first == "SELECT");
    let is_plain = tokens.all(|token| match &token {
        Token::Whitespace(_)
        | Token::SemiColon
        | Token::Colon
        | Token::Assignment
        | Token::AtSign
        | Token::AtAt
        | Token::Placeholder(_)
        | Token::Question
        | Token::Char(_) => false,
        other => word(other).is_none_or(is_plain_word),
    });
    (starts && is_plain).then_some(text)
}

/// Whether MySQL splits a query into the same words under every `sql_mode` and in every version. Only some modes
/// escape by backslashes, and some comments are executed.
fn has_one_meaning(query: &str) -> bool {
    let is_unclear = |character: char| match character {
        '\\' | '#' => true,
        '\n' | '\r' | '\t' | ' ' => false,
        other => other.is_control() || other.is_whitespace(),
    };
    !query.contains("--") && !query.contains("/*") && !query.contains(is_unclear)
}

/// Returns the tables of a plain query whose select list has only columns of tables, perhaps renamed. `None` if
/// something is calculated, or if that is not certain.
///
/// ```
/// use taploom_expressions::{SqlSyntax, tables_of_columns};
///
/// let tables = tables_of_columns("SELECT a, u.* FROM t, s.u", SqlSyntax::Mysql).unwrap();
/// assert_eq!((tables[0].name.as_str(), tables[1].database.as_deref()), ("t", Some("s")));
/// assert_eq!(tables_of_columns("SELECT rand() FROM t", SqlSyntax::Mysql), None);
/// ```
pub fn tables_of_columns(query: &str, syntax: SqlSyntax) -> Option<Vec<SqlTable>> {
    let statements = Parser::parse_sql(dialect(syntax), query).ok()?;
    let [Statement::Query(query)] = &statements[..] else { return None };
    let SetExpr::Select(select) = &*query.body else { return None };
    let is_of_table = |item: &SelectItem| match item {
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        SelectItem::ExprWithAliases { .. } => false,
    };
    if !select.projection.iter().all(is_of_table) {
        return None;
    }
    let tables = select.from.iter().flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
    });
    let tables = tables.map(named).collect::<Option<Vec<_>>>()?;
    Some(tables).filter(|tables| !tables.is_empty())
}

/// The table, unless it is a subquery, a function or a join in parentheses.
fn named(table: &TableFactor) -> Option<SqlTable> {
    let TableFactor::Table { name, args: None, .. } = table else { return None };
    let parts = name.0.iter().map(|part| Some(part.as_ident()?.value.clone()));
    match &parts.collect::<Option<Vec<_>>>()?[..] {
        [name] => Some(SqlTable { database: None, name: name.clone() }),
        [database, name] => Some(SqlTable { database: Some(database.clone()), name: name.clone() }),
        _ => None,
    }
}

fn dialect(syntax: SqlSyntax) -> &'static dyn Dialect {
    match syntax {
        SqlSyntax::Sqlite => &SQLiteDialect {},
        SqlSyntax::Mysql => &MySqlDialect {},
    }
}
