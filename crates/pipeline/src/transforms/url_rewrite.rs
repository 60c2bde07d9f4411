//! Makes URLs point to another site, for example to its DataLink service.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use taploom_model::{Error, ErrorKind, Result, ResultSchema};
use url::Url;

use crate::transform::{Flow, Transform};

/// Gives the URLs of some columns another base: the query string is kept, and everything before it is
/// replaced by the base. Null stays null.
///
/// ```
/// use taploom_pipeline::UrlRewrite;
///
/// let base = "https://example.com/datalink/links".parse().unwrap();
/// let moved = |url| UrlRewrite::rewritten(&base, url);
/// assert_eq!(moved("https://old.org/dl?ID=1#top"), "https://example.com/datalink/links?ID=1");
/// assert_eq!(moved("https://old.org/dl"), "https://example.com/datalink/links");
/// // Text without a query string that is not a URL is unchanged.
/// assert_eq!(moved("not yet known"), "not yet known");
/// assert_eq!(moved(""), "");
/// ```
#[derive(Debug)]
pub struct UrlRewrite {
    schema: ResultSchema,
    base: Url,
    columns: Vec<usize>,
}

impl UrlRewrite {
    /// Rewrites the URLs of the columns at these positions, counted from 0.
    pub fn new(schema: &ResultSchema, base: Url, columns: Vec<usize>) -> Self {
        Self { schema: schema.clone(), base, columns }
    }

    /// Rewrites one URL.
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

    fn rewrite(&self, index: usize, array: &ArrayRef) -> Result<ArrayRef> {
        let text = array.as_any().downcast_ref::<StringArray>().ok_or_else(|| {
            let column = self.schema.columns().get(index);
            let message = "can't rewrite the URLs of this column, because it is not text";
            Error::new(ErrorKind::InvalidRequest, message)
                .with_column(column.map_or("", |column| column.name()))
        })?;
        let mut builder = StringBuilder::with_capacity(text.len(), text.value_data().len());
        for cell in text {
            builder.append_option(cell.map(|url| Self::rewritten(&self.base, url)));
        }
        Ok(Arc::new(builder.finish()))
    }
}

impl Transform for UrlRewrite {
    fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
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
        Ok(Flow::More(rewritten))
    }
}
