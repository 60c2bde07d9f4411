#![doc = include_str!("../README.md")]

mod ahead;
mod channel_sink;
mod encode;
mod encode_stream;
mod max_rec;

pub use ahead::Ahead;
pub use channel_sink::ChannelSink;
pub use encode::{Encoded, encode};
pub use encode_stream::{EncodeStream, Limits, encode_stream};
pub use max_rec::MaxRec;
pub use taploom_model::{BatchSource, Ending, RowSource, Step};
