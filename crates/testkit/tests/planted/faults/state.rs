//! Encoders that share state which should be separate.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use serde_json::Value;

use super::{Fault, Planted, planted};
use crate::encoder::PlantedEncoder;

pub(super) const FAULTS: &[Planted] = &[
    planted(
        Fault::SharedBuffer,
        "gathers its bytes in a buffer that all encoders of the program share",
        "two_encoders_at_once_do_not_mix",
        "take turns",
    ),
    planted(
        Fault::ThreadLocalBuffer,
        "gathers its bytes in a buffer of the thread that it runs on",
        "an_encoder_may_move_to_another_thread",
        "several threads",
    ),
    planted(
        Fault::SecondStartDiffers,
        "numbers its files, so that no two starts give the same",
        "the_same_bytes_from_two_starts",
        "second time",
    ),
    planted(
        Fault::BufferLeftFull,
        "writes the bytes that the result before left in its buffer",
        "results_of_one_context_do_not_mix",
        "after others with the same context",
    ),
    planted(
        Fault::RowsCountedInPlan,
        "counts its rows in a plan that it shares with other results",
        "results_of_one_context_at_once_do_not_mix",
        "take turns with one context",
    ),
    planted(
        Fault::BatchesInPlan,
        "keeps its batches in a plan",
        "a_context_keeps_little_between_results",
        "bytes of heap are kept",
    ),
];

/// What results with one context share, all of it wrongly.
#[derive(Default)]
pub(crate) struct Left {
    bytes: Mutex<Vec<u8>>,
    rows: AtomicU64,
    batches: Mutex<Vec<RecordBatch>>,
}

/// The buffer that a result begins with.
pub(crate) fn first_buffer(left: &Left) -> Vec<u8> {
    left.rows.store(0, Ordering::Relaxed);
    left.bytes.lock().map(|mut bytes| std::mem::take(&mut *bytes)).unwrap_or_default()
}

pub(crate) fn before_batch(encoder: &PlantedEncoder, batch: &RecordBatch) {
    match encoder.layout.fault {
        Fault::RowsCountedInPlan => {
            encoder.left.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        }
        Fault::BatchesInPlan => {
            if let Ok(mut batches) = encoder.left.batches.lock() {
                batches.push(batch.clone());
            }
        }
        _ => {}
    }
}

/// Bytes that wait between two calls, shared by all encoders.
static SHARED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

thread_local! {
    static LOCAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Moves the waiting bytes to shared memory until the next call.
pub(crate) fn after_batch(encoder: &mut PlantedEncoder) {
    let bytes = &mut encoder.gathered.bytes;
    match encoder.layout.fault {
        Fault::SharedBuffer => {
            if let Ok(mut shared) = SHARED.lock() {
                shared.append(bytes);
            }
        }
        Fault::ThreadLocalBuffer => LOCAL.with_borrow_mut(|local| local.append(bytes)),
        _ => {}
    }
}

/// Takes the waiting bytes back.
pub(crate) fn before_trailer(encoder: &mut PlantedEncoder) {
    let bytes = &mut encoder.gathered.bytes;
    match encoder.layout.fault {
        Fault::SharedBuffer => {
            if let Ok(mut shared) = SHARED.lock() {
                *bytes = std::mem::take(&mut *shared);
            }
        }
        Fault::ThreadLocalBuffer => *bytes = LOCAL.take(),
        Fault::BufferLeftFull => {
            if let Ok(mut left) = encoder.left.bytes.lock() {
                left.clone_from(bytes);
            }
        }
        Fault::RowsCountedInPlan => encoder.rows = encoder.left.rows.load(Ordering::Relaxed),
        _ => {}
    }
}

pub(crate) fn break_header(fault: Fault, header: &mut Value) {
    static STARTS: AtomicU64 = AtomicU64::new(0);
    if fault == Fault::SecondStartDiffers {
        header["number"] = STARTS.fetch_add(1, Ordering::Relaxed).into();
    }
}
