//! Tests the files that the writer makes, and what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[path = "../common/mod.rs"]
mod common;
mod encodings;
mod faults;
mod refused;
mod same_bytes;
mod statistics;
mod values;

/// `cargo xtask test quick` leaves the tests with random tables out.
mod slow {
    mod plain_columns;
    mod random;
}
