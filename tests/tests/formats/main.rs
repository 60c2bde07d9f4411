//! Tests the formats that are registered, with tables of all kinds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod registry;

/// `cargo xtask test quick` leaves these out.
mod slow {
    mod properties;
    mod row_groups;
}
