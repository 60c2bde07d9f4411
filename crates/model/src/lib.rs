#![doc = include_str!("../README.md")]

mod arraysize;
mod arrow_type;
mod attribute;
mod batch_check;
mod canonical;
mod column;
mod completion;
mod convert;
mod datatype;
mod derive;
mod error;
mod metadata;
mod plain_type;
mod resources;
mod schema;
mod shown;
mod source;
mod text_serde;
mod vo_type;

pub use arraysize::{Arraysize, Extent};
pub use attribute::{
    AstroYear, Precision, ResourceType, TimeOrigin, ValuesType, VocabularyTerm, XmlId,
};
pub use batch_check::BatchCheck;
pub use canonical::CanonicalRows;
pub use column::Column;
pub use completion::{Completion, Envelope};
pub use datatype::Datatype;
pub use error::{Error, ErrorKind, Result};
pub use metadata::{
    Bound, ColumnMetadata, CooSys, Group, Info, Link, Param, Reference, Resource, TableMetadata,
    TimeSys, ValueOption, Values,
};
pub use plain_type::plain_type;
pub use resources::Resources;
pub use schema::{ResultSchema, unique_names};
pub use shown::{counted, shown_cell};
pub use source::{BatchSource, Ending, RowSource, Step};
pub use taploom_scratch::ScratchSpace;
pub use vo_type::{CellShape, VoType};
