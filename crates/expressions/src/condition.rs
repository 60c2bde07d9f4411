//! Conditions: `vmag < 2 AND name LIKE 'a%'`.

use std::str::FromStr;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;
use sqlparser::ast::Expr;
use sqlparser::parser::Parser;
use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use crate::bind::{Binder, WHAT};
use crate::evaluate::{evaluate, repeated};
use crate::node::Node;
use crate::parse::parse;
use crate::possible::{Bounds, may_hold};
use crate::sql::{SqlDialect, necessary};

/// A parsed condition on rows.
///
/// The crate's page describes the syntax.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
/// use taploom_expressions::Condition;
/// use taploom_model::ResultSchema;
///
/// let batch = RecordBatch::try_from_iter([
///     ("name", Arc::new(StringArray::from(vec![Some("Vega"), Some("Altair"), None])) as ArrayRef),
///     ("vmag", Arc::new(Float64Array::from(vec![0.03, 0.76, 1.25])) as ArrayRef),
/// ])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let condition: Condition = "vmag < 1 AND name LIKE 'A%'".parse()?;
/// let rows = condition.bind(&schema)?.filter(&batch)?;
/// assert_eq!(rows.num_rows(), 1);
///
/// let condition: Condition = "vmga < 1".parse()?;
/// assert_eq!(
///     condition.bind(&schema).unwrap_err().to_string(),
///     r#"condition, character 1: no column is called "vmga"; did you mean vmag?"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    expr: Expr,
}

impl FromStr for Condition {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the text is not an expression. The error names the place in the
    /// text.
    fn from_str(text: &str) -> Result<Self> {
        let expr = parse(WHAT, text, Parser::parse_expr)?;
        Ok(Self { expr })
    }
}

impl Condition {
    /// Resolves the names of the condition in a schema, and checks its types.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if a column does not exist, types can't be combined, or the condition
    /// uses syntax that is not supported. The error names the place in the text.
    pub fn bind(&self, schema: &ResultSchema) -> Result<Predicate> {
        let binder = Binder::new(schema);
        let node = binder.condition(&self.expr)?;
        let columns = binder.into_columns();
        Ok(Predicate { node, columns })
    }
}

/// A condition, bound to the columns of one schema.
#[derive(Debug, Clone)]
pub struct Predicate {
    node: Node,
    columns: Vec<usize>,
}

impl Predicate {
    /// The positions of the columns that the condition names, ascending.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Evaluates the condition for each row of a batch: true, false or null.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidValue`] with the row in the batch, if a whole number or decimal is too large to be
    /// calculated. Rows that another condition with AND or OR has decided are not calculated.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        self.try_evaluate(batch).map_err(|error| {
            let mut rows = 0..batch.num_rows();
            let wrong = rows.find(|row| self.try_evaluate(&batch.slice(*row, 1)).is_err());
            let message = format!(
                "{WHAT}: a number in it is too large to be calculated; leave such rows out by another condition and \
                 AND, or calculate with doubles, as in n * 1e0 * n"
            );
            let error = Error::new(ErrorKind::InvalidValue, message).with_source(error);
            match wrong {
                Some(row) => error.with_row(row as u64 + 1),
                None => error,
            }
        })
    }

    /// The rows of a batch for which the condition is true.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn filter(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let wanted = self.evaluate(batch)?;
        match wanted.true_count() {
            0 => Ok(batch.slice(0, 0)),
            all if all == batch.num_rows() => Ok(batch.clone()),
            _ => filter_record_batch(batch, &wanted).map_err(|cause| {
                Error::new(ErrorKind::Internal, "can't filter the rows").with_source(cause)
            }),
        }
    }

    /// For each container of rows (such as a row group or a page of a file) with known bounds: whether the
    /// condition may be true for one of its rows.
    pub fn may_hold(&self, bounds: &dyn Bounds) -> Vec<bool> {
        may_hold(&self.node, bounds)
    }

    /// A condition in the SQL of a database that is true at least for the rows for which this one is true;
    /// `None` if no part of it can be translated. Its values are those that `dialect` was given.
    pub fn to_sql(&self, dialect: &mut dyn SqlDialect) -> Option<String> {
        necessary(&self.node, dialect)
    }

    fn try_evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = |column: usize| batch.columns().get(column).cloned();
        let values = evaluate(&self.node, &column, batch.num_rows())?;
        Ok(repeated(values, batch.num_rows()).array.as_boolean().clone())
    }
}
