#![doc = include_str!("../README.md")]

mod accept;
mod canonical;
mod column;
mod convert;
mod encoder;
mod error;
mod heap;
mod in_order;
mod media_type;
mod metadata;
mod options;
mod plugin;
mod registry;
mod resolve;
mod schema;
mod sink;

pub use canonical::CanonicalRows;
pub use column::{Arraysize, Column, ColumnMetadata, Datatype, Extent, VoType};
pub use encoder::{Completion, EncodeContext, EncodeSummary, Envelope, ResultEncoder};
pub use error::{Error, ErrorKind, Result};
pub use in_order::InOrder;
pub use media_type::MediaType;
pub use metadata::{
    Bound, CooSys, Group, Info, Link, Param, Reference, Resource, TableMetadata, TimeSys,
    ValueOption, Values,
};
pub use options::{FormatOptions, OptionInfo, Options};
pub use plugin::{
    Content, EncoderFormat, EncoderPlugin, EnvelopeUse, FailureReport, FormatInfo, OverflowReport,
};
pub use registry::{EncoderRegistry, EncoderSpec};
pub use schema::{ResultSchema, is_ncname, unique_names};
pub use sink::{ByteSink, Output};

#[doc(hidden)]
pub use inventory as __inventory;
