//! Finds the files of folders, patterns and lists of files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use taploom_model::Result;

use super::pattern::{is_pattern, matching};
use crate::error::invalid;
use crate::input::STDIN;
use crate::location::is_url;

/// The files that a list of locations names. The files of a folder or pattern are sorted by name; otherwise
/// the order of the list is kept. `None` if the list is a single location that is neither a folder nor a
/// pattern.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`](taploom_model::ErrorKind::InvalidRequest) for a folder or pattern without
/// files, and for standard input together with files.
pub(crate) fn files(locations: &[&str]) -> Result<Option<Vec<String>>> {
    let mut files = Vec::new();
    let mut is_list = locations.len() > 1;
    for location in locations {
        if *location == STDIN && locations.len() > 1 {
            return Err(invalid(
                "source -: standard input can't be joined with other sources; give it alone, or save it to a \
                 file",
            ));
        }
        let found = match Path::new(location) {
            _ if *location == STDIN || is_url(location) => None,
            path if path.is_dir() => Some(in_folder(location, path)?),
            path if !path.exists() && is_pattern(location) => Some(named(matching(location)?)?),
            _ => None,
        };
        is_list |= found.is_some();
        files.extend(found.unwrap_or_else(|| vec![(*location).to_owned()]));
    }
    Ok(is_list.then_some(files))
}

/// Whether the file of this name in a folder is not read: helper files, such as `_SUCCESS`, have names that begin with
/// `.` or `_`. A pattern, too, finds no file whose name begins with a dot unless the pattern does.
pub fn is_helper(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
}

/// The files of a folder, not of folders within it.
fn in_folder(location: &str, folder: &Path) -> Result<Vec<String>> {
    let unreadable = |error: std::io::Error| {
        invalid(format!("source {location}: can't read the folder")).with_source(error)
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !path.file_name().is_some_and(is_helper) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(invalid(format!(
            "source {location}: the folder has no files; a quoted pattern finds files in the folders within it: \
             \"{}/**/*.parquet\"",
            location.trim_end_matches('/')
        )));
    }
    files.sort();
    named(files)
}

/// The names of the files.
fn named(files: Vec<PathBuf>) -> Result<Vec<String>> {
    let names = files.into_iter().map(|path| {
        path.into_os_string().into_string().map_err(|name| {
            invalid(format!("source {}: its name is not UTF-8; rename the file", name.display()))
        })
    });
    names.collect()
}
