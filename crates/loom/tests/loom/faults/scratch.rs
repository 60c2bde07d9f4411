//! Scratch that fails, is capped, or must not be needed.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use taploom_loom::{Error, LoomWriter, ScratchAction, ScratchError, ScratchSpace};
use taploom_scratch::{ReadPattern, ScratchStorage, StorageFile};

use super::{Case, MIB, attempt, error_of, is_readable, spread};

use crate::common::{loom, read};

pub(crate) const ACTIONS: [ScratchAction; 3] =
    [ScratchAction::Create, ScratchAction::Write, ScratchAction::Read];

/// Scratch in memory that counts its operations, and fails or panics at one of them.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    pub(crate) done: Arc<[AtomicUsize; 3]>,
    pub(crate) fault: Option<(ScratchAction, usize)>,
    pub(crate) panics: bool,
}

impl Faulty {
    fn done(&self, action: ScratchAction) -> &AtomicUsize {
        &self.done[ACTIONS.iter().position(|one| *one == action).unwrap()]
    }

    fn act(&self, action: ScratchAction) -> io::Result<()> {
        let number = self.done(action).fetch_add(1, Ordering::Relaxed);
        if self.fault == Some((action, number)) {
            assert!(!self.panics, "injected");
            return Err(io::Error::new(kind_of(action), "injected"));
        }
        Ok(())
    }
}

fn kind_of(action: ScratchAction) -> io::ErrorKind {
    match action {
        ScratchAction::Write => io::ErrorKind::StorageFull,
        _ => io::ErrorKind::Other,
    }
}

impl ScratchStorage for Faulty {
    fn create(&self, _: ReadPattern) -> io::Result<Box<dyn StorageFile>> {
        self.act(ScratchAction::Create)?;
        Ok(Box::new(FaultyFile { space: self.clone(), bytes: Mutex::default() }))
    }

    fn place(&self) -> String {
        "a place that fails".to_owned()
    }
}

struct FaultyFile {
    space: Faulty,
    bytes: Mutex<Vec<u8>>,
}

impl StorageFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.space.act(ScratchAction::Write)?;
        let mut file = self.bytes.lock().unwrap();
        let offset = offset as usize;
        assert!(offset <= file.len(), "a hole in a scratch file");
        let end = file.len().max(offset + bytes.len());
        file.resize(end, 0);
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.space.act(ScratchAction::Read)?;
        let offset = offset as usize;
        bytes.copy_from_slice(&self.bytes.lock().unwrap()[offset..offset + bytes.len()]);
        Ok(())
    }
}

/// Fails each operation on scratch once.
fn every_fault_of_scratch(case: &Case, threads: usize) {
    let sound = Faulty::default();
    let options = || case.options(threads);
    let (whole, _) = loom(&case.batches, options().with_scratch(ScratchSpace::on(sound.clone())));
    let files = sound.done(ScratchAction::Create).load(Ordering::Relaxed);
    assert_eq!(files, case.files, "less goes through scratch than is meant to");
    for action in ACTIONS {
        let count = sound.done(action).load(Ordering::Relaxed);
        let mut faults = 0;
        for number in spread(count) {
            let scratch = Faulty { fault: Some((action, number)), ..Faulty::default() };
            let mut file = Vec::new();
            let schema = case.batches[0].schema();
            let options = options().with_scratch(ScratchSpace::on(scratch.clone()));
            let outcome = attempt(&mut file, schema, &case.batches, options);
            if scratch.done(action).load(Ordering::Relaxed) <= number {
                // With several threads, it depends on timing which pages fit in memory.
                assert!(threads > 1 && outcome.is_ok() && file == whole);
                continue;
            }
            faults += 1;
            match outcome {
                Err(Error::Scratch(ScratchError::Failed { action: failed, place, source })) => {
                    assert_eq!(failed, action);
                    assert_eq!(place, scratch.place());
                    assert_eq!(source.kind(), kind_of(action));
                    assert_eq!(source.to_string(), "injected");
                }
                other => panic!("{action} no. {number} of {count}: {other:?}"),
            }
            assert!(!is_readable(&file), "{action} no. {number} of {count}: a file");
        }
        assert!(faults * 2 > spread(count).count(), "{faults} faults of {count} times {action}");
    }
}

