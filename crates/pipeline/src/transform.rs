//! Transforms change rows between a source and an encoder.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};

/// Turns the rows of one result into other rows: fewer, more, or with other columns.
///
/// A transform is synchronous and sees only the rows that pass through it. [`Transformed`], which combines
/// a source and a transform into a source, waits for rows, stops, and passes on how the result ended. A
/// transform therefore can't lose the end of a result.
///
/// # Example
/// Every second row, for a preview:
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
/// use arrow_select::filter::filter_record_batch;
/// use taploom_model::{BatchSource, Error, ErrorKind, Result, ResultSchema, RowSource};
/// use taploom_pipeline::{Flow, Transform, Transformed};
///
/// struct EverySecond {
///     schema: ResultSchema,
///     row: u64,
/// }
///
/// impl Transform for EverySecond {
///     fn schema(&self) -> &ResultSchema {
///         &self.schema
///     }
///
///     fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
///         let first = self.row;
///         self.row += batch.num_rows() as u64;
///         let kept: BooleanArray = (first..self.row).map(|row| Some(row % 2 == 0)).collect();
///         let kept = filter_record_batch(&batch, &kept).map_err(|cause| {
///             Error::new(ErrorKind::Internal, "can't filter the rows").with_source(cause)
///         })?;
///         Ok(Flow::More(kept))
///     }
/// }
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let every_second = EverySecond { schema: source.schema().clone(), row: 0 };
/// let mut source = Transformed::new(source, every_second);
/// let rows = futures::executor::block_on(source.next())?.rows().unwrap();
/// assert_eq!(rows.num_rows(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Transform: Send {
    /// The columns of every batch that comes out.
    fn schema(&self) -> &ResultSchema;

    /// Takes the next batch, which has at least one row, and returns the rows that come out.
    ///
    /// The returned batch may be empty; empty batches are dropped.
    ///
    /// # Errors
    /// Any error that makes the result wrong. The source is then dropped, and no more rows follow.
    fn rows(&mut self, batch: RecordBatch) -> Result<Flow>;

    /// Whether more rows are wanted. It is asked before every read; the source is dropped at the first
    /// `false`. A transform that never wants rows never reads the source.
    fn wants_rows(&self) -> bool {
        true
    }

    /// Returns rows that the transform still holds. It is called after the last rows, until it returns
    /// `None`.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    fn rest(&mut self) -> Result<Option<RecordBatch>> {
        Ok(None)
    }

    /// Says how the result ends, given how the source ended. It is called once, after [`rest`](Self::rest).
    /// If the transform itself stopped the rows, or their reader did ([`RowSource::stop`]), `ending` is
    /// what the source knew by then; if the reader did, rows that the transform still holds are lost.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    fn end(&mut self, ending: Ending) -> Result<Ending> {
        Ok(ending)
    }

    /// The total number of rows that come out, given the number that goes in. It serves progress displays
    /// only.
    fn rows_hint(&self, rows_in: Option<u64>) -> Option<u64> {
        rows_in
    }
}

/// What a [`Transform`] returns for a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Flow {
    /// These rows come out, and more are welcome.
    More(RecordBatch),
    /// These rows come out, and no more are wanted. The source is dropped, which ends its query.
    Last(RecordBatch),
}

impl<T: Transform + ?Sized> Transform for Box<T> {
    fn schema(&self) -> &ResultSchema {
        (**self).schema()
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        (**self).rows(batch)
    }

    fn wants_rows(&self) -> bool {
        (**self).wants_rows()
    }

    fn rest(&mut self) -> Result<Option<RecordBatch>> {
        (**self).rest()
    }

    fn end(&mut self, ending: Ending) -> Result<Ending> {
        (**self).end(ending)
    }

    fn rows_hint(&self, rows_in: Option<u64>) -> Option<u64> {
        (**self).rows_hint(rows_in)
    }
}

/// A source whose rows go through a [`Transform`].
///
/// Several transforms are put around a source one after the other. The innermost one sees the rows first:
///
/// ```
/// # use std::sync::Arc;
/// # use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// # use taploom_model::{BatchSource, ResultSchema};
/// use taploom_model::RowSource;
/// use taploom_pipeline::{Coalesce, MaxRec, Transformed};
///
/// # let ids = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
/// # let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// # let source = BatchSource::new(ResultSchema::derived(batch.schema()), vec![Ok(batch)].into_iter());
/// let limit = MaxRec::new(source.schema(), 1000);
/// let source = Transformed::new(source, limit);
/// let coalesce = Coalesce::new(source.schema(), 2000, 4 << 20);
/// let source = Transformed::new(source, coalesce);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transformed<S, T> {
    /// `None` once no more rows are wanted.
    source: Option<S>,
    transform: T,
    rows_hint: Option<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading,
    /// The source has ended, but the transform may still hold rows.
    Draining(Ending),
    Ended(Ending),
    Failed,
}

impl<S: RowSource, T: Transform> Transformed<S, T> {
    /// Puts a transform around a source.
    pub fn new(source: S, transform: T) -> Self {
        let rows_hint = transform.rows_hint(source.rows_hint());
        Self { source: Some(source), transform, rows_hint, state: State::Reading }
    }

    async fn step(&mut self) -> Result<Step> {
        loop {
            match &mut self.state {
                State::Reading => {
                    let source = self.source.as_mut().filter(|_| self.transform.wants_rows());
                    let step = match source {
                        Some(source) => source.next().await?,
                        None => {
                            self.drop_source();
                            continue;
                        }
                    };
                    let flow = match step {
                        Step::Rows(batch) if batch.num_rows() == 0 => continue,
                        Step::Rows(batch) => self.transform.rows(batch)?,
                        Step::End(ending) => {
                            self.source = None;
                            self.state = State::Draining(ending);
                            continue;
                        }
                    };
                    let batch = match flow {
                        Flow::More(batch) => batch,
                        Flow::Last(batch) => {
                            self.drop_source();
                            batch
                        }
                    };
                    if batch.num_rows() > 0 {
                        return Ok(Step::Rows(batch));
                    }
                }
                State::Draining(ending) => match self.transform.rest()? {
                    Some(batch) if batch.num_rows() == 0 => {}
                    Some(batch) => return Ok(Step::Rows(batch)),
                    None => {
                        let ending = self.transform.end(std::mem::take(ending))?;
                        self.state = State::Ended(ending);
                    }
                },
                State::Ended(ending) => return Ok(Step::End(ending.clone())),
                State::Failed => {
                    return Err(Error::new(ErrorKind::Misuse, "the rows of this source failed"));
                }
            }
        }
    }

    /// Stops the source, because no more rows are wanted.
    fn drop_source(&mut self) {
        let ending = self.source.take().map(|mut source| source.stop());
        self.state = State::Draining(ending.unwrap_or_default());
    }
}

#[async_trait]
impl<S: RowSource, T: Transform> RowSource for Transformed<S, T> {
    fn schema(&self) -> &ResultSchema {
        self.transform.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        let step = self.step().await;
        if step.is_err() {
            self.source = None;
            self.state = State::Failed;
        }
        step
    }

    fn stop(&mut self) -> Ending {
        let of_source = match &mut self.state {
            State::Ended(ending) => return ending.clone(),
            State::Failed => return Ending::default(),
            State::Draining(ending) => std::mem::take(ending),
            State::Reading => {
                self.source.take().map(|mut source| source.stop()).unwrap_or_default()
            }
        };
        // If the transform fails to say how the result ends, the ending of the source is kept.
        let ending = self.transform.end(of_source.clone()).unwrap_or(of_source);
        self.state = State::Ended(ending.clone());
        ending
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }
}
