//! Which queries of SQLite can be put into another one.

use sqlparser::dialect::SQLiteDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// Words of queries whose rows depend on their order or number, or on each other, and of queries within queries.
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

/// The query of SQLite without its semicolon, if it is one plain SELECT from tables: without subqueries, groups, order, limit,
/// parameters, variables and comments. The rows of such a query can be chosen from within the database by putting it into
/// another one, and no order is lost by that.
///
/// Nothing is said about whether the query is right.
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
