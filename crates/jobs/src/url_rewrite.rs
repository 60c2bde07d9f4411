//! Columns of URLs that point to the DataLink service of another place.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use async_trait::async_trait;
use taploom_format::{Error, ErrorKind, Result, ResultSchema};
use taploom_pipeline::{RowSource, Step};
use url::Url;

/// A source in which the URLs of some columns are moved to another base: the query string stays, all
/// before it comes from the base.
///
/// ```
/// use taploom_bridge::UrlRewrite;
///
/// let base = "https://example.com/datalink/links".parse().unwrap();
/// let moved = |url| UrlRewrite::rewritten(&base, url);
/// assert_eq!(moved("https://old.org/dl?ID=1#top"), "https://example.com/datalink/links?ID=1");
/// assert_eq!(moved("https://old.org/dl"), "https://example.com/datalink/links");
/// // Neither a URL nor a query string: nothing to move.
/// assert_eq!(moved("not yet known"), "not yet known");
/// assert_eq!(moved(""), "");
/// ```
pub struct UrlRewrite<S> {
    inner: S,
    base: Url,
    columns: Vec<usize>,
}

impl<S: RowSource> UrlRewrite<S> {
    /// Moves the URLs of the columns at these positions. Null stays null.
    pub fn new(inner: S, base: Url, columns: Vec<usize>) -> Self {
        Self { inner, base, columns }
    }

    fn rewrite(&self, index: usize, array: &ArrayRef) -> Result<ArrayRef> {
        let text = array.as_any().downcast_ref::<StringArray>().ok_or_else(|| {
            let column = self.inner.schema().columns().get(index);
            Error::new(ErrorKind::InvalidRequest, "its URLs can't be rewritten: it is no text")
                .with_column(column.map_or("", |column| column.name()))
        })?;
        let mut builder = StringBuilder::with_capacity(text.len(), text.value_data().len());
        for cell in text {
            builder.append_option(cell.map(|url| UrlRewrite::rewritten(&self.base, url)));
        }
        Ok(Arc::new(builder.finish()))
    }
}

impl UrlRewrite<()> {
    /// One URL, moved.
    pub fn rewritten(base: &Url, url: &str) -> String {
        let without_fragment = url.split('#').next().unwrap_or(url);
        let mut moved = base.clone();
        match without_fragment.split_once('?') {
            Some((_, query)) => moved.set_query(Some(query).filter(|query| !query.is_empty())),
            None if url.starts_with("http:") || url.starts_with("https:") => moved.set_query(None),
            None => return url.to_owned(),
        }
        moved.into()
    }
}

#[async_trait]
impl<S: RowSource> RowSource for UrlRewrite<S> {
    fn schema(&self) -> &ResultSchema {
        self.inner.schema()
    }

    async fn next(&mut self) -> Result<Step> {
        let batch = match self.inner.next().await? {
            Step::Rows(batch) => batch,
            end @ Step::End(_) => return Ok(end),
        };
        let mut arrays = batch.columns().to_vec();
        for &index in &self.columns {
            if let Some(array) = arrays.get_mut(index) {
                *array = self.rewrite(index, array)?;
            }
        }
        let rewritten = RecordBatch::try_new(batch.schema(), arrays).map_err(|cause| {
            Error::new(ErrorKind::Internal, "rewritten URLs contradict the schema")
                .with_source(cause)
        })?;
        Ok(Step::Rows(rewritten))
    }

    fn rows_hint(&self) -> Option<u64> {
        self.inner.rows_hint()
    }
}
