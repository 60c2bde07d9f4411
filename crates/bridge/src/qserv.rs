//! Qserv: queries are submitted by REST, and rows are read by the MySQL protocol. Each result can
//! be read only once.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::json;
use taploom_jobs::http::client;
use taploom_jobs::{Database, Execution, Failure, FailureCause, Query, UserTable};

pub use self::options::QservOptions;
use self::query::QservQuery;

mod options;
mod query;
mod rest;
mod tables;

/// A Qserv database.
pub struct Qserv(Arc<Service>);

/// What all queries of a Qserv share.
struct Service {
    options: QservOptions,
    client: Client,
    /// Reads tables of users.
    table_client: Client,
}

impl Qserv {
    /// Makes a client. Sends no request yet.
    ///
    /// # Errors
    /// The certificates of the system can't be read, or the proxy can't be used.
    pub fn new(options: QservOptions) -> Result<Self, Failure> {
        let table_client = client(options.timeout, options.table_proxy.as_ref())?;
        let client = client(options.timeout, None)?;
        Ok(Self(Arc::new(Service { options, client, table_client })))
    }
}

#[async_trait]
impl Database for Qserv {
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Submitted {
            query_id: u64,
        }
        let mut body = json!({"query": query.sql});
        if let Some(database) = &query.database {
            body["database"] = json!(database);
        }
        if let Some(adql) = &query.adql {
            body["adql_query"] = json!(adql);
        }
        let service = Arc::clone(&self.0);
        let submitted: Submitted =
            service.ask(Method::POST, "query-async", |request| request.json(&body)).await?;
        Ok(Box::new(QservQuery::new(service, submitted.query_id)))
    }

    async fn resume(&self, id: &str) -> Result<Option<Box<dyn Execution>>, Failure> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let query = QservQuery::new(Arc::clone(&self.0), id);
        match query.status().await {
            Ok(_) => Ok(Some(Box::new(query))),
            // Qserv was asked, and does not know the query.
            Err(failure) if failure.cause == FailureCause::QueryFailed => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn check_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        self.0.check_tables(tables)
    }

    async fn send_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        self.0.send_tables(tables).await
    }

    async fn remove_tables(&self, tables: &[UserTable]) {
        self.0.remove_tables(tables).await;
    }

    fn runs_in_background(&self) -> bool {
        true
    }

    fn reads_once(&self) -> bool {
        true
    }

    fn waits_for_outages(&self) -> bool {
        !self.0.options.outage.is_zero()
    }
}
