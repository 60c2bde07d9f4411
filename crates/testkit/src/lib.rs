#![doc = include_str!("../README.md")]

mod cases;
mod checks;
mod compare;
mod failures;
mod kept;
mod oracle;
mod report;
mod sinks;
mod subject;
mod tables;

pub use cases::{CASES, Case};
pub use checks::Verdict;
pub use compare::check_rows;
pub use failures::Failures;
pub use kept::{COLUMN_METADATA, KeptMetadata, TABLE_METADATA};
pub use oracle::{Decoded, Oracle};
pub use report::{Report, run};
pub use sinks::{FailingSink, OneByteSink, SharedSink};
pub use subject::Subject;
pub use tables::{SHAPES, Table, TestColumn, cells, nasty, tables};
pub use taploom_heap_meter::{CountingAllocator, HeapMeter};
