#![doc = include_str!("../README.md")]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
mod unnamed;

/// The beginning of the names of files that are not complete.
const PREFIX: &str = ".taploom-";

/// A file that gets its name when it is complete.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// On a file system without files that have no name.
    Named(tempfile::NamedTempFile),
}

impl WholeFile {
    /// Begins a file that will be at `path`, in a folder that exists.
    ///
    /// # Errors
    /// The folder does not exist, or no file can be made in it.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(folder)? {
            return Ok(Self { path, state: State::Unnamed(file) });
        }
        let state = State::Named(named(folder)?);
        Ok(Self { path, state })
    }

    /// The path that the file will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that the file has until it is complete. `None` on Linux, where it has none.
    pub fn temporary_path(&self) -> Option<&Path> {
        match &self.state {
            #[cfg(target_os = "linux")]
            State::Unnamed(_) => None,
            State::Named(file) => Some(file.path()),
        }
    }

    /// A handle to write with. All handles share one position.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn handle(&self) -> io::Result<File> {
        self.file().try_clone()
    }

    /// The number of bytes in the file.
    ///
    /// # Errors
    /// The system can't tell.
    pub fn bytes(&self) -> io::Result<u64> {
        Ok(self.file().metadata()?.len())
    }

    /// Gives the file its name. It replaces a file of that name, and takes over its mode and, as far as the process may
    /// set it, its owner.
    ///
    /// # Errors
    /// The bytes can't be brought to the disk, or the name can't be given. Nothing remains of the file then.
    pub fn commit(self) -> io::Result<()> {
        // Some file systems report failed writes only now.
        self.file().sync_all()?;
        keep_rights(self.file(), &self.path)?;
        match self.state {
            #[cfg(target_os = "linux")]
            State::Unnamed(file) => unnamed::name(&file, &self.path),
            State::Named(file) => {
                file.persist(&self.path).map(drop).map_err(|refused| refused.error)
            }
        }
    }

    fn file(&self) -> &File {
        match &self.state {
            #[cfg(target_os = "linux")]
            State::Unnamed(file) => file,
            State::Named(file) => file.as_file(),
        }
    }
}

/// A file with a temporary name.
fn named(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The umask restricts these rights, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // The crate's own error names the temporary file, which nobody has asked for.
    builder.tempfile_in(folder).map_err(|error| error.kind().into())
}

/// Gives a file the mode and the owner of the file that it replaces, if that exists.
fn keep_rights(file: &File, path: &Path) -> io::Result<()> {
    let Ok(replaced) = std::fs::metadata(path) else { return Ok(()) };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};

        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (replaced.uid(), replaced.gid()) {
            // Only root may change the owner. For other users the new file belongs to them, like any new file.
            let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()));
        }
    }
    file.set_permissions(replaced.permissions())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use std::io::Write;

    use super::*;

    fn written(path: &Path, bytes: &[u8]) -> WholeFile {
        let file = WholeFile::create(path).unwrap();
        file.handle().unwrap().write_all(bytes).unwrap();
        file
    }

    fn entries(folder: &Path) -> usize {
        folder.read_dir().unwrap().count()
    }

    #[test]
    fn a_file_replaces_another_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "old").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let rights = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(&path, rights).unwrap();
        }
        let before = std::fs::metadata(&path).unwrap().permissions();
        let file = written(&path, b"new");
        assert_eq!(file.bytes().unwrap(), 3);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        file.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions(), before);
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn nothing_remains_of_what_is_dropped_or_can_have_no_name() {
        let folder = tempfile::tempdir().unwrap();
        drop(written(&folder.path().join("a"), b"new"));
        assert_eq!(entries(folder.path()), 0);
        let taken = folder.path().join("b");
        let file = written(&taken, b"new");
        std::fs::create_dir(&taken).unwrap();
        file.commit().unwrap_err();
        assert_eq!(entries(folder.path()), 1);
        let nowhere = folder.path().join("nowhere/c");
        assert_eq!(WholeFile::create(nowhere).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// The process id alone would give two files of one folder the same name.
    #[test]
    fn many_files_of_a_folder_are_committed_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let path = folder.path().join(number.to_string());
                scope.spawn(move || {
                    for _ in 0..50 {
                        written(&path, &[number; 3]).commit().unwrap();
                    }
                });
            }
        });
        assert_eq!(entries(folder.path()), 8);
        for number in 0..8_u8 {
            let path = folder.path().join(number.to_string());
            assert_eq!(std::fs::read(path).unwrap(), [number; 3]);
        }
    }

    #[test]
    fn a_file_with_a_temporary_name_is_named_and_removed_likewise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let make = || {
            let state = State::Named(named(folder.path()).unwrap());
            let file = WholeFile { path: path.clone(), state };
            file.handle().unwrap().write_all(b"new").unwrap();
            assert!(file.temporary_path().unwrap().exists());
            file
        };
        drop(make());
        assert_eq!(entries(folder.path()), 0);
        make().commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(entries(folder.path()), 1);
    }
}
