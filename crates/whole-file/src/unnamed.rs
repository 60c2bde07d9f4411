//! Files without a name (`O_TMPFILE`): they vanish with the process, however that ends.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::PREFIX;

/// `None` if the file system does not support such files.
pub(crate) fn create(folder: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Links the file to a temporary name next to the final one, and renames that, because a link can't replace an existing
/// file. The name is random: the id of a process is not, where containers share a folder.
pub(crate) fn name(file: &File, path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let linked = tempfile::Builder::new().prefix(PREFIX).make_in(folder, |beside| {
        rustix::fs::linkat(CWD, &link, CWD, beside, AtFlags::SYMLINK_FOLLOW)
            .map_err(io::Error::from)
    });
    let linked = linked.map_err(|error| io::Error::from(error.kind()))?;
    linked.persist(path).map(drop).map_err(|refused| refused.error)
}
