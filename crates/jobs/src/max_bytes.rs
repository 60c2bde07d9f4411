//! A limit on the size of a result.

use std::fmt;

use arrow_array::RecordBatch;
use taploom_format::{Error, ErrorKind, OverflowReport, ResultSchema};
use taploom_pipeline::{Ending, Flow, Transform};

/// Ends the rows once their result has reached a size. It then overflows, as with too many rows; in a format that can't
/// say so, the result fails with [`TooLarge`].
///
/// The size is looked at before each batch, so a result can exceed the limit by a batch, and by what waits in buffers.
pub(crate) struct MaxBytes<S> {
    schema: ResultSchema,
    limit: u64,
    size: S,
    overflow: OverflowReport,
    overflowed: bool,
}

impl<S: Fn() -> u64> MaxBytes<S> {
    /// `size` tells how large the result is.
    pub(crate) fn new(
        schema: &ResultSchema,
        limit: u64,
        overflow: OverflowReport,
        size: S,
    ) -> Self {
        Self { schema: schema.clone(), limit, size, overflow, overflowed: false }
    }
}

impl<S: Fn() -> u64 + Send> Transform for MaxBytes<S> {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> taploom_format::Result<Flow> {
        if (self.size)() < self.limit {
            return Ok(Flow::More(batch));
        }
        match self.overflow {
            OverflowReport::InDocument => {
                self.overflowed = true;
                Ok(Flow::Last(batch.slice(0, 0)))
            }
            OverflowReport::None => {
                let too_large = TooLarge { limit: self.limit };
                Err(Error::new(ErrorKind::Failed, too_large.to_string()).with_source(too_large))
            }
        }
    }

    fn end(&mut self, ending: Ending) -> taploom_format::Result<Ending> {
        let overflowed = ending.overflowed || self.overflowed;
        Ok(ending.with_overflow(overflowed))
    }
}

/// The result is larger than allowed, and its format can't say that rows are missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooLarge {
    limit: u64,
}

impl TooLarge {
    /// Finds this error among the causes of another one.
    pub(crate) fn find(error: &Error) -> Option<Self> {
        let first: &(dyn std::error::Error + 'static) = error;
        std::iter::successors(Some(first), |error| error.source())
            .find_map(|error| error.downcast_ref().copied())
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        write!(
            f,
            "the result takes more than {limit} bytes, the limit of this service: ask for fewer rows or columns, or for \
             a format that can say that rows are missing, such as VOTable"
        )
    }
}

impl std::error::Error for TooLarge {}
