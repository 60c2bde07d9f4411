//! Refusals that come too late, are missing, or have no reason; and faults of options.

use taploom_format::{EncodeContext, Envelope, Error, ErrorKind, Output, Result};

use super::{Fault, Planted, planted};
use crate::format::{ByteOrder, Shape};

pub(super) const FAULTS: &[Planted] = &[
    planted(Fault::StartFails, "never starts", "every_table_reads_back", "not written"),
    planted(
        Fault::OptionIgnored,
        "takes an option, and ignores it",
        "every_option_changes_something",
        "option order changes nothing",
    ),
    planted(
        Fault::WritesBeforeRefusal,
        "writes before it has checked the columns",
        "a_type_that_is_declared_as_refused_is_refused",
        "bytes written before the error",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::RefusedTypeTaken,
        "takes columns that it is declared to refuse",
        "a_type_that_is_declared_as_refused_is_refused",
        "can't hold",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::RefusedTypeUnnamed,
        "refuses a column without its name",
        "a_type_that_is_declared_as_refused_is_refused",
        "column that the error names",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::TooManyColumnsTaken,
        "takes more columns than are declared",
        "more_columns_than_there_may_be_are_an_error",
        "41 columns",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::ReservedValueTaken,
        "writes a value that stands for null",
        "a_value_that_stands_for_null_is_named",
        "stands for null",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::NullTaken,
        "writes a null of a type that has none",
        "a_null_that_can_not_be_is_named",
        "a null of bit",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::RowOfTheBatch,
        "counts the row of an error from the beginning of the batch",
        "a_null_that_can_not_be_is_named",
        "row",
    )
    .in_shape(Shape::Narrow),
    planted(
        Fault::EnvelopeIgnored,
        "takes an envelope, and does not write it",
        "an_envelope_is_written_or_refused",
        "which only the envelope has",
    ),
];

pub(crate) fn before(fault: Fault) -> Result<()> {
    match fault {
        Fault::StartFails => Err(Error::new(ErrorKind::Internal, "it never starts")),
        _ => Ok(()),
    }
}

/// The fault that happens before the encoder refuses a column.
pub(crate) fn before_refusal(fault: Fault, output: &mut Output) -> Result<()> {
    match fault {
        Fault::WritesBeforeRefusal => output.append(b"early"),
        _ => Ok(()),
    }
}

pub(crate) fn order(fault: Fault, order: ByteOrder) -> ByteOrder {
    match fault {
        Fault::OptionIgnored => ByteOrder::Little,
        _ => order,
    }
}

pub(crate) fn envelope(fault: Fault, context: &EncodeContext) -> Option<&Envelope> {
    context.envelope.as_ref().filter(|_| fault != Fault::EnvelopeIgnored)
}

/// The row that an error names, from 0.
pub(crate) fn row(fault: Fault, first: u64, row: u64) -> u64 {
    match fault {
        Fault::RowOfTheBatch => row,
        _ => first + row,
    }
}
