//! Tests limits that several files share, files that are read while they are written, and that no
//! files remain.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails panics")]

use std::io::{self, IoSlice, Read, Seek, Write};

use taploom_scratch::{ReadPattern, ScratchAction, ScratchError, ScratchSpace, Spool};

fn space() -> (tempfile::TempDir, ScratchSpace) {
    let folder = tempfile::tempdir().unwrap();
    let space = ScratchSpace::in_folder(folder.path());
    (folder, space)
}

#[track_caller]
fn refused_at(budget: u64, outcome: Result<u64, ScratchError>) {
    match outcome {
        Err(ScratchError::OverBudget { budget: told, .. }) => assert_eq!(told, budget),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_of_a_space_share_its_limit_to_the_byte() {
    let (_folder, space) = space();
    let space = space.limited_to(100);
    let (mut one, mut other) =
        (space.file(ReadPattern::InOrder), space.clone().file(ReadPattern::Scattered));
    one.append(&[1; 60]).unwrap();
    refused_at(100, other.append(&[2; 41]));
    other.append(&[2; 40]).unwrap();
    refused_at(100, one.append(&[1]));
    assert_eq!((space.used(), space.peak(), space.budget()), (100, 100, 100));
    drop(one);
    assert_eq!((space.used(), space.peak()), (40, 100));
    other.append(&[3; 60]).unwrap();
}

#[test]
fn slices_are_appended_one_after_the_other() {
    let (_folder, space) = space();
    let space = space.limited_to(6000);
    let mut file = space.file(ReadPattern::Scattered);
    file.append(b"before").unwrap();
    // More slices than the system takes at once, some of them empty.
    let pieces: Vec<Vec<u8>> = (0..3000_u32).map(|n| vec![n as u8; n as usize % 4]).collect();
    let slices = || pieces.iter().map(|piece| IoSlice::new(piece)).collect::<Vec<_>>();
    assert_eq!(file.append_slices(&mut slices()).unwrap(), 6);
    let mut read = vec![0; 4500];
    file.read_exact_at(&mut read, 6).unwrap();
    assert_eq!(read, pieces.concat());
    assert_eq!(file.append_slices(&mut [IoSlice::new(&[])]).unwrap(), 4506);
    refused_at(6000, file.append_slices(&mut slices()));
    assert_eq!(file.len(), 4506);
}

#[test]
fn a_space_in_a_space_counts_in_both_and_is_refused_by_either() {
    let (_folder, space) = space();
    let process = space.limited_to(100);
    let (first, second) = (process.limited_to(70), process.counted());
    let mut one = first.file(ReadPattern::InOrder);
    one.append(&[0; 70]).unwrap();
    refused_at(70, one.append(&[0]));
    let mut other = second.file(ReadPattern::InOrder);
    refused_at(100, other.append(&[0; 31]));
    assert_eq!(second.used(), 0, "bytes that were refused count");
    other.append(&[0; 30]).unwrap();
    assert_eq!((first.used(), second.used(), process.used()), (70, 30, 100));
    assert_eq!((first.budget(), second.budget()), (70, 100));
    drop((one, other));
    assert_eq!((first.used(), second.used(), process.used()), (0, 0, 0));
}

#[test]
fn a_file_that_is_cleared_keeps_its_room_and_fills_it_again() {
    let (_folder, space) = space();
    let mut file = space.file(ReadPattern::InOrder);
    file.append(b"first").unwrap();
    file.clear();
    assert!(file.is_empty());
    assert_eq!(file.append(b"two").unwrap(), 0);
    assert_eq!((file.len(), space.used()), (3, 5));
    let mut bytes = [0; 3];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"two");
}

#[test]
fn a_reader_outlives_the_file_and_holds_its_room() {
    let (_folder, space) = space();
    let mut file = space.file(ReadPattern::InOrder);
    let reader = file.reader();
    assert!(reader.is_empty());
    file.write_all(b"all of the result").unwrap();
    file.flush().unwrap();
    drop(file);
    let again = reader.clone();
    drop(reader);
    let mut bytes = vec![0; usize::try_from(again.len()).unwrap()];
    again.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, b"all of the result");
    assert_eq!(space.used(), 17);
    drop(again);
    assert_eq!(space.used(), 0);
}

#[test]
fn errors_say_what_was_done_where_and_why() {
    let missing = ScratchSpace::in_folder("/missing");
    let error = missing.file(ReadPattern::InOrder).append(b"x").unwrap_err();
    assert_eq!(error.to_string(), "can't create a temporary file in /missing");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
    assert_eq!(missing.used(), 0, "a file that could not be made takes room");

    let (_folder, space) = space();
    let mut file = space.file(ReadPattern::InOrder);
    file.append(b"four").unwrap();
    match file.read_exact_at(&mut [0; 5], 0) {
        Err(ScratchError::Failed { action: ScratchAction::Read, source, .. }) => {
            assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof);
        }
        other => panic!("{other:?}"),
    }
    let small = space.limited_to(3);
    let error = small.file(ReadPattern::InOrder).write_all(b"four").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    let place = space.place();
    assert_eq!(
        error.to_string(),
        format!("temporary files in {place} would take more than their limit of 3 bytes")
    );
}

#[test]
fn nothing_is_left_in_the_folder_not_even_while_files_are_open() {
    let (folder, space) = space();
    let mut file = space.file(ReadPattern::Scattered);
    file.append(b"rows").unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn threads_that_draw_on_one_space_never_pass_its_limit() {
    let (_folder, space) = space();
    let space = space.limited_to(1000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut file = space.file(ReadPattern::InOrder);
                while file.append(&[0; 7]).is_ok() {}
                assert!(space.used() <= 1000);
            });
        }
    });
    assert_eq!(space.used(), 0);
    assert!((986..=1000).contains(&space.peak()), "{}", space.peak());
}

/// Bytes that differ from position to position.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

#[test]
fn a_spool_gives_back_what_it_took_whatever_the_pieces_and_the_memory() {
    let bytes = pattern(300_000);
    for memory in [0, 1, 1000, 5000, 100_000, 300_000, 1 << 20] {
        for piece in [1, 13, 4096, 70_000, 300_000] {
            let (_folder, space) = space();
            let mut spool = Spool::new(&space, memory);
            // Without memory, every single byte takes a system call.
            let bytes = if piece == 1 { &bytes[..20_000] } else { &bytes[..] };
            for piece in bytes.chunks(piece) {
                spool.append(piece).unwrap();
                assert!(spool.heap_bytes() <= memory, "{} of {memory}", spool.heap_bytes());
            }
            assert_eq!(spool.len(), bytes.len() as u64);
            assert_eq!(space.used() > 0, bytes.len() > memory, "{memory} {piece}");
            let mut reader = io::BufReader::new(spool.into_reader());
            for _ in 0..2 {
                let mut read = Vec::new();
                reader.rewind().unwrap();
                reader.read_to_end(&mut read).unwrap();
                assert!(read == bytes, "{memory} {piece}");
            }
        }
    }
}

#[test]
fn a_spool_that_was_drained_begins_again_in_memory() {
    let (_folder, space) = space();
    let mut spool = Spool::new(&space, 1000);
    for round in 0..3 {
        let bytes = pattern(500 + round * 1000);
        spool.append(&bytes).unwrap();
        let mut out = Vec::new();
        spool.drain_to(&mut out).unwrap();
        assert_eq!(out, bytes);
        assert!(spool.is_empty());
    }
    let used = space.used();
    spool.append(&pattern(900)).unwrap();
    assert_eq!(space.used(), used);
}
