//! Parses text to sqlparser's syntax tree, within limits that keep the stack safe.

use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};
use taploom_model::{Error, ErrorKind, Result};

/// Maximum number of operators in one expression. A chain of operators becomes a tree that is as deep as
/// the chain is long, and every level takes room on the stack.
const MOST_OPERATORS: usize = 1000;

/// Standard SQL quotes: names in double quotes, text in single quotes.
#[derive(Debug)]
struct Words;

impl Dialect for Words {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_'
    }
}

/// An error in a text that errors call `what`.
pub(crate) fn wrong(what: &str, span: Span, message: impl std::fmt::Display) -> Error {
    let message = match place(span.start) {
        Some(place) => format!("{what}, {place}: {message}"),
        None => format!("{what}: {message}"),
    };
    Error::new(ErrorKind::InvalidRequest, message)
}

fn place(Location { line, column }: Location) -> Option<String> {
    match (line, column) {
        (0, _) | (_, 0) => None,
        (1, column) => Some(format!("character {column}")),
        (line, column) => Some(format!("line {line}, character {column}")),
    }
}

/// Parses a whole text.
pub(crate) fn parse<T>(
    what: &'static str,
    text: &str,
    read: impl FnOnce(&mut Parser<'static>) -> std::result::Result<T, ParserError>,
) -> Result<T> {
    if text.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, format!("{what}: it is empty")));
    }
    let broken = |error| Error::new(ErrorKind::InvalidRequest, explained(what, error));
    let tokens = Tokenizer::new(&Words, text)
        .tokenize_with_location()
        .map_err(|error| broken(error.into()))?;
    let mut operators = 0;
    let mut after_value = false;
    for token in &tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            // A sign before a number is part of the number and not counted: a list may have any number of
            // negative numbers.
            Token::Minus | Token::Plus if !after_value => {}
            Token::Comma | Token::LParen => after_value = false,
            Token::RParen | Token::Number(..) | Token::SingleQuotedString(_) => after_value = true,
            Token::Word(word) => {
                after_value = true;
                // `NOT` and the keywords of comparisons nest as operators do.
                if word.quote_style.is_none()
                    && word.keyword != sqlparser::keywords::Keyword::NoKeyword
                {
                    operators += usize::from(is_operator(&word.value));
                    after_value = !is_operator(&word.value);
                }
            }
            Token::EOF => {}
            _ => {
                operators += 1;
                after_value = false;
            }
        }
    }
    if operators > MOST_OPERATORS {
        return Err(broken(ParserError::ParserError(format!(
            "it has {operators} operators, and at most {MOST_OPERATORS} are allowed; a list of values fits into \
             IN (...)"
        ))));
    }
    let mut parser = Parser::new(&Words).with_tokens_with_locations(tokens);
    let parsed = read(&mut parser).map_err(broken)?;
    let rest = parser.peek_token();
    match rest.token {
        Token::EOF => Ok(parsed),
        token => Err(wrong(what, rest.span, format_args!("{token} is not expected here"))),
    }
}

fn is_operator(word: &str) -> bool {
    ["AND", "OR", "NOT", "IS", "IN", "LIKE", "ILIKE", "BETWEEN", "ESCAPE"]
        .iter()
        .any(|operator| word.eq_ignore_ascii_case(operator))
}

/// The parser's error, starting with its place in the text.
fn explained(what: &str, error: ParserError) -> String {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return format!(
                "{what}: its parentheses and NOTs are nested too deeply; use fewer of them"
            );
        }
    };
    let Some((message, at)) = message.rsplit_once(" at Line: ") else {
        return format!("{what}: {}", reworded(&message));
    };
    let numbers = at.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    match numbers.and_then(place) {
        Some(place) => format!("{what}, {place}: {}", reworded(message)),
        None => format!("{what}: {}", reworded(message)),
    }
}

/// Turns `Expected: an expression, found: EOF` into a sentence.
fn reworded(message: &str) -> String {
    let words = message.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: "));
    match words {
        Some((expected, "EOF")) => format!("it ends where {expected} is expected"),
        Some((expected, found)) => format!("{expected} is expected, not {found}"),
        None => message.to_owned(),
    }
}
