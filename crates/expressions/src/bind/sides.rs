//! The two sides of a comparison.

use arrow_schema::DataType;
use sqlparser::ast::Expr;
use taploom_model::Result;

use super::common::common;
use super::{Binder, Typed, shown};
use crate::literal::{Literal, is_bytes, is_instant};
use crate::node::{Form, Node};

impl Binder<'_> {
    /// Both sides of a comparison in comparable forms, and whether one is an integer and the other a float.
    pub(super) fn sides(
        &self,
        expr: &Expr,
        left: &Typed<'_>,
        right: &Typed<'_>,
    ) -> Result<(Node, Node, bool)> {
        match (&left.literal, &right.literal) {
            (None, Some(literal)) => self.beside(expr, left, literal, right),
            (Some(literal), None) => self
                .beside(expr, right, literal, left)
                .map(|(other, value, mixed)| (value, other, mixed)),
            _ => {
                let (left_form, right_form, is_mixed) =
                    common(&left.data_type, &right.data_type)
                        .ok_or_else(|| self.incomparable(expr, left, right))?;
                let converted = |value: &Typed<'_>, form: Option<Form>| match form {
                    Some(form) => value.node.clone().converted(form),
                    None => value.node.clone(),
                };
                Ok((converted(left, left_form), converted(right, right_form), is_mixed))
            }
        }
    }

    /// An expression and a literal that is compared with it.
    fn beside(
        &self,
        expr: &Expr,
        value: &Typed<'_>,
        literal: &Literal,
        constant: &Typed<'_>,
    ) -> Result<(Node, Node, bool)> {
        let node = || value.node.clone();
        if let Some(array) = literal.beside(&value.data_type) {
            let constant = Node::Constant(array);
            return Ok(match value.data_type.is_floating() {
                true => (node().converted(Form::Float), constant.converted(Form::Float), false),
                false => (node(), constant, false),
            });
        }
        let is_time = matches!(value.data_type, DataType::Time32(_) | DataType::Time64(_));
        let read = match literal {
            Literal::Text(text) if is_instant(&value.data_type) => Some(
                Literal::instant(text)
                    .ok_or("is not a date or time; write '2027-01-31' or '2027-01-31 12:00:00'"),
            ),
            Literal::Text(text) if is_time => {
                Some(Literal::time_of_day(text).ok_or("is not a time of day; write '12:00:00'"))
            }
            Literal::Text(_) if value.data_type == DataType::FixedSizeBinary(16) => Some(Err(
                "is not a UUID; write '01234567-89ab-cdef-0123-456789abcdef' or X'0123...'",
            )),
            Literal::Text(_) if is_bytes(&value.data_type) => {
                Some(Err("is text beside bytes; write bytes as X'0123'"))
            }
            Literal::Instant(_) if is_instant(&value.data_type) => Some(Ok(literal.clone())),
            Literal::TimeOfDay(_) if is_time => Some(Ok(literal.clone())),
            _ => None,
        };
        match read {
            Some(Ok(literal)) => {
                let array = literal.alone().ok_or_else(|| self.refused(expr))?;
                Ok((node().converted(Form::Nanoseconds), Node::Constant(array), false))
            }
            Some(Err(why)) => {
                Err(self.wrong(constant.expr, format!("{} {why}", shown(constant.expr))))
            }
            None => {
                let forms = match literal {
                    Literal::Instant(_) | Literal::TimeOfDay(_) => None,
                    _ => common(&value.data_type, &constant.data_type),
                };
                let (form, constant_form, is_mixed) =
                    forms.ok_or_else(|| self.incomparable(expr, value, constant))?;
                let converted = |node: Node, form: Option<Form>| match form {
                    Some(form) => node.converted(form),
                    None => node,
                };
                let constant = converted(constant.node.clone(), constant_form);
                Ok((converted(node(), form), constant, is_mixed))
            }
        }
    }
}
