//! Other programs read what Taploom writes, and Taploom reads what they write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[path = "../../../crates/loom/tests/common/mod.rs"]
mod common;
mod conditions;
mod corpus;
mod formats;
mod inspect;
mod matrix;
mod parquet;
mod sampled;
mod validators;
mod voparquet;
mod votable;
