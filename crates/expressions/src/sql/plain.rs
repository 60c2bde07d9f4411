//! Which SQLite queries can be nested in another query.

use sqlparser::dialect::SQLiteDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

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

/// Returns the SQLite query without its semicolon if it is one plain SELECT from tables: without
/// subqueries, groups, order, limit, parameters, variables and comments. Such a query can become a subquery
/// that filters its rows within the database, and no order of rows is lost.
///
/// The query may still be invalid SQL.
///
/// ```
/// use taploom_expressions::plain_select;
///
/// let plain = plain_select("SELECT * FROM t WHERE a < 5;");
/// assert_eq!(plain, Some("SELECT * FROM t WHERE a < 5"));
/// assert_eq!(plain_select("SELECT * FROM t ORDER BY a"), None);
/// ```
pub fn plain_select(query: &str) -> Option<&str> {
    let mut tokens = Tokenizer::new(&SQLiteDialect {}, query).tokenize().ok()?;
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
        other => {
            word(other).is_none_or(|word| word != "SELECT" && !NOT_PLAIN.contains(&word.as_str()))
        }
    });
    (starts && is_plain).then_some(text)
}
