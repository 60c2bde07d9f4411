#![doc = include_str!("../README.md")]

mod column_list;
#[cfg(feature = "demo")]
mod demo;
mod file;
#[cfg(any(feature = "arrow", feature = "mysql", feature = "parquet", feature = "sqlite"))]
mod guard;
#[cfg(feature = "mysql")]
pub mod mysql;
mod open;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "synth")]
mod synth;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
mod timestamp;

pub use column_list::ColumnList;
pub use open::{Request, open};
