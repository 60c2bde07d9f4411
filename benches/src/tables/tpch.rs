//! Tables of TPC-H at scale 0.5, in the order of their keys: `lineitem` with 3 million rows and `orders` with 750,000.
//! The generator has a fixed seed.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use tpchgen::dates::TPCHDate;
use tpchgen::generators::{LineItem, LineItemGenerator, Order, OrderGenerator};

use super::{Batches, batch, chunks};

const SCALE: f64 = 0.5;
const BATCH_ROWS: usize = 8192;
/// Digits of a decimal, and digits after its point. TPC-H asks for at least ten digits before the point.
const DECIMAL: (u8, i8) = (15, 2);

/// How the decimals of a table are stored.
#[derive(Clone, Copy)]
pub(super) enum Decimals {
    Decimal128,
    Double,
}

impl Decimals {
    /// A column of hundredths.
    fn column(self, hundredths: impl Iterator<Item = i64>) -> ArrayRef {
        match self {
            Self::Decimal128 => {
                let array = Decimal128Array::from_iter_values(hundredths.map(i128::from));
                let (precision, scale) = DECIMAL;
                Arc::new(
                    array
                        .with_precision_and_scale(precision, scale)
                        .unwrap_or_else(|error| unreachable!("{error}")),
                )
            }
            Self::Double => {
                let values = hundredths.map(|hundredths| hundredths as f64 / 100.0);
                Arc::new(Float64Array::from_iter_values(values))
            }
        }
    }
}

/// The first `rows` rows of `lineitem`.
pub(super) fn lineitem(rows: usize, decimals: Decimals) -> Batches {
    let lines = LineItemGenerator::new(SCALE, 1, 1).iter().take(rows);
    chunks(lines, BATCH_ROWS, move |lines| lineitem_batch(lines, decimals))
}

fn lineitem_batch(lines: &[LineItem<'static>], decimals: Decimals) -> RecordBatch {
    let each = || lines.iter();
    batch([
        ("l_orderkey", long(each().map(|line| line.l_orderkey))),
        ("l_partkey", long(each().map(|line| line.l_partkey))),
        ("l_suppkey", long(each().map(|line| line.l_suppkey))),
        ("l_linenumber", int(each().map(|line| line.l_linenumber))),
        ("l_quantity", decimals.column(each().map(|line| line.l_quantity * 100))),
        ("l_extendedprice", decimals.column(each().map(|line| line.l_extendedprice.into_inner()))),
        ("l_discount", decimals.column(each().map(|line| line.l_discount.into_inner()))),
        ("l_tax", decimals.column(each().map(|line| line.l_tax.into_inner()))),
        ("l_returnflag", text(each().map(|line| line.l_returnflag))),
        ("l_linestatus", text(each().map(|line| line.l_linestatus))),
        ("l_shipdate", date(each().map(|line| line.l_shipdate))),
        ("l_commitdate", date(each().map(|line| line.l_commitdate))),
        ("l_receiptdate", date(each().map(|line| line.l_receiptdate))),
        ("l_shipinstruct", text(each().map(|line| line.l_shipinstruct))),
        ("l_shipmode", text(each().map(|line| line.l_shipmode))),
        ("l_comment", text(each().map(|line| line.l_comment))),
    ])
}

/// The first `rows` rows of `orders`.
pub(super) fn orders(rows: usize) -> Batches {
    let orders = OrderGenerator::new(SCALE, 1, 1).iter().take(rows);
    chunks(orders, BATCH_ROWS, orders_batch)
}

fn orders_batch(orders: &[Order<'static>]) -> RecordBatch {
    let each = || orders.iter();
    batch([
        ("o_orderkey", long(each().map(|order| order.o_orderkey))),
        ("o_custkey", long(each().map(|order| order.o_custkey))),
        ("o_orderstatus", text(each().map(|order| order.o_orderstatus.to_string()))),
        (
            "o_totalprice",
            Decimals::Decimal128.column(each().map(|order| order.o_totalprice.into_inner())),
        ),
        ("o_orderdate", date(each().map(|order| order.o_orderdate))),
        ("o_orderpriority", text(each().map(|order| order.o_orderpriority))),
        ("o_clerk", text(each().map(|order| order.o_clerk.to_string()))),
        ("o_shippriority", int(each().map(|order| order.o_shippriority))),
        ("o_comment", text(each().map(|order| order.o_comment))),
    ])
}

fn long(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn int(values: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(values))
}

fn text<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn date(values: impl Iterator<Item = TPCHDate>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(values.map(|date| date.to_unix_epoch())))
}
