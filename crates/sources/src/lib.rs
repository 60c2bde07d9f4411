#![doc = include_str!("../README.md")]

mod column_list;
#[cfg(feature = "demo")]
mod demo;
mod file;
#[cfg(any(feature = "arrow", feature = "parquet", feature = "sqlite"))]
mod guard;
mod open;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "synth")]
mod synth;

pub use column_list::ColumnList;
pub use open::{Request, open};
