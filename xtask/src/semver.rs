//! Changes to the public API that break users, found by cargo-semver-checks.

use std::process::Stdio;

use crate::Outcome;
use crate::command::{cargo, run};

/// Compares the public API of every published crate with an earlier revision of this repository. A breaking change
/// without a matching version number is a failure.
///
/// Not part of `cargo xtask test`: the tool takes minutes to install, and documents every crate twice.
pub(crate) fn check(revision: &str) -> Outcome {
    let is_installed = cargo(&["semver-checks", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_installed {
        run(cargo(&["install", "cargo-semver-checks", "--locked"]))?;
    }
    run(cargo(&["semver-checks", "--workspace", "--baseline-rev", revision]))
}
