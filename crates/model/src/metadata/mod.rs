//! VO metadata: what a VOTable document says apart from its rows.
//!
//! Plain data with the names of the standard, in JSON as in XML. `taploom-votable` writes and reads all of
//! it; formats without a document leave parts of it out. An attribute with a grammar has a type that
//! admits nothing else (`attribute.rs`).

mod column;
mod domain;
mod link;
mod table;

pub use column::ColumnMetadata;
pub use domain::{Bound, ValueOption, Values};
pub use link::Link;
pub use table::{CooSys, Group, Info, Param, Reference, Resource, TableMetadata, TimeSys};
