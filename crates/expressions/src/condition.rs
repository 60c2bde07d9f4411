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

/// Which rows are wanted, as a text that has been parsed.
///
/// See the crate's page for what can be written.
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
    /// [`ErrorKind::InvalidRequest`] if the text is not an expression, with the place in the text.
    fn from_str(text: &str) -> Result<Self> {
        let expr = parse(WHAT, text, Parser::parse_expr)?;
        Ok(Self { expr })
    }
}

impl Condition {
    /// Finds columns and types of the condition in a schema.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if a column does not exist, types do not go together, or something is not
    /// possible in a condition. The error names it, and its place in the text.
    pub fn bind(&self, schema: &ResultSchema) -> Result<Predicate> {
        let binder = Binder::new(schema);
        let node = binder.condition(&self.expr)?;
        let columns = binder.into_columns();
        Ok(Predicate { node, columns })
    }
}

/// A condition on the rows of one schema.
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

    /// Whether the condition holds, for each row of a batch: true, false or null.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidValue`] with the row in the batch, if a number can't be calculated: an overflow, or a
    /// remainder of a division by zero.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        self.try_evaluate(batch).map_err(|error| {
            let mut rows = 0..batch.num_rows();
            let wrong = rows.find(|row| self.try_evaluate(&batch.slice(*row, 1)).is_err());
            let failed = |message: String| Error::new(ErrorKind::InvalidValue, message);
            let error = match error {
                ArrowError::DivideByZero => failed(format!(
                    "{WHAT}: the remainder of a division by zero is not defined; exclude such rows in the source"
                )),
                error => failed(format!("{WHAT}: can't calculate it")).with_source(error),
            };
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

    /// Whether the condition may be true for a row, for each of some containers of rows (row groups or pages of a
    /// file) of which bounds are known.
    pub fn may_hold(&self, bounds: &dyn Bounds) -> Vec<bool> {
        may_hold(&self.node, bounds)
    }

    /// A condition in the SQL of a database that is true for every row for which this one is, and perhaps for others;
    /// `None` if nothing is certain. The values in it are those that `dialect` was given.
    pub fn to_sql(&self, dialect: &mut dyn SqlDialect) -> Option<String> {
        necessary(&self.node, dialect)
    }

    fn try_evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = |column: usize| batch.columns().get(column).cloned();
        let values = evaluate(&self.node, &column, batch.num_rows())?;
        Ok(repeated(values, batch.num_rows()).array.as_boolean().clone())
    }
}
