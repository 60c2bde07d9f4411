//! The columns and rows of a request.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use taploom_expressions::{Predicate, Projection};
use taploom_model::{Ending, Result, ResultSchema, RowSource, Step};

use crate::request::Request;

/// What is asked of the source of a request, which may leave out rows only where the whole request does.
pub(crate) fn of_source<'a>(request: &Request<'a>) -> Request<'a> {
    let mut inner = request.clone();
    if request.condition.is_some() {
        // How many rows have to be read for as many that are wanted, nobody knows.
        inner.most_rows = None;
    }
    inner
}

/// The columns and rows of a request, chosen from its source.
///
/// The source may already have left out some of what is not wanted. What it gives is chosen from again, by the same
/// names: a name that was found among all columns is found among those that are left.
pub(crate) fn chosen(
    source: Box<dyn RowSource>,
    request: &Request<'_>,
) -> Result<Box<dyn RowSource>> {
    if request.select.is_none() && request.condition.is_none() {
        return Ok(source);
    }
    let predicate = request.condition.as_ref().map(|condition| condition.bind(source.schema()));
    let projection = request.select.as_ref().map(|list| list.bind(source.schema()));
    let (predicate, projection) = (predicate.transpose()?, projection.transpose()?);
    Ok(Box::new(Wanted { source, predicate, projection, rows: 0 }))
}

/// The rows and columns that are wanted of a source.
struct Wanted {
    source: Box<dyn RowSource>,
    predicate: Option<Predicate>,
    projection: Option<Projection>,
    /// Rows that were read before the next batch.
    rows: u64,
}

impl Wanted {
    fn choose(&mut self, mut batch: RecordBatch) -> Result<RecordBatch> {
        let before = self.rows;
        self.rows += batch.num_rows() as u64;
        if let Some(predicate) = &self.predicate {
            batch = predicate.filter(&batch).map_err(|error| match error.row() {
                Some(row) => error.with_row(before + row),
                None => error,
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
        self.source.rows_hint().filter(|_| self.predicate.is_none())
    }
}
