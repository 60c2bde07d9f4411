#![doc = include_str!("../README.md")]

mod arrays;
mod columns;
mod encode;
mod encodings;
mod error;
mod footer;
mod leaf_pages;
mod options;
mod output;
mod pages;
mod plain;
mod plan;
mod pool;
mod prepared;
mod stage;
mod table;
mod threads;
mod writer;

pub use crate::encodings::Encodings;
pub use crate::error::{Error, Result};
pub use crate::options::{FloatOrder, LoomOptions};
pub use crate::pool::{MemoryPool, Reservation};
pub use crate::prepared::PreparedFile;
pub use crate::writer::{LoomWriter, Written};
pub use taploom_scratch::{ScratchAction, ScratchError, ScratchSpace};

// Crates whose types are part of this API.
pub use {arrow_array, arrow_schema, parquet};