#[test]
fn scratch_fails_under_a_long_table() {
    every_fault_of_scratch(&Case::long(), 1);
    every_fault_of_scratch(&Case::long(), 3);
}

#[test]
fn scratch_is_capped_to_the_byte() {
    for case in [Case::wide(), Case::long()] {
        let schema = case.batches[0].schema();
        let options = |cap| case.options(1).with_scratch(ScratchSpace::default().limited_to(cap));
        let (whole, written) = loom(&case.batches, options(u64::MAX));
        let needed = written.scratch_bytes;
        for cap in [0, 1, needed / 3, needed / 2, needed - 1] {
            let error = error_of(&schema, &case.batches, options(cap));
            let Error::Scratch(ScratchError::OverBudget { budget, .. }) = error else {
                panic!("{error:?}");
            };
            assert_eq!(budget, cap);
        }
        let (file, written) = loom(&case.batches, options(needed));
        assert!(file == whole);
        assert_eq!(written.scratch_bytes, needed);
    }
}

/// A storage in which no file may be created.
struct NoScratch;

impl ScratchStorage for NoScratch {
    fn create(&self, _: ReadPattern) -> io::Result<Box<dyn StorageFile>> {
        panic!("a scratch file for what fits in memory")
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

#[test]
fn what_fits_in_memory_needs_no_scratch() {
    for case in [Case::wide(), Case::long()] {
        for threads in [1, 3] {
            let options = case.options(threads).with_memory_budget(64 * MIB);
            let options = options.with_scratch(ScratchSpace::on(NoScratch).limited_to(0));
            let (file, written) = loom(&case.batches, options);
            assert_eq!(written.scratch_bytes, 0);
            assert_eq!(
                read(file).1.iter().map(RecordBatch::num_rows).sum::<usize>() as u64,
                written.rows
            );
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let case = Case::wide();
    let options = case.options(1).with_scratch(ScratchSpace::in_folder(&missing));
    match error_of(&case.batches[0].schema(), &case.batches, options) {
        Error::Scratch(ScratchError::Failed { action: ScratchAction::Create, place, source }) => {
            assert_eq!(place, missing.display().to_string());
            assert_eq!(source.kind(), io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn scratch_files_have_no_name_and_are_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let case = Case::wide();
    let options = case.options(1).with_scratch(ScratchSpace::in_folder(folder.path()));
    let mut writer = LoomWriter::try_new(io::sink(), case.batches[0].schema(), options).unwrap();
    for batch in &case.batches {
        writer.write(batch).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;

        let files = open_in(folder.path());
        assert!(files.len() >= 3, "rows, pages and metadata went to {} files", files.len());
        for file in files {
            assert_eq!(file.mode() & 0o7777, 0o600);
            assert_eq!(file.nlink(), 0);
        }
    }
    drop(writer);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    #[cfg(target_os = "linux")]
    assert!(open_in(folder.path()).is_empty(), "scratch files are left open");
}

/// The open files of this process that were made in a folder.
#[cfg(target_os = "linux")]
fn open_in(folder: &std::path::Path) -> Vec<std::fs::Metadata> {
    let folder = folder.canonicalize().unwrap();
    let mut files = Vec::new();
    for descriptor in std::fs::read_dir("/proc/self/fd").unwrap() {
        let descriptor = descriptor.unwrap().path();
        // Other tests may close files at the same time.
        let Ok(target) = descriptor.read_link() else { continue };
        if target.starts_with(&folder) && target.to_string_lossy().ends_with(" (deleted)") {
            files.push(descriptor.metadata().unwrap());
        }
    }
    files
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn scratch_fails_under_a_wide_table() {
        every_fault_of_scratch(&Case::wide(), 1);
    }

    #[test]
    fn scratch_fails_under_a_wide_table_and_threads() {
        every_fault_of_scratch(&Case::wide(), 3);
    }
}
