#![doc = include_str!("../README.md")]

#[cfg(feature = "tokio")]
mod ahead;
#[cfg(feature = "tokio")]
pub mod body;
#[cfg(feature = "tokio")]
mod channel_sink;
#[cfg(feature = "tokio")]
mod drive;
mod parts;
mod run;
#[cfg(feature = "tokio")]
mod spawn;
mod transform;
mod transforms;

#[cfg(feature = "tokio")]
pub use ahead::Ahead;
#[cfg(feature = "tokio")]
pub use body::{Body, BodyOptions, Chunks, Outcome, body};
pub use parts::{PartLimits, Parts, run_parts};
pub use run::{Encoded, run};
#[cfg(feature = "tokio")]
pub use spawn::{Running, spawn};
#[cfg(feature = "expressions")]
pub use taploom_expressions::SampleCounts;
pub use taploom_model::{BatchSource, Ending, RowSource, Step};
pub use transform::{Flow, Transform, Transformed};
#[cfg(feature = "url")]
pub use transforms::UrlRewrite;
pub use transforms::{Coalesce, MaxRec};
#[cfg(feature = "expressions")]
pub use transforms::{Filter, Sample, Select};
