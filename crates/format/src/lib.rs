#![doc = include_str!("../README.md")]

mod accept;
mod encoder;
mod heap;
mod in_order;
mod media_type;
mod options;
mod plugin;
mod registry;
mod sink;

pub use encoder::{EncodeContext, EncodeSummary, ResultEncoder};
pub use in_order::InOrder;
pub use media_type::MediaType;
pub use options::{FormatOptions, OptionInfo, Options};
pub use plugin::{
    Content, EncoderFormat, EncoderPlugin, EnvelopeUse, FailureReport, FormatInfo, OverflowReport,
};
pub use registry::{EncoderRegistry, EncoderSpec};
pub use sink::{ByteSink, Output};
pub use taploom_model::*;

#[doc(hidden)]
pub use inventory as __inventory;
