//! The programs that people read files with, as oracles of the tests.
//!
//! They run in Python, in one process that `readers/readers.py` describes; `cargo xtask setup`
//! installs what it needs under `target/python`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod oracle;
mod readers;

pub use oracle::{ReaderOracle, as_the_reader_tells_apart};
pub use readers::{Field, Read, Reader, Readers, votlint};
