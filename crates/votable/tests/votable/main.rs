//! Tests the reader and the writer of documents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod cells;
#[path = "../common/mod.rs"]
mod common;
mod documents;
mod fields;
mod frame;
mod refused;
