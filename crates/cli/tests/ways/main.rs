//! Inputs and outputs: standard input, several files, compressed files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[path = "../common/mod.rs"]
mod common;
mod folders;
mod outputs;
mod standard_input;
