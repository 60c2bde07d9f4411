//! The folders of the workspace and of compiled code.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// The Cargo profile of the program that is measured and shipped.
pub(crate) const SHIPPED: &str = "release";

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for what it runs. The path at compile time may be that of another checkout with the same
    // target folder.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_owned)
}

/// The target folder: `CARGO_TARGET_DIR` if that is set, otherwise `target` in the workspace.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| PathBuf::from(folder)),
        None => root().join("target"),
    }
}

/// The path of a program of this workspace, built with the profile [`SHIPPED`].
pub(crate) fn program(name: &str) -> String {
    target().join(SHIPPED).join(name).display().to_string()
}

/// What a folder contains, by name.
pub(crate) fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()
    });
    let mut entries =
        entries.map_err(|error| format!("can't read {}: {error}", folder.display()))?;
    entries.sort();
    Ok(entries)
}
