//! Tests the program `taploom`: its commands, what they write and say, and what they refuse.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod bench;
#[path = "../common/mod.rs"]
mod common;
mod edges;
mod exit_status;
mod folders;
mod help;
mod inspect;
#[cfg(feature = "bridge")]
mod job;
mod messages;
mod outputs;
mod refused;
mod sample;
mod scratch;
mod show;
mod standard_input;
#[cfg(target_os = "linux")]
mod terminal;
mod votable_source;
mod wanted;
#[cfg(feature = "bridge")]
mod worker;
mod written;
