//! Lists of columns: `ra, dec, mag AS vmag`.

use std::str::FromStr;

use sqlparser::ast::{Expr, Ident, SelectItem, Spanned};
use sqlparser::parser::Parser;
use taploom_model::{Error, Result, ResultSchema};

use crate::names::{column, compound, part_of, quoted};
use crate::parse::{parse, wrong};
use crate::projection::Projection;

/// How errors call the text.
const WHAT: &str = "select list";

/// Chosen columns, in a given order, with new names if wanted.
///
/// The syntax is SQL's select list, restricted to columns: `ra, dec, mag AS vmag`. `*` stands for all
/// columns. A name that is not a plain word is written in double quotes: `"B-V" AS bv`. A name means the
/// column with exactly this name, or else the only column whose name differs only in case.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use taploom_expressions::SelectList;
/// use taploom_model::{Column, ResultSchema};
///
/// let field = |name| Field::new(name, DataType::Float64, true);
/// let arrow = Schema::new(vec![field("RA"), field("B-V"), field("mag")]);
/// let schema = ResultSchema::derived(Arc::new(arrow));
/// let list: SelectList = r#"mag AS vmag, ra, "B-V""#.parse()?;
/// let projection = list.bind(&schema)?;
/// let names: Vec<_> = projection.schema().columns().iter().map(Column::name).collect();
/// assert_eq!(names, ["vmag", "RA", "B-V"]);
/// assert_eq!(projection.columns(), [2, 0, 1]);
///
/// let list: SelectList = "mga".parse()?;
/// assert_eq!(
///     list.bind(&schema).unwrap_err().to_string(),
///     r#"select list, character 1: no column is called "mga"; the columns are RA, "B-V", mag"#
/// );
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SelectList {
    items: Vec<SelectItem>,
}

impl FromStr for SelectList {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if the text is not a select
    /// list. The error names the place in the text.
    fn from_str(text: &str) -> Result<Self> {
        let items = parse(WHAT, text, Parser::parse_projection)?;
        Ok(Self { items })
    }
}

impl SelectList {
    /// Finds the columns of the list in a schema.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if a column does not exist, or if an
    /// item is not a column.
    pub fn bind(&self, schema: &ResultSchema) -> Result<Projection> {
        let columns = schema.columns();
        let mut picked = Vec::new();
        for item in &self.items {
            match item {
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                    picked.push((column(WHAT, name, columns)?, None));
                }
                SelectItem::ExprWithAlias { expr: Expr::Identifier(name), alias } => {
                    check_alias(alias)?;
                    picked.push((column(WHAT, name, columns)?, Some(alias.value.clone())));
                }
                SelectItem::Wildcard(options) if options.to_string().is_empty() => {
                    picked.extend((0..columns.len()).map(|column| (column, None)));
                }
                other => return Err(not_a_column(other, schema)),
            }
        }
        Projection::new(schema, picked)
    }
}

fn check_alias(alias: &Ident) -> Result<()> {
    match alias.value.is_empty() {
        true => Err(wrong(WHAT, alias.span, "a column needs a name of at least one character")),
        false => Ok(()),
    }
}

fn not_a_column(item: &SelectItem, schema: &ResultSchema) -> Error {
    let text = item.to_string();
    if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
        let problem = match expr {
            Expr::CompoundIdentifier(parts) => {
                let name =
                    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                Some(compound(WHAT, &name, parts, schema))
            }
            Expr::CompoundFieldAccess { root, .. } => Some(part_of(&root.to_string(), WHAT)),
            _ => None,
        };
        if let Some(problem) = problem {
            return wrong(WHAT, item.span(), problem);
        }
    }
    let without_spaces = |text: &str| text.split_whitespace().collect::<String>().to_lowercase();
    let expression = match item {
        SelectItem::ExprWithAlias { expr, .. } => expr.to_string(),
        _ => text.clone(),
    };
    let wanted = without_spaces(&expression);
    let mut names = schema.columns().iter().map(taploom_model::Column::name);
    let remedy = match names.find(|name| without_spaces(name) == wanted) {
        Some(name) => format!("write the column's name in double quotes: {}", quoted(name)),
        None => "an item is a column, with AS and another name if wanted; names that are not plain words are written \
                 in double quotes"
            .to_owned(),
    };
    wrong(WHAT, item.span(), format_args!("{text:?} is not a column; {remedy}"))
}
