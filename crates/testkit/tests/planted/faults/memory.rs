//! Memory that is held but not reported, or never freed; temporary files that are left.

use std::path::Path;
use std::sync::Mutex;

use arrow_array::RecordBatch;
use taploom_format::{Completion, EncodeContext, Result};
use taploom_scratch::{ReadPattern, ScratchFile};

use super::{Fault, Planted, planted};
use crate::encoder::PlantedEncoder;

const HEAP: &str = "buffered_bytes_are_what_the_heap_holds";
const LEFT: &str = "no_heap_is_left_behind";
const FILES: &str = "no_temporary_file_is_left_behind";

pub(super) const FAULTS: &[Planted] = &[
    planted(Fault::NothingSaid, "says 0 buffered_bytes always", HEAP, "buffered_bytes says 0"),
    planted(
        Fault::AllHeldNothingSaid,
        "holds everything to the end, and says 0 buffered_bytes",
        HEAP,
        "buffered_bytes says 0",
    ),
    planted(
        Fault::AllHeldAndSaid,
        "holds everything to the end, and says so",
        "buffered_bytes_stay_within_the_budget",
        "the budget is",
    ),
    planted(Fault::TwiceSaid, "says four times what it holds", HEAP, "buffered_bytes says"),
    planted(Fault::BatchesKept, "keeps the batches that it has written", HEAP, "bytes of heap"),
    planted(Fault::MemoryLeaked, "never gives its memory back", LEFT, "complete"),
    planted(
        Fault::MemoryLeakedOnFailure,
        "never gives the memory of a result back that failed",
        LEFT,
        "failed",
    ),
    planted(
        Fault::PanicsWhenAsked,
        "panics in buffered_bytes",
        "buffered_bytes_stay_within_the_budget",
        "panicked",
    ),
    planted(Fault::ScratchLeft, "leaves a temporary file", FILES, "finish(Complete)"),
    planted(Fault::ScratchLeftOnDrop, "leaves a temporary file if it is dropped", FILES, "a drop"),
    planted(Fault::ScratchHeld, "never closes a temporary file", FILES, "scratch in use"),
    planted(Fault::ScratchLeftOnFailure, "leaves a temporary file of a failure", FILES, "Failed"),
];

/// Memory that is never freed.
static LEAKED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Temporary files that are never closed.
static HELD: Mutex<Vec<ScratchFile>> = Mutex::new(Vec::new());

/// Whether bytes are held to the end.
pub(crate) fn holds_all(fault: Fault) -> bool {
    matches!(fault, Fault::AllHeldNothingSaid | Fault::AllHeldAndSaid)
}

pub(crate) fn started(fault: Fault, context: &EncodeContext) -> Result<()> {
    if matches!(fault, Fault::ScratchLeft | Fault::ScratchLeftOnDrop | Fault::ScratchLeftOnFailure)
    {
        let _ = std::fs::write(file(Path::new(&context.resources.scratch.place())), b"rows");
    }
    if fault == Fault::ScratchHeld {
        let mut file = context.resources.scratch.file(ReadPattern::InOrder);
        let _ = file.append(b"rows");
        if let Ok(mut held) = HELD.lock() {
            held.push(file);
        }
    }
    Ok(())
}

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("planted.rows")
}

pub(crate) fn keep(encoder: &mut PlantedEncoder, batch: &RecordBatch) {
    if encoder.layout.fault == Fault::BatchesKept {
        encoder.kept.push(batch.clone());
    }
}

pub(crate) fn said(encoder: &PlantedEncoder, held: usize) -> usize {
    match encoder.layout.fault {
        Fault::NothingSaid | Fault::AllHeldNothingSaid => 0,
        Fault::PanicsWhenAsked => panic!("nobody counted"),
        Fault::TwiceSaid => held * 4,
        _ => held,
    }
}

pub(crate) fn finished(encoder: &mut PlantedEncoder, completion: &Completion) {
    let is_failure = matches!(completion, Completion::Failed { .. });
    let leaks = match encoder.layout.fault {
        Fault::MemoryLeaked => true,
        Fault::MemoryLeakedOnFailure => is_failure,
        _ => false,
    };
    if leaks && let Ok(mut leaked) = LEAKED.lock() {
        leaked.push(std::mem::take(&mut encoder.gathered.bytes));
    }
    let removes = match encoder.layout.fault {
        Fault::ScratchLeftOnDrop => true,
        Fault::ScratchLeftOnFailure => !is_failure,
        _ => false,
    };
    if removes {
        let _ = std::fs::remove_file(file(&encoder.scratch_dir));
    }
}

pub(crate) fn dropped(encoder: &mut PlantedEncoder) {
    if encoder.layout.fault == Fault::ScratchLeftOnFailure && !encoder.finished {
        let _ = std::fs::remove_file(file(&encoder.scratch_dir));
    }
}
