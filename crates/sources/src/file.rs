//! Files: Parquet, Arrow, VOTable, CSV and TSV.

#[cfg(feature = "arrow")]
pub(crate) mod arrow;
#[cfg(any(feature = "arrow", feature = "parquet"))]
mod batches;
#[cfg(feature = "csv")]
pub(crate) mod csv;
#[cfg(any(feature = "arrow", feature = "parquet"))]
mod described;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
#[cfg(feature = "votable")]
pub(crate) mod votable;
