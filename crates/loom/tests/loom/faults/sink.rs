//! Sinks that fail, take few bytes at a time, or are full.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use taploom_loom::{Error, LoomOptions, ScratchSpace};

use super::scratch::Faulty;
use super::{Case, attempt, is_readable, spread};

use crate::common::{every_type, loom};

/// A sink that fails some of its writes.
#[derive(Default)]
struct FaultySink {
    bytes: Vec<u8>,
    writes: usize,
    failing: Range<usize>,
    kind: Option<io::ErrorKind>,
}

impl Write for FaultySink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let number = self.writes;
        self.writes += 1;
        if let Some(kind) = self.kind.filter(|_| self.failing.contains(&number)) {
            return Err(io::Error::new(kind, "injected"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails each write to the sink: this one and all that follow, or only this one.
fn every_fault_of_the_sink(case: &Case, threads: usize, for_good: bool) {
    let kind = if for_good { io::ErrorKind::BrokenPipe } else { io::ErrorKind::TimedOut };
    let schema = case.batches[0].schema();
    let run = |sink: &mut FaultySink| {
        let options = case.options(threads).with_scratch(ScratchSpace::on(Faulty::default()));
        attempt(sink, Arc::clone(&schema), &case.batches, options)
    };
    let mut sound = FaultySink::default();
    run(&mut sound).unwrap();
    assert!(is_readable(&sound.bytes));
    for number in spread(sound.writes) {
        let end = if for_good { usize::MAX } else { number + 1 };
        let mut sink = FaultySink { failing: number..end, kind: Some(kind), ..Default::default() };
        let which = format!("write no. {number} of {}", sound.writes);
        match run(&mut sink) {
            Err(Error::Sink(source)) => {
                assert_eq!(source.kind(), kind, "{which}");
                assert_eq!(source.to_string(), "injected", "{which}");
            }
            other => panic!("{which}: {other:?}"),
        }
        assert!(!is_readable(&sink.bytes), "{which}: a file");
    }
}

#[test]
fn a_sink_fails_once_under_threads() {
    every_fault_of_the_sink(&Case::wide(), 3, false);
}

/// A sink made of two functions.
pub(crate) struct SinkBy<F, G> {
    pub(crate) write: F,
    pub(crate) flush: G,
}

impl<F, G> Write for SinkBy<F, G>
where
    F: FnMut(&[u8]) -> io::Result<usize>,
    G: FnMut() -> io::Result<()>,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.write)(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.flush)()
    }
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    for case in [Case::wide(), Case::long()] {
        let (whole, _) = loom(&case.batches, case.options(1));
        let schema = case.batches[0].schema();
        for threads in [1, 3] {
            let mut file = Vec::new();
            let write = |bytes: &[u8]| {
                let taken = bytes.len().min(7);
                file.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            };
            let sink = SinkBy { write, flush: || Ok(()) };
            attempt(sink, Arc::clone(&schema), &case.batches, case.options(threads)).unwrap();
            assert!(file == whole, "other bytes after short writes");

            let mut file = Vec::new();
            let mut calls = 0;
            let write = |bytes: &[u8]| {
                calls += 1;
                if calls % 2 == 1 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                file.extend_from_slice(bytes);
                Ok(bytes.len())
            };
            let sink = SinkBy { write, flush: || Ok(()) };
            attempt(sink, Arc::clone(&schema), &case.batches, case.options(threads)).unwrap();
            assert!(file == whole, "other bytes after interrupted writes");
        }
    }
}

#[test]
fn a_flush_that_fails_is_the_sinks() {
    let batch = every_type(0, 10);
    for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted] {
        let sink = SinkBy { write: |bytes: &[u8]| Ok(bytes.len()), flush: || Err(kind.into()) };
        let batches = [batch.clone()];
        match attempt(sink, batch.schema(), &batches, LoomOptions::new()) {
            Err(Error::Sink(source)) => assert_eq!(source.kind(), kind),
            other => panic!("{kind}: {other:?}"),
        }
    }
}

#[test]
fn a_sink_that_is_full_is_the_sinks_error() {
    // A slice takes bytes until it is full.
    let case = Case::wide();
    let (whole, _) = loom(&case.batches, case.options(1));
    for room in [0, 100, whole.len() / 2, whole.len() - 1] {
        let mut file = vec![0; room];
        let schema = case.batches[0].schema();
        match attempt(&mut file[..], schema, &case.batches, case.options(1)) {
            Err(Error::Sink(source)) => assert_eq!(source.kind(), io::ErrorKind::WriteZero),
            other => panic!("{room} bytes of {}: {other:?}", whole.len()),
        }
        assert!(!is_readable(&file));
    }
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn a_sink_fails_for_good() {
        every_fault_of_the_sink(&Case::wide(), 1, true);
        every_fault_of_the_sink(&Case::long(), 1, true);
        every_fault_of_the_sink(&Case::long(), 3, true);
    }

    #[test]
    fn a_sink_fails_once() {
        every_fault_of_the_sink(&Case::wide(), 1, false);
        every_fault_of_the_sink(&Case::long(), 1, false);
    }
}
