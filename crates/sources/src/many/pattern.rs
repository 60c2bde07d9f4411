//! Finds the files that a pattern of file names matches.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use taploom_model::Result;
use walkdir::{DirEntry, WalkDir};

use crate::error::invalid;

/// Whether a location has characters with a meaning in patterns.
pub(super) fn is_pattern(location: &str) -> bool {
    location.contains(['*', '?', '[', '{'])
}

/// The files that match, sorted by name. Symbolic links are followed, but a file that is found by several
/// names is returned once. As in a shell, `*` does not match hidden files and folders.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) if the pattern is not valid, a
/// folder can't be read, or no file matches.
pub(super) fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let Pattern { folder, below, depth, hidden } = Pattern::new(pattern)?;
    // The paths of the files begin like the pattern.
    let shown = |path: &Path| match folder.as_os_str().is_empty() {
        true => path.strip_prefix(".").unwrap_or(path).to_owned(),
        false => path.to_owned(),
    };
    let root = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
    let is_wanted = |entry: &DirEntry| entry.depth() == 0 || hidden || !is_hidden(entry);
    let mut files = Vec::new();
    for entry in
        WalkDir::new(root).follow_links(true).max_depth(depth).into_iter().filter_entry(is_wanted)
    {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if leads_nowhere(&error) => continue,
            Err(error) => {
                let folder = error.path().unwrap_or(root).display();
                let wrong = invalid(format!("source {pattern}: can't read the folder {folder}"));
                return Err(match error.into_io_error() {
                    Some(cause) => wrong.with_source(cause),
                    None => wrong,
                });
            }
        };
        let path = entry.path();
        let is_match = path.strip_prefix(root).is_ok_and(|path| below.is_match(path));
        if is_match && entry.file_type().is_file() {
            files.push(shown(path));
        }
    }
    files.sort();
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    if files.is_empty() {
        return Err(invalid(format!("source {pattern}: no file matches this pattern")));
    }
    Ok(files)
}

struct Pattern {
    /// The path before the first part with a special character; empty for the current folder.
    folder: PathBuf,
    /// Matches paths below `folder`.
    below: GlobMatcher,
    /// Maximum number of parts of a path that matches `below`.
    depth: usize,
    /// Whether the pattern asks for names that begin with a dot.
    hidden: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self> {
        let mut parts = Path::new(pattern).components().peekable();
        let mut folder = PathBuf::new();
        let is_plain = |part: &Component<'_>| !is_pattern(&part.as_os_str().to_string_lossy());
        while let Some(part) = parts.next_if(is_plain) {
            folder.push(part);
        }
        let rest: Vec<Component<'_>> = parts.collect();
        let below: PathBuf = rest.iter().collect();
        let below = below.to_string_lossy();
        let glob = GlobBuilder::new(&below).literal_separator(true).backslash_escape(false).build();
        let glob = glob.map_err(|error| {
            invalid(format!(
                "source {pattern}: not a pattern of file names; * stands for any part of a name, ** for any \
                 folders, ? for a character"
            ))
            .with_source(error)
        })?;
        let starts_with = |part: &Component<'_>, text: &str| match part {
            Component::Normal(name) => name.to_string_lossy().starts_with(text),
            _ => false,
        };
        Ok(Self {
            folder,
            below: glob.compile_matcher(),
            depth: match rest.iter().any(|part| starts_with(part, "**")) {
                true => usize::MAX,
                false => rest.len(),
            },
            hidden: rest.iter().any(|part| starts_with(part, ".")),
        })
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether the error is about a link to nothing, or to a folder that contains the link.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let is_missing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
    error.loop_ancestor().is_some() || error.io_error().is_some_and(is_missing)
}
