//! Common readers of the formats, used as oracles of the tests.
//!
//! Most run in Python, in one process that `readers/readers/__init__.py` describes. Older versions of some run
//! in a separate Python. STIL, the STIL of STILTS, and parquet-java run in Java, in a program that
//! `readers/java/Readers.java` describes. `cargo xtask setup` installs what they need in the target folder,
//! under `python`, `python-older` and `java`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod checks;
mod losses;
mod matrix;
mod oracle;
mod process;
mod random;
mod reader;
mod readers;
mod variants;

use std::path::PathBuf;

pub use checks::{
    Validator, check_joined_by_astropy, check_kept_types, check_same_by_stil, check_vocabulary,
    write_every_type,
};
pub use losses::{LOSSES, Loss, with_losses};
pub use matrix::matrix;
pub use oracle::{ReaderOracle, types_of};
pub use random::{Random, mixed};
pub use reader::Reader;
pub use readers::{Field, Filtered, Read, Readers, Request};
pub use variants::{VARIANTS, Variant};

/// The target folder: `CARGO_TARGET_DIR` if that is set, otherwise `target` in the workspace.
#[must_use]
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => readers::workspace().join(folder),
        None => readers::workspace().join("target"),
    }
}

#[cfg(doctest)]
mod documents;
