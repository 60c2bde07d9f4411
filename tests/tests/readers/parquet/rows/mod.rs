//! Rows with every Arrow type.

mod edges;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{IntervalDayTimeType, IntervalYearMonthType};
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano};
use arrow_schema::{DataType, IntervalUnit, Schema};

use crate::common::every_type;

/// The rows with intervals of the only kind that pyarrow, which compares, supports.
pub(crate) fn as_pyarrow_has_it(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            let cells = column.as_primitive::<IntervalYearMonthType>().iter();
            let cells =
                cells.map(|cell| cell.map(|months| IntervalMonthDayNano::new(months, 0, 0)));
            array(cells.collect::<IntervalMonthDayNanoArray>())
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let cells = column.as_primitive::<IntervalDayTimeType>().iter();
            let cells = cells.map(|cell| {
                let IntervalDayTime { days, milliseconds } = cell?;
                let nanoseconds = i64::from(milliseconds) * 1_000_000;
                Some(IntervalMonthDayNano::new(0, days, nanoseconds))
            });
            array(cells.collect::<IntervalMonthDayNanoArray>())
        }
        _ => Arc::clone(column),
    });
    let names = batch.schema_ref().fields().iter().map(|field| field.name().clone());
    let columns = names.zip(columns).map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Every type that Parquet can hold, with the values that are most easily lost.
pub(crate) fn every_and_edges(first: usize, rows: usize) -> RecordBatch {
    let (every, edges) = (every_type(first, rows), edges::edges(first, rows));
    let fields = [every.schema().fields().to_vec(), edges.schema().fields().to_vec()].concat();
    let columns = [every.columns(), edges.columns()].concat();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

pub(crate) fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}
