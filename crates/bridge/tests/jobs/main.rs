//! Runs jobs with rows from SQLite, and with stores that the tests start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod destinations;
mod faults;
mod losses;
mod s3;
mod samples;
mod statuses;
#[path = "../support/mod.rs"]
mod support;
