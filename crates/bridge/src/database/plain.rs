//! Databases whose queries run while their rows are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use taploom_sources::{Request, open};
use taploom_stream::RowSource;

use crate::database::{Database, Execution, News, Query, QueryPhase};
use crate::failure::{ErrorCode, Failure};
use crate::status::Chunks;

/// A database by its location, as `taploom encode` takes it: `sqlite:FILE`.
///
/// Its queries have no names of their own; they are numbered from 1 on.
pub struct Plain {
    location: Arc<str>,
    queries: AtomicU64,
}

impl Plain {
    /// The database at a location. It is opened for each query.
    pub fn new(location: &str) -> Self {
        Self { location: location.into(), queries: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Database for Plain {
    async fn submit(&self, query: Query) -> Result<Box<dyn Execution>, Failure> {
        let id = self.queries.fetch_add(1, Ordering::Relaxed) + 1;
        let location = Arc::clone(&self.location);
        Ok(Box::new(PlainQuery { location, query: Some(query), id, told: false }))
    }

    fn reads_once(&self) -> bool {
        false
    }
}

struct PlainQuery {
    location: Arc<str>,
    query: Option<Query>,
    id: u64,
    told: bool,
}

#[async_trait]
impl Execution for PlainQuery {
    fn id(&self) -> String {
        self.id.to_string()
    }

    async fn news(&mut self) -> Result<News, Failure> {
        let phase = if self.told { QueryPhase::Finished } else { QueryPhase::Executing };
        let chunks = Chunks { total_chunks: 1, completed_chunks: u64::from(self.told) };
        self.told = true;
        Ok(News { phase, chunks, started: None, updated: None })
    }

    async fn rows(&mut self) -> Result<Box<dyn RowSource>, Failure> {
        let Some(query) = self.query.take() else {
            return Err(Failure::new(
                ErrorCode::BackendInternalError,
                "the rows of a query were asked for twice",
            ));
        };
        let mut request = Request::new(&self.location);
        request.query = Some(&query.sql);
        request.columns = Some(query.columns);
        request.batch_rows = query.batch_rows;
        open(&request).await.map_err(|error| Failure::of_rows(&error))
    }

    // A source that is dropped ends its query.
    async fn cancel(&mut self) {}

    async fn forget(&mut self) {}
}
