//! Files without a name (`O_TMPFILE`): they vanish with the process, however that ends.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

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
/// file.
pub(crate) fn name(file: &File, path: &Path) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_file_name(format!("{PREFIX}{}-{number}", std::process::id()));
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    // A leftover of a dead process with the same id.
    let _ = std::fs::remove_file(&beside);
    rustix::fs::linkat(CWD, &link, CWD, &beside, AtFlags::SYMLINK_FOLLOW)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })
}
