#![doc = include_str!("../README.md")]

mod cases;
mod oracle;
mod sinks;
mod subject;
mod tables;

pub use cases::{CASES, Case};
pub use oracle::{Decoded, Oracle};
pub use sinks::{FailingSink, OneByteSink, SharedSink};
pub use subject::{Subject, check_rows};
pub use tables::{SHAPES, Table, TestColumn, cells, nasty, tables};
