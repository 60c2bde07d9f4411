//! Databases whose queries run while their rows are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use taploom_pipeline::RowSource;
#[cfg(feature = "mysql")]
use taploom_sources::mysql::{MysqlOptions, QueryKiller};
#[cfg(feature = "postgres")]
use taploom_sources::postgres::{PostgresOptions, QueryCanceler};
use taploom_sources::{Request, SourceRegistry, open};

#[cfg(feature = "mysql")]
use crate::database::mysql_rows;
#[cfg(feature = "postgres")]
use crate::database::postgres_rows;
use crate::database::{Database, Execution, Query, QueryPhase, QueryProgress, RowRequest};
use crate::failure::{Failure, FailureCause};

/// Time for which a server that is away is waited for.
const OUTAGE: Duration = Duration::from_secs(600);

/// A database with a location as for `taploom encode`: `sqlite:FILE`, `mysql://...`, `postgres://...`.
///
/// The database has no names for its queries, so they are numbered from 1.
pub struct StreamingDatabase {
    location: Arc<Location>,
    queries: AtomicU64,
    outage: Duration,
}

enum Location {
    Any(String),
    #[cfg(feature = "mysql")]
    Mysql(MysqlOptions),
    #[cfg(feature = "postgres")]
    Postgres(PostgresOptions),
}

impl StreamingDatabase {
    /// The database at a location. A connection is opened for each query.
    ///
    /// # Errors
    /// A location that no source can read, or whose source takes no SQL; a malformed URL of a server.
    pub fn new(location: &str) -> taploom_format::Result<Self> {
        let registry = SourceRegistry::collected()?;
        let location = match registry.find_queryable(location)?.info().id {
            #[cfg(feature = "mysql")]
            "mysql" => Location::Mysql(location.parse()?),
            #[cfg(feature = "postgres")]
            "postgres" => Location::Postgres(location.parse()?),
            _ => Location::Any(location.to_owned()),
        };
        Ok(Self { location: Arc::new(location), queries: AtomicU64::new(0), outage: OUTAGE })
    }

    /// Sets how long a job waits for a server that is away or takes no connection, also if it goes away while the rows are
    /// read: ten minutes by default. With no time at all, such a job fails at once.
    #[must_use]
    pub fn with_outage(self, outage: Duration) -> Self {
        Self { outage, ..self }
    }
}

#[async_trait]
impl Database for StreamingDatabase {
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure> {
        let id = self.queries.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Box::new(StreamingQuery {
            location: Arc::clone(&self.location),
            query: Some(query.clone()),
            id,
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            outage: self.outage,
            reported: false,
            #[cfg(feature = "mysql")]
            killer: None,
            #[cfg(feature = "postgres")]
            canceler: None,
        }))
    }

    fn reads_once(&self) -> bool {
        false
    }

    fn waits_for_outages(&self) -> bool {
        !self.outage.is_zero()
    }
}

struct StreamingQuery {
    location: Arc<Location>,
    query: Option<Query>,
    id: u64,
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    outage: Duration,
    /// Whether `progress` was called. The query itself runs while its rows are read.
    reported: bool,
    #[cfg(feature = "mysql")]
    killer: Option<QueryKiller>,
    #[cfg(feature = "postgres")]
    canceler: Option<QueryCanceler>,
}

#[async_trait]
impl Execution for StreamingQuery {
    fn id(&self) -> String {
        self.id.to_string()
    }

    async fn progress(&mut self) -> Result<QueryProgress, Failure> {
        let was_reported = std::mem::replace(&mut self.reported, true);
        Ok(QueryProgress {
            phase: if was_reported { QueryPhase::Finished } else { QueryPhase::Executing },
            total_chunks: 1,
            completed_chunks: u64::from(was_reported),
            started: None,
            updated: None,
        })
    }

    async fn rows(&mut self, wanted: RowRequest) -> Result<Box<dyn RowSource>, Failure> {
        let Some(query) = self.query.take() else {
            return Err(Failure::new(
                FailureCause::Internal,
                "the rows of a query were asked for twice",
            ));
        };
        match &*self.location {
            Location::Any(location) => {
                let mut request = Request::new(location);
                request.query = Some(&query.sql);
                request.columns = Some(wanted.columns);
                request.batch_rows = wanted.batch_rows;
                open(&request).await.map_err(|error| {
                    let failure = Failure::of_rows(&error);
                    let place = format!("source {location}");
                    if !failure.message.contains(&place) {
                        return failure;
                    }
                    // Where the database is, is for the log and not for the user.
                    tracing::warn!("the database of a job: {error:#}");
                    let message = failure.message.replace(&place, "the database");
                    failure.with_message(message)
                })
            }
            #[cfg(feature = "mysql")]
            Location::Mysql(options) => {
                let database = query.database.as_deref();
                let source =
                    mysql_rows(options, &query.sql, &wanted, database, self.outage).await?;
                self.killer = Some(source.killer());
                Ok(Box::new(source) as Box<dyn RowSource>)
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(options) => {
                let database = query.database.as_deref();
                let source =
                    postgres_rows(options, &query.sql, &wanted, database, self.outage).await?;
                self.canceler = Some(source.canceler());
                Ok(Box::new(source) as Box<dyn RowSource>)
            }
        }
    }

    /// Dropping a source ends its query as well, but does not wait for the end.
    async fn cancel(&mut self) {
        #[cfg(feature = "mysql")]
        if let Some(killer) = self.killer.take()
            && let Err(error) = killer.kill().await
        {
            tracing::warn!(query = self.id, "can't end the query: {error:#}");
        }
        #[cfg(feature = "postgres")]
        if let Some(canceler) = self.canceler.take()
            && let Err(error) = canceler.cancel().await
        {
            tracing::warn!(query = self.id, "can't cancel the query: {error:#}");
        }
    }

    async fn forget(&mut self) {}
}
