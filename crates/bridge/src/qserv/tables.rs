//! Tables of users that are in Qserv while their query runs.
//!
//! Qserv takes a table as one POST with its description and its rows. The rows pass through as they come from the store,
//! so the size of a table does not matter here. The names of the databases are those of the message, one for each job: a
//! database is removed as a whole, whoever has made it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, Response};
use taploom_jobs::http::one_line;
use taploom_jobs::{Failure, FailureCause, Partitioning, Secret, UserTable};
use tracing::{info, warn};
use url::Url;

use super::Service;
use super::rest::{NoAnswer, check_success};

/// Time limit for the answer of a store before the rows begin, and for a description.
const ANSWER: Duration = Duration::from_secs(60);

/// Largest description of a table, in bytes. One of a thousand columns takes 100 KiB.
const LARGEST_SCHEMA: u64 = 16 << 20;

impl Service {
    /// Checks that tables may be read from where they are.
    pub(super) fn check_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        let Some(hosts) = &self.options.table_hosts else { return Ok(()) };
        for table in tables {
            for (what, url) in [("rows", &table.rows), ("description", &table.schema)] {
                if !hosts.hold(url.expose()) {
                    return Err(Failure::invalid(format!(
                        "the host of the {what} of the table {} is not in the list of hosts of this service",
                        name(table)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Sends tables to Qserv, one after the other.
    pub(super) async fn send_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        // A worker that ended may have left them, and Qserv does not take a table twice.
        for path in databases(tables) {
            let _ = self.answer(&Method::DELETE, &path, |request| request, Duration::ZERO).await;
        }
        for table in tables {
            self.send_table(table).await?;
            info!(
                database = table.database,
                table = table.table,
                "a table of the user is in Qserv"
            );
        }
        Ok(())
    }

    /// Removes the databases of tables.
    pub(super) async fn remove_tables(&self, tables: &[UserTable]) {
        for path in databases(tables) {
            self.delete(&path).await;
        }
    }

    /// Sends a table. This is repeated only if it did not arrive: a table that arrived in part can't be sent again.
    async fn send_table(&self, table: &UserTable) -> Result<(), Failure> {
        let limit = self.options.table_timeout;
        let (mut delays, started) = (self.delays(), Instant::now());
        let answer = loop {
            let (form, broken) = self.form(table).await?;
            // Qserv ends by itself at the limit, and says so.
            let patience = limit + Duration::from_secs(5);
            let sent = self
                .attempt(&Method::POST, "ingest/csv", patience, |request| request.multipart(form));
            match sent.await {
                Ok(answer) => break answer,
                Err(problem) if problem.unseen && started.elapsed() < self.options.outage => {
                    warn!(problem = problem.what, "the table is sent again");
                    delays.wait().await;
                }
                Err(_) if broken.get().is_some() => {
                    let why = broken.get().map_or("", String::as_str);
                    return Err(unreadable(table, "rows", why));
                }
                Err(NoAnswer { what, .. }) => {
                    let message =
                        format!("the table {} can't be sent to Qserv: {what}", name(table));
                    return Err(Failure::new(FailureCause::DatabaseUnreachable, message));
                }
            }
        };
        check_success(&answer, &format!("Qserv does not take the table {}", name(table)))
    }

    /// The request that brings a table, and why its rows broke off, if they do. Qserv reads the members in order, so the
    /// rows come last.
    async fn form(&self, table: &UserTable) -> Result<(Form, Arc<OnceLock<String>>), Failure> {
        let schema = tokio::time::timeout(ANSWER, self.schema(table)).await;
        let schema =
            schema.map_err(|_| unreadable(table, "description", "the store does not answer"))??;
        let rows = self.read(table, &table.rows, "rows").await?;
        let length = rows.content_length();
        let broken = Arc::new(OnceLock::new());
        let noted = Arc::clone(&broken);
        let rows = Body::wrap_stream(rows.bytes_stream().map(move |chunk| {
            chunk.map_err(|error| {
                let why = noted.get_or_init(|| one_line(error));
                std::io::Error::other(why.clone())
            })
        }));
        let rows = match length {
            Some(length) => Part::stream_with_length(rows, length),
            None => Part::stream(rows),
        };
        let part = |part: Part, file: &'static str, media_type| {
            // The media types are right.
            part.file_name(file).mime_str(media_type).map_err(|_| Failure::defect())
        };
        let schema = part(Part::bytes(schema), "schema.json", "application/json")?;
        let rows = part(rows, "table.csv", "text/csv")?;
        let mut form = Form::new()
            .text("database", table.database.clone())
            .text("table", table.table.clone())
            .text("fields_terminated_by", ",")
            .text("charset_name", "utf8mb4")
            .text("collation_name", "utf8mb4_uca1400_ai_ci")
            .text("timeout", self.options.table_timeout.as_secs().to_string());
        for (name, value) in partitioning(&table.partitioning) {
            form = form.text(name, value);
        }
        Ok((form.part("schema", schema).part("rows", rows), broken))
    }

    async fn schema(&self, table: &UserTable) -> Result<Vec<u8>, Failure> {
        let mut response = self.read(table, &table.schema, "description").await?;
        let mut schema = Vec::new();
        let broken = |error| unreadable(table, "description", &one_line(error));
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            schema.extend_from_slice(&chunk);
            if schema.len() as u64 > LARGEST_SCHEMA {
                let why = format!("it is larger than {LARGEST_SCHEMA} bytes");
                return Err(unreadable(table, "description", &why));
            }
        }
        Ok(schema)
    }

    /// Asks a store for a part of a table.
    async fn read(
        &self,
        table: &UserTable,
        url: &Secret<Url>,
        what: &str,
    ) -> Result<Response, Failure> {
        let request = self.table_client.get(url.expose().clone()).send();
        let response = tokio::time::timeout(ANSWER, request).await;
        let response =
            response.map_err(|_| unreadable(table, what, "the store does not answer"))?;
        let response = response.map_err(|error| unreadable(table, what, &one_line(error)))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(unreadable(table, what, &format!("the store answered {status}"))),
        }
    }
}

/// How Qserv is told where the rows of a table belong.
fn partitioning(partitioning: &Partitioning) -> Vec<(&'static str, String)> {
    match partitioning {
        Partitioning::Replicated => Vec::new(),
        Partitioning::Director { longitude, latitude } => vec![
            ("is_partitioned", "1".to_owned()),
            ("is_director", "1".to_owned()),
            ("longitude_col_name", longitude.clone()),
            ("latitude_col_name", latitude.clone()),
        ],
        Partitioning::Dependent { id, director_database, director_table, director_id } => vec![
            ("is_partitioned", "1".to_owned()),
            ("is_director", "0".to_owned()),
            ("id_col_name", id.clone()),
            ("ref_director_database", director_database.clone()),
            ("ref_director_table", director_table.clone()),
            ("ref_director_id_col_name", director_id.clone()),
        ],
    }
}

/// The path of each database that tables are in.
fn databases(tables: &[UserTable]) -> BTreeSet<String> {
    tables.iter().map(|table| format!("ingest/database/{}", table.database)).collect()
}

fn name(UserTable { database, table, .. }: &UserTable) -> String {
    format!("{database}.{table}")
}

/// The URL is not shown, since it may be signed.
fn unreadable(table: &UserTable, what: &str, why: &str) -> Failure {
    let message = format!("the {what} of the table {} can't be read: {why}", name(table));
    Failure::new(FailureCause::TableUnreadable, message)
}
