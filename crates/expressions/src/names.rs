//! Resolves names in a text to columns.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;
use taploom_model::{Column, Error, Result, ResultSchema};

use crate::parse::wrong;

/// Number of column names that an error lists if it can't suggest one.
const MOST_LISTED: usize = 12;

/// The position of the column with exactly this name, or else of the only column whose name differs only in
/// case.
pub(crate) fn column(what: &str, name: &Ident, columns: &[Column]) -> Result<usize> {
    let (is_quoted, span) = (name.quote_style.is_some(), name.span);
    let name = name.value.as_str();
    let with = |matches: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|column| matches(columns[*column].name())).collect()
    };
    let exact = with(&|known| known == name);
    let lower = name.to_lowercase();
    let found = if exact.is_empty() { with(&|known| known.to_lowercase() == lower) } else { exact };
    match found[..] {
        [column] => Ok(column),
        [] => Err(unknown(what, name, is_quoted, span, columns)),
        [first, ..] => {
            let called = columns[first].name();
            let same = found.iter().all(|column| columns[*column].name() == called);
            let count = found.len();
            Err(wrong(
                what,
                span,
                match same {
                    true => format!(
                        "{count} columns are called {name:?}; give them different names (--columns, or AS in the query)"
                    ),
                    false => format!(
                        "{name:?} may be any of {}; write the name in the right case",
                        listed(found.iter().map(|column| columns[*column].name()))
                    ),
                },
            ))
        }
    }
}

/// What is wrong with a name of several parts: `stars.ra`, or the member of a struct.
pub(crate) fn compound(what: &str, name: &str, parts: &[Ident], schema: &ResultSchema) -> String {
    let columns = schema.columns();
    if columns.iter().any(|column| column.name() == name) {
        return format!(
            "{name} is a name with a table; write the column's name in double quotes: \"{name}\""
        );
    }
    let is_nested = |first: &Ident| {
        let place = column(what, first, columns).ok();
        place.is_some_and(|place| schema.arrow().field(place).data_type().is_nested())
    };
    match parts {
        [first, _, ..] if is_nested(first) => part_of(&quoted(&first.value), what),
        [.., last] => format!(
            "{name} is a name with a table, and there is one table only: write {}",
            quoted(&last.value)
        ),
        [] => format!("{name} is not a name"),
    }
}

/// What is wrong with asking for a part of a column.
pub(crate) fn part_of(column: &str, what: &str) -> String {
    format!(
        "members of structs and elements of lists can't be used in a {what}; of {column}, only the whole column can be \
         selected, or compared with NULL (IS NULL, IS NOT NULL)"
    )
}

fn unknown(what: &str, name: &str, is_quoted: bool, span: Span, columns: &[Column]) -> Error {
    let lower = name.to_lowercase();
    let likeness = |column: &Column| strsim::jaro_winkler(&column.name().to_lowercase(), &lower);
    let nearest = columns.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let remedy = match nearest {
        Some(column) if likeness(column) > 0.8 => {
            format!("did you mean {}?", quoted(column.name()))
        }
        _ if columns.len() <= MOST_LISTED => {
            format!("the columns are {}", listed(columns.iter().map(Column::name)))
        }
        _ => format!(
            "the first of the {} columns are {}",
            columns.len(),
            listed(columns.iter().map(Column::name).take(MOST_LISTED))
        ),
    };
    let quotes = if is_quoted { "; text is written in single quotes" } else { "" };
    wrong(what, span, format_args!("no column is called {name:?}; {remedy}{quotes}"))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quoted).collect::<Vec<_>>().join(", ")
}

/// The name as it is written in a text: in double quotes if it is not a plain word.
pub(crate) fn quoted(name: &str) -> String {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    if starts && characters.all(|other| other.is_alphanumeric() || other == '_') {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}
