//! What the log says about the spool folder and its files, so that it is not said at every look.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::{info, warn};

use crate::lock::lock;

/// The problems that the log has named.
#[derive(Default)]
pub(super) struct Problems {
    files: Mutex<HashMap<PathBuf, String>>,
    folder: Mutex<Option<String>>,
}

impl Problems {
    /// Says once that a file can't be taken. It is tried again at every look. Returns whether it was said.
    pub(super) fn of_file(&self, file: PathBuf, why: impl fmt::Display) -> bool {
        let why = why.to_string();
        let mut files = lock(&self.files);
        let is_new = files.get(&file) != Some(&why);
        if is_new {
            warn!(file = %file.display(), "a file of the spool folder is left as it is: {why}");
            files.insert(file, why);
        }
        is_new
    }

    /// Forgets what was said about files that are gone.
    pub(super) fn forget_gone(&self) {
        lock(&self.files).retain(|file, _| file.symlink_metadata().is_ok());
    }

    /// Says once that the folder can't be looked at, and that it can be again. Returns whether it was said.
    pub(super) fn of_folder(&self, error: Option<&io::Error>) -> bool {
        let why = error.map(ToString::to_string);
        let mut folder = lock(&self.folder);
        let is_new = *folder != why;
        match &why {
            Some(why) if is_new => warn!("the spool folder: {why}"),
            None if is_new => info!("the spool folder can be looked at again"),
            _ => {}
        }
        *folder = why;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_is_named_once() {
        let problems = Problems::default();
        let file = || PathBuf::from("a.json");
        let of_file = ["it is a folder", "it is a folder", "it is a pipe", "it is a pipe"];
        let said = of_file.map(|why| problems.of_file(file(), why));
        assert_eq!(said, [true, false, true, false]);
        problems.forget_gone();
        assert!(problems.of_file(file(), "it is a pipe"));

        let gone = io::Error::from(io::ErrorKind::NotFound);
        let away = io::Error::from(io::ErrorKind::StaleNetworkFileHandle);
        let looks = [None, Some(&gone), Some(&gone), Some(&away), None, None, Some(&away)];
        let said = looks.map(|error| problems.of_folder(error));
        assert_eq!(said, [false, true, false, true, true, false, true]);
    }
}
