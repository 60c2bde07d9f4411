#![doc = include_str!("../README.md")]

mod column_list;
#[cfg(feature = "demo")]
mod demo;
mod error;
#[cfg(any(
    feature = "arrow",
    feature = "csv",
    feature = "fits",
    feature = "jsonl",
    feature = "parquet",
    feature = "votable"
))]
mod file;
#[cfg(any(
    feature = "arrow",
    feature = "jsonl",
    feature = "mysql",
    feature = "parquet",
    feature = "sqlite"
))]
mod guard;
mod guesses;
mod input;
mod input_format;
mod location;
mod many;
#[cfg(feature = "mysql")]
pub mod mysql;
mod plugin;
#[cfg(feature = "postgres")]
pub mod postgres;
mod progress;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
mod pushdown;
mod registry;
mod request;
mod row_numbers;
mod sampling;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "synth")]
mod synth;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod timestamp;
mod wanted;

use taploom_model::{Result, RowSource};

pub use column_list::ColumnList;
#[doc(hidden)]
pub use inventory as __inventory;
pub use many::locations::is_helper;
pub use plugin::{
    FILE_BEGINNING, Place, QueryUse, SourceInfo, SourceOption, SourcePlugin, SourceType,
};
pub use progress::ReadProgress;
pub use registry::SourceRegistry;
pub use request::Request;
pub use sampling::{SampleReport, SampleStats};
pub use taploom_expressions::{Condition, FirstIds, SelectList};

/// The sources of this crate's features, for a [`SourceRegistry::new`] with only some of them.
pub mod plugins {
    #[cfg(feature = "demo")]
    pub use crate::demo::DEMO;
    #[cfg(feature = "arrow")]
    pub use crate::file::arrow::ARROW;
    #[cfg(feature = "csv")]
    pub use crate::file::csv::{CSV, TSV};
    #[cfg(feature = "ecsv")]
    pub use crate::file::ecsv::ECSV;
    #[cfg(feature = "fits")]
    pub use crate::file::fits::FITS;
    #[cfg(feature = "jsonl")]
    pub use crate::file::jsonl::JSONL;
    #[cfg(feature = "parquet")]
    pub use crate::file::parquet::PARQUET;
    #[cfg(feature = "votable")]
    pub use crate::file::votable::VOTABLE;
    #[cfg(feature = "mysql")]
    pub use crate::mysql::MYSQL;
    #[cfg(feature = "postgres")]
    pub use crate::postgres::POSTGRES;
    #[cfg(feature = "sqlite")]
    pub use crate::sqlite::SQLITE;
    #[cfg(feature = "synth")]
    pub use crate::synth::SYNTH;
}

/// Opens a source. All sources that the program links are available.
///
/// # Errors
/// As [`SourceRegistry::collected`] and [`SourceRegistry::open`].
pub async fn open(request: &Request<'_>) -> Result<Box<dyn RowSource>> {
    SourceRegistry::collected()?.open(request).await
}
