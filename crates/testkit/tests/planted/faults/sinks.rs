//! Sinks that are misused, and faults that the driver makes harmless.

use std::io::Write;

use taploom_format::{Error, ErrorKind, Output, Result};

use super::{Fault, Planted, planted};
use crate::encoder::PlantedEncoder;
use crate::format::Shape;

pub(super) const FAULTS: &[Planted] = &[
    planted(
        Fault::ShortWritesIgnored,
        "takes a write of some bytes for a write of all",
        "a_sink_that_takes_one_byte_at_a_time",
        "one byte at a time",
    ),
    planted(
        Fault::InterruptionsAreErrors,
        "takes an interrupted write for an error",
        "a_sink_that_is_interrupted",
        "to be made again",
    ),
    planted(
        Fault::WritesTwiceWhatIsLarge,
        "writes large chunks again, as if the first write had failed",
        "many_rows_read_back",
        "many rows",
    ),
];

/// Faults without an effect, because the driver keeps the contract: the case that would catch them
/// passes.
pub(super) const HARMLESS: &[Planted] = &[
    planted(
        Fault::SinkErrorsPassedOver,
        "passes over the errors of the sink",
        "a_sink_that_fails_once_is_an_error",
        "",
    ),
    planted(
        Fault::SinkErrorsMisnamed,
        "reports an error of the sink as its own error",
        "a_sink_that_fails_is_an_error_at_every_byte",
        "",
    ),
    planted(
        Fault::ClosedSinksPassedOver,
        "goes on when the reader has gone away",
        "a_closed_sink_is_a_cancellation",
        "",
    ),
    planted(
        Fault::SinkNeverFlushed,
        "never flushes the sink",
        "a_sink_that_needs_a_flush_gets_it",
        "",
    ),
    planted(
        Fault::None,
        "takes options that it does not know",
        "an_option_that_is_unknown_is_refused",
        "",
    )
    .in_shape(Shape::Lenient),
    planted(
        Fault::WritesInDrop,
        "writes a trailer when it is dropped",
        "nothing_is_written_by_drop",
        "",
    ),
    planted(
        Fault::PanicsInDrop,
        "panics when it is dropped without finish",
        "dropped_without_finish_nothing_reads_as_whole",
        "",
    ),
    planted(
        Fault::TakesRowsAfterAnError,
        "takes rows after an error",
        "nothing_follows_an_error",
        "",
    ),
];

/// Writes bytes with the fault.
pub(crate) fn write(fault: Fault, output: &mut Output, bytes: &[u8]) -> Result<()> {
    match fault {
        Fault::ShortWritesIgnored | Fault::InterruptionsAreErrors => match output.write(bytes) {
            Err(error) => Err(Error::sink(error)),
            Ok(_) if fault == Fault::ShortWritesIgnored => Ok(()),
            Ok(taken) => output.append(&bytes[taken..]),
        },
        Fault::SinkErrorsPassedOver | Fault::ClosedSinksPassedOver => {
            let _ = output.append(bytes);
            Ok(())
        }
        Fault::SinkErrorsMisnamed => output
            .append(bytes)
            .map_err(|_| Error::new(ErrorKind::Internal, "something went wrong")),
        Fault::WritesTwiceWhatIsLarge if bytes.len() > 64 << 10 => {
            output.append(bytes)?;
            output.append(bytes)
        }
        _ => output.append(bytes),
    }
}

pub(crate) fn dropped(encoder: &mut PlantedEncoder) {
    match encoder.layout.fault {
        Fault::WritesInDrop if !encoder.finished => {
            let _ = encoder.output.append(b"E");
        }
        Fault::PanicsInDrop if !encoder.finished && !std::thread::panicking() => {
            panic!("a result was dropped");
        }
        _ => {}
    }
}
