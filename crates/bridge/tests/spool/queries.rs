//! A database whose queries a test releases.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use taploom_bridge::jobs::{
    Database, Execution, Failure, Query, QueryPhase, QueryProgress, RowRequest, StreamingDatabase,
    UserTable,
};
use taploom_model::RowSource;

use crate::support::numbers;

/// Queries that run until they are released, and that other workers can go on with.
#[derive(Clone)]
pub(crate) struct Resumable {
    rows: Arc<StreamingDatabase>,
    pub(crate) submitted: Arc<AtomicUsize>,
    pub(crate) resumed: Arc<AtomicUsize>,
    pub(crate) cancelled: Arc<AtomicUsize>,
    /// The databases of the tables that were removed.
    pub(crate) removed: Arc<Mutex<Vec<String>>>,
    pub(crate) is_released: Arc<AtomicBool>,
    /// Whether they run in the database by themselves.
    pub(crate) run_in_background: bool,
}

struct ResumableExecution {
    queries: Resumable,
    is_reported: bool,
}

impl Resumable {
    pub(crate) fn over(rows: StreamingDatabase) -> Self {
        let (submitted, resumed, cancelled) = Default::default();
        let is_released = Arc::default();
        Self {
            rows: Arc::new(rows),
            submitted,
            resumed,
            cancelled,
            removed: Arc::default(),
            is_released,
            run_in_background: true,
        }
    }

    fn execution(&self) -> Box<dyn Execution> {
        Box::new(ResumableExecution { queries: self.clone(), is_reported: false })
    }
}

#[async_trait]
impl Database for Resumable {
    async fn submit(&self, _query: &Query) -> Result<Box<dyn Execution>, Failure> {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        Ok(self.execution())
    }

    async fn resume(&self, id: &str) -> Result<Option<Box<dyn Execution>>, Failure> {
        assert_eq!(id, "4711");
        self.resumed.fetch_add(1, Ordering::Relaxed);
        Ok(Some(self.execution()))
    }

    fn check_tables(&self, _tables: &[UserTable]) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove_tables(&self, tables: &[UserTable]) {
        let databases = tables.iter().map(|table| table.database.clone());
        self.removed.lock().unwrap().extend(databases);
    }

    fn runs_in_background(&self) -> bool {
        self.run_in_background
    }

    fn reads_once(&self) -> bool {
        true
    }
}

#[async_trait]
impl Execution for ResumableExecution {
    fn id(&self) -> String {
        "4711".to_owned()
    }

    async fn progress(&mut self) -> Result<QueryProgress, Failure> {
        while self.is_reported && !self.queries.is_released.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let phase = match std::mem::replace(&mut self.is_reported, true) {
            false => QueryPhase::Executing,
            true => QueryPhase::Finished,
        };
        Ok(QueryProgress {
            phase,
            total_chunks: 1,
            completed_chunks: 0,
            started: None,
            updated: None,
        })
    }

    async fn rows(&mut self, request: RowRequest) -> Result<Box<dyn RowSource>, Failure> {
        let query = Query { sql: numbers(10), adql: None, database: None };
        self.queries.rows.submit(&query).await?.rows(request).await
    }

    fn can_be_resumed(&self) -> bool {
        true
    }

    async fn cancel(&mut self) {
        self.queries.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    async fn forget(&mut self) {}
}
