#![doc = include_str!("../README.md")]

mod batch_check;
mod canonical;
mod column;
mod completion;
mod convert;
mod error;
mod metadata;
mod resolve;
mod resources;
mod schema;
mod source;

pub use batch_check::BatchCheck;
pub use canonical::CanonicalRows;
pub use column::{Arraysize, Column, ColumnMetadata, Datatype, Extent, VoType};
pub use completion::{Completion, Envelope};
pub use error::{Error, ErrorKind, Result};
pub use metadata::{
    Bound, CooSys, Group, Info, Link, Param, Reference, Resource, TableMetadata, TimeSys,
    ValueOption, Values,
};
pub use resources::Resources;
pub use schema::{ResultSchema, is_ncname, unique_names};
pub use source::{BatchSource, Ending, RowSource, Step};
pub use taploom_scratch::ScratchSpace;
