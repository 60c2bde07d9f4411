//! LIKE and ILIKE, and `isnan`.

use arrow_array::new_null_array;
use arrow_schema::DataType;
use sqlparser::ast::Expr;
use taploom_model::Result;

use super::common::{Class, class};
use super::{Binder, described, shown};
use crate::literal::Literal;
use crate::node::{Form, Node};

impl Binder<'_> {
    pub(super) fn like(
        &self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        ignores_case: bool,
        depth: usize,
    ) -> Result<Node> {
        let text = self.value(value, depth)?;
        let texts = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View];
        if text.data_type == DataType::Null {
            return Ok(Node::Constant(new_null_array(&DataType::Boolean, 1)));
        }
        if !texts.contains(&text.data_type) {
            return Err(
                self.wrong(value, format!("LIKE needs text; {} is not text", described(&text)))
            );
        }
        let constant = |expr: &Expr, what: &str| match self.value(expr, depth)?.literal {
            Some(Literal::Text(text)) => Ok(Some(text)),
            Some(Literal::Null) => Ok(None),
            _ => Err(self.wrong(
                expr,
                format!("{what} of LIKE has to be text in single quotes, not {}", shown(expr)),
            )),
        };
        let escape = match escape {
            None => None,
            Some(expr) => {
                let character = constant(expr, "the ESCAPE")?.unwrap_or_default();
                let mut characters = character.chars();
                match (characters.next(), characters.next()) {
                    (Some(character), None) => Some(character),
                    _ => return Err(self.wrong(expr, "the ESCAPE of LIKE has to be one character")),
                }
            }
        };
        let Some(given) = constant(pattern, "the pattern")? else {
            return Ok(Node::Constant(new_null_array(&DataType::Boolean, 1)));
        };
        let translated = with_backslashes(&given, escape).ok_or_else(|| {
            self.wrong(
                pattern,
                format!("the pattern {} ends with its escape character", shown(pattern)),
            )
        })?;
        let array = Literal::Text(translated).beside(&text.data_type);
        let pattern = array.ok_or_else(|| self.refused(pattern))?;
        Ok(Node::Like { value: Box::new(text.node), pattern, ignores_case })
    }

    pub(super) fn is_nan(&self, value: &Expr, depth: usize) -> Result<Node> {
        let number = self.value(value, depth)?;
        match class(&number.data_type) {
            Some(Class::Float) => Ok(Node::IsNan(Box::new(number.node.converted(Form::Float)))),
            _ => Err(self
                .wrong(value, format!("isnan() needs floats; {} holds none", described(&number)))),
        }
    }
}

/// A pattern in Arrow's syntax, in which the backslash escapes. `None` if it ends with its escape character.
fn with_backslashes(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut translated = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            translated.extend(['\\', characters.next()?]);
        } else if character == '\\' {
            translated.push_str("\\\\");
        } else {
            translated.push(character);
        }
    }
    Some(translated)
}
