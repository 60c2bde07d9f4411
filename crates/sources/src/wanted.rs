//! Applies the columns, condition and sample of a request.

use arrow_array::RecordBatch;
use arrow_select::filter::filter_record_batch;
use async_trait::async_trait;
use taploom_expressions::{FirstIdsFilter, Predicate, Projection};
use taploom_model::{Ending, Error, ErrorKind, Result, ResultSchema, RowSource, Step};

use crate::request::Request;
use crate::row_numbers::RowNumbers;
use crate::sampling::{SampleStats, Sampling};

/// The request for the source. The source may leave out rows only if the whole request leaves them out.
pub(crate) fn of_source<'a>(request: &Request<'a>) -> Request<'a> {
    let mut inner = request.clone();
    inner.row_numbers = RowNumbers::default();
    inner.sampling = request.sample.as_ref().map(|sample| {
        Sampling::new(sample.number, request.sample_stats.clone().unwrap_or_default())
    });
    if request.condition.is_some() || request.sample.is_some() {
        // The number of rows that have to be read for the wanted number is not known in advance.
        inner.most_rows = None;
    }
    inner
}

/// Chooses the columns and rows of a request from the rows of its source.
///
/// The source may already have left out columns and rows that are not wanted. Names are looked up
/// again among the remaining columns, and find the same ones.
pub(crate) fn chosen(
    source: Box<dyn RowSource>,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    if request.select.is_none() && request.condition.is_none() && request.sample.is_none() {
        return Ok(source);
    }
    let is_decided = request.sampling.as_ref().is_some_and(Sampling::is_decided_by_source);
    // A source that samples has applied the condition before, and may have left out its columns.
    let condition = request.condition.as_ref().filter(|_| !is_decided);
    let predicate = condition.map(|condition| condition.bind(source.schema()));
    let sample = match (&request.sample, &request.sampling) {
        (Some(sample), Some(sampling)) if !is_decided => {
            let (group, id) = sample.bind(source.schema())?;
            let filter = FirstIdsFilter::new(source.schema(), group, id, sample.number)?;
            Some((filter, sampling.stats().clone()))
        }
        _ => None,
    };
    let projection = request.select.as_ref().map(|list| list.bind(source.schema()));
    let (predicate, projection) = (predicate.transpose()?, projection.transpose()?);
    let row_numbers = request.row_numbers.clone();
    let (rows, is_sampled) = (0, request.sample.is_some());
    Ok(Box::new(Wanted { source, predicate, sample, is_sampled, projection, row_numbers, rows }))
}

/// The wanted rows and columns of a source.
struct Wanted {
    source: Box<dyn RowSource>,
    predicate: Option<Predicate>,
    /// Chooses the rows of a sample, unless the source does so itself.
    sample: Option<(FirstIdsFilter, SampleStats)>,
    is_sampled: bool,
    projection: Option<Projection>,
    row_numbers: RowNumbers,
    /// Number of rows before the next batch.
    rows: u64,
}

impl Wanted {
    fn choose(&mut self, mut batch: RecordBatch) -> Result<RecordBatch> {
        let before = self.rows;
        self.rows += batch.num_rows() as u64;
        if let Some(predicate) = &self.predicate {
            batch =
                predicate.filter(&batch).map_err(|error| self.row_numbers.name(error, before))?;
            self.row_numbers.forget(self.rows);
        }
        if let Some((filter, stats)) = &mut self.sample {
            let kept = filter.evaluate(&batch)?;
            stats.set_counts(filter.counts());
            batch = filter_record_batch(&batch, &kept).map_err(|cause| {
                Error::new(ErrorKind::Internal, "can't sample the rows").with_source(cause)
            })?;
        }
        match &self.projection {
            Some(projection) => projection.apply(&batch),
            None => Ok(batch),
        }
    }
}

#[async_trait]
impl RowSource for Wanted {
    fn schema(&self) -> &ResultSchema {
        self.projection.as_ref().map_or_else(|| self.source.schema(), Projection::schema)
    }

    async fn next(&mut self) -> Result<Step> {
        match self.source.next().await? {
            Step::Rows(batch) => self.choose(batch).map(Step::Rows),
            end @ Step::End(_) => Ok(end),
        }
    }

    fn stop(&mut self) -> Ending {
        self.source.stop()
    }

    fn rows_hint(&self) -> Option<u64> {
        self.source.rows_hint().filter(|_| self.predicate.is_none() && !self.is_sampled)
    }
}
