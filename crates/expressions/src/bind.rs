//! Turns a syntax tree into an expression with types.

use std::cell::RefCell;

use arrow_array::{Array, new_null_array};
use arrow_schema::DataType;
use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget, Spanned,
    UnaryOperator,
};
use taploom_model::{Datatype, Error, Result, ResultSchema};

use crate::compare::Comparison;
use crate::evaluate;
use crate::literal::Literal;
use crate::lookup::one_of;
use crate::names;
use crate::node::{Arithmetic, Form, Node};
use crate::parse::wrong;

use self::common::{Class, class};
use self::refused::{described, shown};
use self::values::{literal, typed_literal};

mod common;
mod refused;
mod sides;
mod texts;
mod values;

/// How errors call the text.
pub(crate) const WHAT: &str = "condition";

/// Maximum depth of an expression, without chains of AND and OR. Every level takes room on the stack.
const DEEPEST: usize = 100;

const ALLOWED: &str = "allowed are comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, ILIKE, IS NULL, IS TRUE, + - * / % \
                       and isnan()";

/// Resolves the columns of an expression and checks its types.
pub(crate) struct Binder<'a> {
    schema: &'a ResultSchema,
    /// The columns found so far.
    columns: RefCell<Vec<usize>>,
}

/// An expression with its type.
struct Typed<'e> {
    node: Node,
    data_type: DataType,
    /// The value, if the expression is a literal.
    literal: Option<Literal>,
    expr: &'e Expr,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(schema: &'a ResultSchema) -> Self {
        Self { schema, columns: RefCell::default() }
    }

    /// The positions of all columns that the text names, ascending. The expression may not read all of
    /// them: a comparison with NULL is null whatever the column holds.
    pub(crate) fn into_columns(self) -> Vec<usize> {
        let mut columns = self.columns.into_inner();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Binds an expression that has to be true, false or null.
    pub(crate) fn condition(&self, expr: &Expr) -> Result<Node> {
        self.boolean(expr, 0)
    }

    fn boolean(&self, expr: &Expr, depth: usize) -> Result<Node> {
        let value = self.value(expr, depth)?;
        match &value.data_type {
            DataType::Boolean => Ok(value.node),
            DataType::Null => Ok(Node::Constant(new_null_array(&DataType::Boolean, 1))),
            _ => Err(self.wrong(
                expr,
                format!(
                    "{} is not a condition; compare it with something, as in {} = ...",
                    described(&value),
                    shown(expr)
                ),
            )),
        }
    }

    fn value<'e>(&self, expr: &'e Expr, depth: usize) -> Result<Typed<'e>> {
        if depth > DEEPEST {
            return Err(self.wrong(
                expr,
                format!(
                    "nested more than {DEEPEST} levels deep; use AND and OR without parentheses, \
                     and calculations with fewer terms"
                ),
            ));
        }
        let deeper = depth + 1;
        let boolean =
            |node: Node| Ok(Typed { node, data_type: DataType::Boolean, literal: None, expr });
        match expr {
            Expr::Nested(inner) => self.value(inner, deeper).map(|value| Typed { expr, ..value }),
            Expr::Identifier(name) => {
                let column = names::column(WHAT, name, self.schema.columns())?;
                self.columns.borrow_mut().push(column);
                let (node, data_type) = self.column(column);
                Ok(Typed { node, data_type, literal: None, expr })
            }
            Expr::Value(value) => self.literal(expr, literal(&value.value)),
            Expr::TypedString(typed) => {
                self.literal(expr, typed_literal(&typed.data_type, &typed.value.value))
            }
            Expr::UnaryOp { op, expr: inner } => self.unary(expr, *op, inner, deeper),
            Expr::BinaryOp { op: BinaryOperator::And, .. } => {
                boolean(Node::And(self.chain(expr, &BinaryOperator::And, deeper)?))
            }
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => {
                boolean(Node::Or(self.chain(expr, &BinaryOperator::Or, deeper)?))
            }
            Expr::BinaryOp { left, op, right } => self.binary(expr, left, op, right, deeper),
            Expr::IsNull(inner) => boolean(Node::IsNull(Box::new(self.value(inner, deeper)?.node))),
            Expr::IsNotNull(inner) => {
                boolean(not(Node::IsNull(Box::new(self.value(inner, deeper)?.node))))
            }
            Expr::IsTrue(inner) => boolean(Node::Is(Box::new(self.boolean(inner, deeper)?), true)),
            Expr::IsNotTrue(inner) => {
                boolean(not(Node::Is(Box::new(self.boolean(inner, deeper)?), true)))
            }
            Expr::IsFalse(inner) => {
                boolean(Node::Is(Box::new(self.boolean(inner, deeper)?), false))
            }
            Expr::IsNotFalse(inner) => {
                boolean(not(Node::Is(Box::new(self.boolean(inner, deeper)?), false)))
            }
            Expr::IsUnknown(inner) => boolean(Node::IsNull(Box::new(self.boolean(inner, deeper)?))),
            Expr::IsNotUnknown(inner) => {
                boolean(not(Node::IsNull(Box::new(self.boolean(inner, deeper)?))))
            }
            Expr::IsDistinctFrom(left, right) => {
                boolean(self.compare(expr, Comparison::Distinct, left, right, deeper)?)
            }
            Expr::IsNotDistinctFrom(left, right) => {
                boolean(self.compare(expr, Comparison::NotDistinct, left, right, deeper)?)
            }
            Expr::Between { expr: value, negated, low, high } => {
                let least = self.compare(expr, Comparison::GreaterOrEqual, value, low, deeper)?;
                let most = self.compare(expr, Comparison::LessOrEqual, value, high, deeper)?;
                boolean(not_if(*negated, Node::And(vec![least, most])))
            }
            Expr::In { expr: value, target: InTarget::List(list), negated, global: false } => {
                let equal = |item| self.compare(expr, Comparison::Equal, value, item, deeper);
                let equal = list.iter().map(equal).collect::<Result<Vec<_>>>()?;
                boolean(not_if(*negated, one_of(equal)))
            }
            Expr::Like { negated, any: false, expr: value, pattern, escape_char } => {
                let like = self.like(value, pattern, escape_char.as_deref(), false, deeper)?;
                boolean(not_if(*negated, like))
            }
            Expr::ILike { negated, any: false, expr: value, pattern, escape_char } => {
                let like = self.like(value, pattern, escape_char.as_deref(), true, deeper)?;
                boolean(not_if(*negated, like))
            }
            Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("isnan") => {
                match &function.args {
                    FunctionArguments::List(list) => match &list.args[..] {
                        [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] => {
                            boolean(self.is_nan(value, deeper)?)
                        }
                        _ => Err(self.wrong(expr, "isnan() takes one column or number")),
                    },
                    _ => Err(self.wrong(expr, "isnan() takes one column or number")),
                }
            }
            Expr::CompoundIdentifier(parts) => {
                let name =
                    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                Err(self.wrong(expr, names::compound(WHAT, &name, parts, self.schema)))
            }
            // A part of a struct, list or map: `s['x']`, `l[1]`.
            Expr::CompoundFieldAccess { root, .. } => {
                Err(self.wrong(expr, names::part_of(&shown(root), WHAT)))
            }
            other => Err(self.refused(other)),
        }
    }

    /// A column, decoded if it is dictionary- or run-end-encoded, and as the float that its metadata declare, so that
    /// the same rows are found in the table and in what is written of it.
    fn column(&self, column: usize) -> (Node, DataType) {
        let mut data_type = self.schema.arrow().field(column).data_type();
        loop {
            data_type = match data_type {
                DataType::Dictionary(_, values) => values,
                DataType::RunEndEncoded(_, values) => values.data_type(),
                _ => break,
            };
        }
        let is_plain = data_type == self.schema.arrow().field(column).data_type();
        let node = Node::Column(column);
        let node = if is_plain { node } else { node.converted(Form::Type(data_type.clone())) };
        let is_number = matches!(class(data_type), Some(Class::Integer { .. } | Class::Float));
        let declared = match self.schema.columns()[column].metadata().datatype {
            Some(Datatype::Float) if is_number => DataType::Float32,
            Some(Datatype::Double) if is_number => DataType::Float64,
            _ => data_type.clone(),
        };
        match declared == *data_type {
            true => (node, declared),
            false => (node.converted(Form::Type(declared.clone())), declared),
        }
    }

    fn literal<'e>(
        &self,
        expr: &'e Expr,
        literal: std::result::Result<Literal, &str>,
    ) -> Result<Typed<'e>> {
        let literal = literal.map_err(|why| self.wrong(expr, format!("{}: {why}", shown(expr))))?;
        let array = literal.alone().ok_or_else(|| {
            self.wrong(
                expr,
                format!("{} is beyond every type of number; use fewer digits", shown(expr)),
            )
        })?;
        let data_type = array.data_type().clone();
        Ok(Typed { node: Node::Constant(array), data_type, literal: Some(literal), expr })
    }

    fn unary<'e>(
        &self,
        expr: &'e Expr,
        operator: UnaryOperator,
        inner: &'e Expr,
        depth: usize,
    ) -> Result<Typed<'e>> {
        match operator {
            UnaryOperator::Not => {
                let node = not(self.boolean(inner, depth)?);
                Ok(Typed { node, data_type: DataType::Boolean, literal: None, expr })
            }
            UnaryOperator::Plus | UnaryOperator::Minus => {
                let value = self.value(inner, depth)?;
                if let Some(Literal::Number(number)) = &value.literal {
                    let negative = match number.strip_prefix('-') {
                        _ if operator == UnaryOperator::Plus => number.clone(),
                        Some(positive) => positive.to_owned(),
                        None => format!("-{number}"),
                    };
                    return self.literal(expr, Ok(Literal::Number(negative)));
                }
                let form = match class(&value.data_type) {
                    Some(Class::Integer { is_wide: false, .. } | Class::Duration(_)) => {
                        Form::Type(DataType::Int64)
                    }
                    Some(Class::Integer { .. }) => Form::Type(DataType::Decimal128(20, 0)),
                    Some(Class::Float) => Form::Float,
                    Some(Class::Decimal { .. }) => Form::Type(value.data_type.clone()),
                    _ => {
                        let message =
                            format!("a sign needs a number; {} is not one", described(&value));
                        return Err(self.wrong(expr, message));
                    }
                };
                let data_type = match &form {
                    Form::Type(data_type) => data_type.clone(),
                    _ => DataType::Float64,
                };
                let node = value.node.converted(form);
                let node = match operator {
                    UnaryOperator::Minus => Node::Negative(Box::new(node)),
                    _ => node,
                };
                Ok(Typed { node, data_type, literal: None, expr })
            }
            _ => Err(self.refused(expr)),
        }
    }

    /// The operands of a chain of AND or of OR.
    fn chain(&self, expr: &Expr, operator: &BinaryOperator, depth: usize) -> Result<Vec<Node>> {
        let mut conditions = Vec::new();
        let mut rest = expr;
        while let Expr::BinaryOp { left, op, right } = rest
            && op == operator
        {
            conditions.push(right);
            rest = left;
        }
        let mut nodes = vec![self.boolean(rest, depth)?];
        for condition in conditions.into_iter().rev() {
            nodes.push(self.boolean(condition, depth)?);
        }
        Ok(nodes)
    }

    fn binary<'e>(
        &self,
        expr: &'e Expr,
        left: &'e Expr,
        operator: &BinaryOperator,
        right: &'e Expr,
        depth: usize,
    ) -> Result<Typed<'e>> {
        let compare = |comparison| {
            let node = self.compare(expr, comparison, left, right, depth)?;
            Ok(Typed { node, data_type: DataType::Boolean, literal: None, expr })
        };
        let calculate = |operator| self.arithmetic(expr, operator, left, right, depth);
        match operator {
            BinaryOperator::Eq => compare(Comparison::Equal),
            BinaryOperator::NotEq => compare(Comparison::NotEqual),
            BinaryOperator::Lt => compare(Comparison::Less),
            BinaryOperator::LtEq => compare(Comparison::LessOrEqual),
            BinaryOperator::Gt => compare(Comparison::Greater),
            BinaryOperator::GtEq => compare(Comparison::GreaterOrEqual),
            BinaryOperator::Plus => calculate(Arithmetic::Add),
            BinaryOperator::Minus => calculate(Arithmetic::Subtract),
            BinaryOperator::Multiply => calculate(Arithmetic::Multiply),
            BinaryOperator::Divide => calculate(Arithmetic::Divide),
            BinaryOperator::Modulo => calculate(Arithmetic::Remainder),
            _ => Err(self.refused(expr)),
        }
    }

    fn compare(
        &self,
        expr: &Expr,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        depth: usize,
    ) -> Result<Node> {
        let (left, right) = (self.value(left, depth)?, self.value(right, depth)?);
        for (null, other) in [(&left, &right), (&right, &left)] {
            if null.data_type == DataType::Null {
                let is_null = Node::IsNull(Box::new(other.node.clone()));
                return Ok(match comparison {
                    Comparison::Distinct => not(is_null),
                    Comparison::NotDistinct => is_null,
                    _ => Node::Constant(new_null_array(&DataType::Boolean, 1)),
                });
            }
        }
        let (left, right, is_mixed) = self.sides(expr, &left, &right)?;
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(Node::Compare { comparison, left, right, is_mixed })
    }

    fn arithmetic<'e>(
        &self,
        expr: &'e Expr,
        operator: Arithmetic,
        left: &'e Expr,
        right: &'e Expr,
        depth: usize,
    ) -> Result<Typed<'e>> {
        let (left, right) = (self.value(left, depth)?, self.value(right, depth)?);
        if left.data_type == DataType::Null || right.data_type == DataType::Null {
            return self.literal(expr, Ok(Literal::Null));
        }
        let form = |value: &Typed<'_>, other: &Typed<'_>| {
            common::arithmetic(&value.data_type, &other.data_type, operator).ok_or_else(|| {
                let message = format!("arithmetic needs numbers; {} is not one", described(value));
                self.wrong(expr, message)
            })
        };
        let (left_form, right_form) = (form(&left, &right)?, form(&right, &left)?);
        let (left, right) = (left.node.converted(left_form), right.node.converted(right_form));
        let node = Node::Arithmetic { operator, left: Box::new(left), right: Box::new(right) };
        // The kernel determines the type of its result, and refuses types that it can't calculate with.
        let empty = |column: usize| {
            let field = self.schema.arrow().fields().get(column)?;
            Some(new_null_array(field.data_type(), 0))
        };
        let result = evaluate::evaluate(&node, &empty, 0);
        // A constant is calculated right away, so that its errors are found here.
        let result =
            result.map_err(|error| self.wrong(expr, format!("{}: {error}", shown(expr))))?;
        let data_type = result.array.data_type().clone();
        Ok(Typed { node, data_type, literal: None, expr })
    }

    fn wrong(&self, expr: &Expr, message: impl std::fmt::Display) -> Error {
        wrong(WHAT, expr.span(), message)
    }
}

fn not(node: Node) -> Node {
    Node::Not(Box::new(node))
}

fn not_if(negated: bool, node: Node) -> Node {
    if negated { not(node) } else { node }
}
