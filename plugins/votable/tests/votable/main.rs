//! Compares documents with golden files and with VOTable 1.4, cell by cell.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod datatypes;
mod golden;
mod rules;
#[path = "../support/mod.rs"]
mod support;
