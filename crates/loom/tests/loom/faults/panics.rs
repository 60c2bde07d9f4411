//! Sinks and scratch that panic: no thread may wait for ever, and nothing may be written after the
//! panic.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use taploom_loom::{Error, LoomWriter, ScratchSpace};

use super::Case;
use super::scratch::{ACTIONS, Faulty};
use super::sink::SinkBy;

/// A sink that panics at its ninth write, and at no other.
fn panicking_sink() -> impl Write + Send {
    let mut calls = 0;
    let write = move |bytes: &[u8]| {
        calls += 1;
        assert_ne!(calls, 9, "injected");
        Ok(bytes.len())
    };
    SinkBy { write, flush: || Ok(()) }
}

/// Writes on a separate thread, so that a writer that waits for ever fails the test instead of blocking it.
#[track_caller]
fn comes_to_an_end(sink: impl Write + Send + 'static, scratch: Faulty, threads: usize) {
    let which = format!("panics {:?}, {threads} threads", scratch.fault);
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        let case = Case::wide();
        let options = case.options(threads).with_scratch(ScratchSpace::on(scratch));
        let schema = case.batches[0].schema();
        let written = catch_unwind(AssertUnwindSafe(|| {
            let mut writer = LoomWriter::try_new(sink, schema, options)?;
            case.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.close()
        }));
        let _ = done.send(matches!(written, Ok(Ok(_))));
    });
    assert_eq!(result.recv_timeout(Duration::from_secs(5)), Ok(false), "{which}");
}

#[test]
fn a_sink_that_panics_stops_no_thread() {
    comes_to_an_end(panicking_sink(), Faulty::default(), 1);
    comes_to_an_end(panicking_sink(), Faulty::default(), 3);
}

#[test]
fn scratch_that_panics_stops_no_thread() {
    for (threads, action) in [1, 3].into_iter().flat_map(|n| ACTIONS.map(|action| (n, action))) {
        for number in [0, 2] {
            let fault = Some((action, number));
            let scratch = Faulty { fault, panics: true, ..Faulty::default() };
            comes_to_an_end(io::sink(), scratch, threads);
        }
    }
}

#[test]
fn nothing_follows_a_panic() {
    let case = Case::wide();
    let mut writer =
        LoomWriter::try_new(panicking_sink(), case.batches[0].schema(), case.options(1)).unwrap();
    let write = || case.batches.iter().try_for_each(|batch| writer.write(batch));
    let outcome = catch_unwind(AssertUnwindSafe(write));
    assert!(!matches!(outcome, Ok(Ok(()))));
    assert!(matches!(writer.finish(), Err(Error::Unfinished)));
}
