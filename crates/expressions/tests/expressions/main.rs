//! Tests conditions: their results, and the SQL that they are translated to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod decimals;
mod sql;
