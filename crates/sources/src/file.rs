//! Files: Parquet, Arrow, FITS, VOTable, CSV, TSV, ECSV and JSON Lines.

#[cfg(feature = "arrow")]
pub(crate) mod arrow;
#[cfg(any(
    feature = "arrow",
    feature = "csv",
    feature = "fits",
    feature = "jsonl",
    feature = "parquet"
))]
mod batches;
#[cfg(feature = "csv")]
pub(crate) mod csv;
#[cfg(any(feature = "arrow", feature = "ecsv", feature = "fits", feature = "parquet"))]
mod described;
#[cfg(feature = "ecsv")]
pub(crate) mod ecsv;
#[cfg(feature = "fits")]
pub(crate) mod fits;
#[cfg(feature = "jsonl")]
pub(crate) mod jsonl;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
#[cfg(feature = "votable")]
pub(crate) mod votable;
