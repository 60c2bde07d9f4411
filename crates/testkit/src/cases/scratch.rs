//! Temporary files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use taploom_format::{Completion, EncodeContext, Resources, ScratchSpace};

use super::{said, split};
use crate::checks::{Check, Checks};
use crate::subject::Subject;
use crate::tables::long;

pub(super) fn no_temporary_file_is_left_behind(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let folder = Folder::new()?;
    let table = subject.table(long(20_000))?;
    let batches = split(&table.given, 5_000);
    let scratch = ScratchSpace::in_folder(&folder.0);
    let resources = Resources::default().with_memory_budget(2 << 20).with_scratch(scratch.clone());
    let context = EncodeContext::from(resources);
    let failed = Completion::Failed { message: "the rows stopped coming".to_owned() };
    for completion in [Some(Completion::Complete), Some(Completion::Overflow), Some(failed), None] {
        let mut encoder =
            subject.start(&table.schema, &context, Box::new(io::sink())).map_err(said)?;
        for batch in &batches {
            encoder.write_batch(batch).map_err(said)?;
        }
        let how = match completion {
            Some(completion) => {
                let how = format!("finish({completion:?})");
                let result = encoder.finish(completion.clone());
                checks.that(result.is_ok() || completion.query_status() == "ERROR", || {
                    format!("{how} with 2 MiB of memory: {:?}", result.as_ref().err())
                })?;
                how
            }
            None => {
                drop(encoder);
                "a drop without finish".to_owned()
            }
        };
        let left = files(&folder.0)?;
        checks.that(left.is_empty(), || format!("{how} leaves temporary files: {left:?}"))?;
        checks.equal(format!("bytes of scratch in use after {how}"), &scratch.used(), &0)?;
    }
    Ok(())
}

fn files(folder: &Path) -> Check<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(said)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(said)).collect()
}

/// A folder for temporary files, which is removed when the value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Check<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("taploom-testkit-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(said)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that can't be removed is left for inspection.
        let _ = fs::remove_dir_all(&self.0);
    }
}
