#![doc = include_str!("../README.md")]

mod accept;
mod driver;
mod encoder;
mod format_info;
mod heap;
mod in_order;
mod kept;
mod losses;
mod media_type;
mod options;
mod plugin;
mod prefetch;
mod registry;
mod row_blocks;
mod sink;
mod spec;

pub use driver::Encoder;
pub use encoder::{EncodeContext, EncodeSummary, ResultEncoder, Written};
pub use format_info::{Content, EnvelopeUse, FailureReport, FormatInfo, OverflowReport, RowsGiven};
pub use in_order::InOrder;
pub use kept::Spare;
pub use losses::{CellLosses, ColumnLosses, Losses};
pub use media_type::MediaType;
pub use options::{FormatOptions, NoOptions, OptionInfo, Options};
pub use plugin::{EncoderFormat, EncoderPlugin};
pub use prefetch::prefetch;
pub use registry::EncoderRegistry;
pub use row_blocks::{BlockFormat, BlockRows, RowBlocks};
pub use sink::{ByteSink, Output};
pub use spec::EncoderSpec;
pub use taploom_model::*;

/// The crates whose types are part of this crate's interface, in the versions that it uses.
pub use {arrow_array, arrow_schema, schemars, serde, serde_json};

#[doc(hidden)]
pub use inventory as __inventory;
