//! Sources of rows, and how the rows end.

use crate::error::Result;
use crate::schema::ResultSchema;
use arrow_array::RecordBatch;
use async_trait::async_trait;

/// Returns the rows of one result, in order, batch by batch, and then how the result ended.
///
/// The schema is known before the first row. A source has one reader, so it has to be `Send` but not
/// `Sync`. Dropping a source ends the query that it reads.
///
/// The last [`Step`] says how the rows ended; there is not a separate method for it. A type that
/// wraps a source therefore can't forget to pass it on.
#[async_trait]
pub trait RowSource: Send {
    /// The columns of every batch.
    fn schema(&self) -> &ResultSchema;

    /// The next rows, or [`Step::End`] after the last ones.
    ///
    /// A source that reads a file or computes its rows may block the thread that polls this future.
    /// `Ahead` of `taploom-pipeline` gives such a source a separate thread.
    ///
    /// A caller stops after [`Step::End`] or an error. A source that is called again returns an
    /// error or another `End`, but never rows.
    ///
    /// # Errors
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) if the rows stop coming,
    /// [`ErrorKind::InvalidValue`](crate::ErrorKind::InvalidValue), with column and row, if a cell
    /// does not fit the type of its column.
    async fn next(&mut self) -> Result<Step>;

    /// Stops reading before the rows end, and returns the notes that are known so far. The caller
    /// then drops the source, which ends its query.
    ///
    /// The default returns no notes. A source that has notes before its end overrides it.
    fn stop(&mut self) -> Ending {
        Ending::default()
    }

    /// The total number of rows, if it is known in advance. For progress displays only.
    fn rows_hint(&self) -> Option<u64> {
        None
    }
}

/// One answer of a [`RowSource`].
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The next rows. A batch may be empty; more rows may still follow it.
    Rows(RecordBatch),
    /// The end of the rows.
    End(Ending),
}

impl Step {
    /// The rows, or `None` at the end.
    ///
    /// ```
    /// use taploom_model::{Ending, Step};
    ///
    /// assert_eq!(Step::End(Ending::default()).rows(), None);
    /// ```
    pub fn rows(self) -> Option<RecordBatch> {
        match self {
            Self::Rows(batch) => Some(batch),
            Self::End(_) => None,
        }
    }

    /// The ending, or `None` for rows.
    pub fn ending(self) -> Option<Ending> {
        match self {
            Self::Rows(_) => None,
            Self::End(ending) => Some(ending),
        }
    }
}

/// How the rows of a source ended.
///
/// The default is a complete result without notes.
///
/// ```
/// use taploom_model::Ending;
///
/// let ending = Ending::default().with_overflow(true).with_note("stars.vot: left out: LINK");
/// assert!(ending.overflowed);
/// assert_eq!(ending.notes, ["stars.vot: left out: LINK"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// Whether rows were left out: the result has more rows than the source returned.
    pub overflowed: bool,
    /// Information in the input that neither the rows nor the schema can carry, one sentence each.
    /// They are meant for the user.
    pub notes: Vec<String>,
}

impl Ending {
    /// Says whether rows were left out.
    #[must_use]
    pub fn with_overflow(mut self, overflowed: bool) -> Self {
        self.overflowed = overflowed;
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds several notes.
    #[must_use]
    pub fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

#[async_trait]
impl<S: RowSource + ?Sized> RowSource for Box<S> {
    fn schema(&self) -> &ResultSchema {
        (**self).schema()
    }

    async fn next(&mut self) -> Result<Step> {
        (**self).next().await
    }

    fn stop(&mut self) -> Ending {
        (**self).stop()
    }

    fn rows_hint(&self) -> Option<u64> {
        (**self).rows_hint()
    }
}

/// A source over any iterator of batches: a file reader, a generator, or a `Vec` in a test.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use taploom_model::{BatchSource, Ending, ResultSchema, RowSource, Step};
///
/// let ids = Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("id", ids)])?;
/// let schema = ResultSchema::derived(batch.schema());
/// let mut source = BatchSource::new(schema, vec![Ok(batch.clone())].into_iter());
/// futures::executor::block_on(async {
///     assert_eq!(source.next().await?, Step::Rows(batch));
///     assert_eq!(source.next().await?, Step::End(Ending::default()));
///     Ok::<(), taploom_model::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BatchSource<I> {
    schema: ResultSchema,
    batches: I,
    rows_hint: Option<u64>,
    ending: Ending,
}

impl<I: Iterator<Item = Result<RecordBatch>> + Send> BatchSource<I> {
    /// A source of these batches. The result is complete when the iterator ends.
    pub fn new(schema: ResultSchema, batches: I) -> Self {
        Self { schema, batches, rows_hint: None, ending: Ending::default() }
    }

    /// States the total number of rows.
    #[must_use]
    pub fn with_rows_hint(mut self, rows: u64) -> Self {
        self.rows_hint = Some(rows);
        self
    }

    /// States how the result ends after the last batch.
    #[must_use]
    pub fn with_ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

#[async_trait]
impl<I: Iterator<Item = Result<RecordBatch>> + Send> RowSource for BatchSource<I> {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    async fn next(&mut self) -> Result<Step> {
        match self.batches.next().transpose()? {
            Some(batch) => Ok(Step::Rows(batch)),
            None => Ok(Step::End(self.ending.clone())),
        }
    }

    fn stop(&mut self) -> Ending {
        self.ending.clone()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }
}
