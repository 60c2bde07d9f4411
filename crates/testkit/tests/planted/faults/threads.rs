//! Faults that have an effect only on several threads.

use taploom_format::{Error, ErrorKind, Result};

use super::{Fault, Planted, planted};
use crate::encoder::PlantedEncoder;

const SAME: &str = "the_same_bytes_on_any_number_of_threads";

pub(super) const FAULTS: &[Planted] = &[
    planted(Fault::ThreadsReorder, "writes the gathered blocks backwards", SAME, "threads"),
    planted(Fault::ThreadsLoseTheLast, "loses the bytes that wait at the end", SAME, "threads"),
    planted(Fault::ThreadsRepeat, "writes the bytes that wait at the end twice", SAME, "threads"),
    planted(Fault::ThreadsOddNeverFlushed, "fails on an odd number of threads", SAME, "3 threads"),
    planted(
        Fault::ErrorsOnThreadsLost,
        "passes over the errors of its threads",
        "an_error_on_several_threads_is_the_same_error",
        "on 2 threads",
    )
    .in_shape(crate::format::Shape::Narrow),
];

/// Whether the error of a block is ignored.
pub(crate) fn hides_errors(fault: Fault, threads: usize) -> bool {
    fault == Fault::ErrorsOnThreadsLost && threads > 1
}

pub(crate) fn before_trailer(encoder: &mut PlantedEncoder) -> Result<()> {
    if encoder.threads == 1 {
        return Ok(());
    }
    let bytes = &mut encoder.gathered.bytes;
    match encoder.layout.fault {
        Fault::ThreadsReorder => bytes.reverse(),
        Fault::ThreadsLoseTheLast => bytes.clear(),
        Fault::ThreadsRepeat => bytes.extend_from_within(..),
        Fault::ThreadsOddNeverFlushed if encoder.threads % 2 == 1 => {
            return Err(Error::new(ErrorKind::Internal, "an odd number of threads"));
        }
        _ => {}
    }
    Ok(())
}
