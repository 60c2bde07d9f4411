//! Any text, as a select list and as a condition, must be parsed, bound and evaluated, or give an error of
//! one line.

use std::sync::{Arc, OnceLock};

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use taploom::expressions::{Condition, SelectList};
use taploom::{Error, Result, ResultSchema};

/// Reads the text as a select list and as a condition.
pub(crate) fn check(text: &str) {
    for result in [condition(text), select(text)] {
        if let Err(error) = result {
            assert_one_line(&error);
        }
    }
}

/// The same rows are kept, whatever the batches are.
fn condition(text: &str) -> Result<()> {
    let batch = batch();
    let predicate = text.parse::<Condition>()?.bind(&ResultSchema::derived(batch.schema()))?;
    let holds = predicate.evaluate(batch)?;
    assert_eq!(holds.len(), batch.num_rows());
    let kept = predicate.filter(batch)?;
    assert_eq!(kept.num_rows(), holds.true_count());
    let mut by_row = 0;
    for row in 0..batch.num_rows() {
        by_row += predicate.filter(&batch.slice(row, 1))?.num_rows();
    }
    assert_eq!(by_row, kept.num_rows());
    Ok(())
}

fn select(text: &str) -> Result<()> {
    let batch = batch();
    let projection = text.parse::<SelectList>()?.bind(&ResultSchema::derived(batch.schema()))?;
    let picked = projection.apply(batch)?;
    assert_eq!(picked.num_rows(), batch.num_rows());
    assert_eq!(picked.schema_ref(), projection.schema().arrow());
    Ok(())
}

/// Columns of the types that conditions support, with nulls, NaN and extreme integers.
fn batch() -> &'static RecordBatch {
    static BATCH: OnceLock<RecordBatch> = OnceLock::new();
    BATCH.get_or_init(|| {
        let decimals = Decimal128Array::from(vec![Some(150), None, Some(-1)]);
        let decimals = decimals.with_precision_and_scale(10, 2);
        let columns: [(&str, ArrayRef); 10] = [
            ("i", Arc::new(Int32Array::from(vec![Some(1), None, Some(i32::MIN)]))),
            ("l", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(0), None]))),
            ("u", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(2)]))),
            ("d", Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), None]))),
            ("f", Arc::new(Float32Array::from(vec![None, Some(-0.0), Some(1.5)]))),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("s", Arc::new(StringArray::from(vec![Some("a%"), Some(""), None]))),
            ("t", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None, Some(-1)]))),
            ("day", Arc::new(Date32Array::from(vec![Some(0), Some(20_000), None]))),
            ("dec", Arc::new(decimals.expect("the numbers have at most ten digits"))),
        ];
        let columns = columns.map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("the columns have three rows")
    })
}

fn assert_one_line(error: &Error) {
    assert!(!error.to_string().contains('\n'), "{error}");
}
