//! Messages for expressions that are not supported.

use sqlparser::ast::Expr;
use taploom_model::Error;

use super::common::{Class, class};
use super::{ALLOWED, Binder, Typed};
use crate::literal::Literal;

impl Binder<'_> {
    pub(super) fn incomparable(&self, expr: &Expr, left: &Typed<'_>, right: &Typed<'_>) -> Error {
        let is_nested = |value: &Typed<'_>| class(&value.data_type).is_none();
        let nested = [left, right].into_iter().find(|value| is_nested(value));
        let is_number = |value: &Typed<'_>| class(&value.data_type).is_some_and(Class::is_number);
        let beside_number = match (is_number(left), is_number(right)) {
            (true, false) => Some(right),
            (false, true) => Some(left),
            _ => None,
        };
        let text = beside_number.filter(|value| class(&value.data_type) == Some(Class::Text));
        let remedy = if let Some(value) = nested {
            format!("only IS NULL and IS NOT NULL can be applied to {}", shown(value.expr))
        } else if let Some(text) = text {
            let remedy = match text.literal {
                Some(_) => "write numbers without quotes",
                None => {
                    "if the text is numbers, give its column the datatype double with --columns, \
                     or CAST it in the query"
                }
            };
            remedy.to_owned()
        } else {
            "only values of one kind can be compared: two numbers, texts, booleans, times, or two values of bytes"
                .to_owned()
        };
        let message =
            format!("{} can't be compared with {}; {remedy}", described(left), described(right));
        self.wrong(expr, message)
    }

    pub(super) fn refused(&self, expr: &Expr) -> Error {
        let what = match expr {
            Expr::Function(function) => format!("the function {}", function.name),
            Expr::Case { .. } => "CASE".to_owned(),
            Expr::Cast { .. } | Expr::Convert { .. } => "CAST".to_owned(),
            Expr::Interval(_) => "INTERVAL".to_owned(),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::In { .. } => "a subquery".to_owned(),
            Expr::BinaryOp { op, .. } => format!("the operator {op}"),
            Expr::UnaryOp { op, .. } => format!("the operator {op}"),
            other => format!("{:?}", shown(other)),
        };
        self.wrong(expr, format!("{what} is not possible here; {ALLOWED}"))
    }
}

/// The expression as text, shortened if it is long.
pub(super) fn shown(expr: &Expr) -> String {
    const MOST: usize = 60;
    let mut text = expr.to_string();
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The expression with its type.
pub(super) fn described(value: &Typed<'_>) -> String {
    match &value.literal {
        Some(Literal::Text(_)) => format!("the text {}", shown(value.expr)),
        Some(_) => shown(value.expr),
        None => format!("{} ({})", shown(value.expr), value.data_type),
    }
}
