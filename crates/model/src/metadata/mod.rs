//! VO metadata: everything in a VOTable document except its rows.
//!
//! These types are plain data with the names of the standard, in JSON as in XML. `taploom-votable` writes
//! and reads all of them; formats without a document leave some out. An attribute with a grammar has a
//! type that can hold only valid values (`attribute.rs`).

mod column;
mod domain;
mod link;
mod table;

pub use column::ColumnMetadata;
pub use domain::{Bound, ValueOption, Values};
pub use link::Link;
pub use table::{CooSys, Group, Info, Param, Reference, Resource, TableMetadata, TimeSys};
