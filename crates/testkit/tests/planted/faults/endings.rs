//! Trailers that report a wrong ending.

use serde_json::{Value, json};
use taploom_format::{Completion, Error, ErrorKind, Result};

use super::{Fault, Planted, planted};
use crate::encoder::PlantedEncoder;
use crate::format::Shape;

pub(super) const FAULTS: &[Planted] = &[
    planted(
        Fault::PanicsAfterAnError,
        "panics in finish(Failed) after an error",
        "failure_after_an_error_is_reported",
        "panicked",
    ),
    planted(
        Fault::RubbishAfterAnError,
        "appends rubbish in finish(Failed) after an error",
        "failure_after_an_error_is_reported",
        "does not read",
    ),
    planted(
        Fault::RefusesToReportAfterAnError,
        "reports no failure after its own error",
        "failure_after_an_error_is_reported",
        "finish(Failed) gave",
    ),
    planted(
        Fault::MessageDropped,
        "drops the message of a failure",
        "failure_is_reported",
        "message",
    ),
    planted(
        Fault::MessageCutAtMarkup,
        "cuts the message of a failure at its first <",
        "failure_is_reported",
        "message",
    ),
    planted(Fault::FailureSaysOk, "says OK of a failure", "failure_is_reported", "QUERY_STATUS"),
    planted(Fault::OverflowSaysOk, "says OK of an overflow", "overflow_is_reported", "OVERFLOW"),
    planted(
        Fault::CompleteSaysOverflow,
        "says OVERFLOW of a result that is complete",
        "overflow_is_reported",
        "OK",
    ),
    planted(
        Fault::RowsOfFailureLost,
        "loses the rows that wait when a result fails",
        "failure_is_reported",
        "many rows",
    ),
    planted(
        Fault::WholeWithoutFinish,
        "writes a trailer after every batch, for it might be the last",
        "dropped_without_finish_nothing_reads_as_whole",
        "whole file",
    )
    .in_shape(Shape::CutShort),
    planted(Fault::PanicsInFinish, "panics in finish", "every_table_reads_back", "panicked"),
    planted(
        Fault::ReadsWholeWhenCut,
        "ends the file when the rows stop coming, before it is asked how they ended",
        "failure_is_reported",
        "whole file",
    )
    .in_shape(Shape::CutShort),
    planted(
        Fault::PanicsOnWideRows,
        "panics on a table of 1,000 columns",
        "every_table_reads_back",
        "panicked",
    ),
];

pub(crate) fn after_batch(encoder: &mut PlantedEncoder) -> Result<()> {
    let fault = encoder.layout.fault;
    if fault == Fault::PanicsOnWideRows {
        assert!(encoder.layout.columns.len() < 1_000, "too many columns");
    }
    // Only before the last rows.
    let ends = match fault {
        Fault::WholeWithoutFinish => encoder.rows == 2_000,
        Fault::ReadsWholeWhenCut => encoder.rows == 10_000,
        _ => false,
    };
    if ends {
        encoder.blocks.drain(|_| Ok(()))?;
        encoder.gathered.write(fault, &mut encoder.output)?;
        let mut trailer = vec![b'E'];
        trailer.extend_from_slice(&encoder.rows.to_le_bytes());
        trailer.extend_from_slice(&2_u32.to_le_bytes());
        trailer.extend_from_slice(b"{}");
        encoder.output.append(&trailer)?;
    }
    Ok(())
}

pub(crate) fn before_finish(encoder: &mut PlantedEncoder, completion: &Completion) -> Result<()> {
    let is_failure = matches!(completion, Completion::Failed { .. });
    // The driver refuses a batch of another schema before the encoder sees it.
    let after_error = is_failure && encoder.rows < 10_000;
    match encoder.layout.fault {
        Fault::PanicsAfterAnError if after_error => panic!("no row has begun"),
        Fault::RubbishAfterAnError if after_error => encoder.output.append(b"rubbish"),
        Fault::RefusesToReportAfterAnError if after_error => {
            Err(Error::new(ErrorKind::Internal, "nothing can be said of an error"))
        }
        Fault::PanicsInFinish => panic!("finish has a defect"),
        Fault::RowsOfFailureLost if is_failure => {
            encoder.rows = 0;
            encoder.gathered.bytes.clear();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The ending that the trailer reports.
pub(crate) fn said(encoder: &PlantedEncoder, completion: &Completion) -> Value {
    if let Some(envelope) = &encoder.envelope
        && encoder.layout.fault != Fault::EnvelopeIgnored
    {
        let footer = match completion {
            Completion::Overflow => &envelope.footer_overflow,
            _ => &envelope.footer,
        };
        return json!({"footer": footer});
    }
    if !encoder.layout.reports {
        return json!({});
    }
    let fault = encoder.layout.fault;
    let status = match (fault, completion) {
        (Fault::FailureSaysOk, Completion::Failed { .. }) => "OK",
        (Fault::OverflowSaysOk, Completion::Overflow) => "OK",
        (Fault::CompleteSaysOverflow, Completion::Complete) => "OVERFLOW",
        _ => completion.query_status(),
    };
    let message = match completion {
        Completion::Failed { message } => match fault {
            Fault::MessageDropped => None,
            Fault::MessageCutAtMarkup => message.split('<').next().map(str::to_owned),
            _ => Some(message.clone()),
        },
        _ => None,
    };
    json!({"status": status, "message": message})
}
