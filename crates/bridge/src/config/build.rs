//! Builds the bridge and its database from the settings.

use std::sync::Arc;

use taploom_format::{EncoderRegistry, Resources, ScratchSpace};
#[cfg(feature = "s3")]
use taploom_jobs::S3Options;
use taploom_jobs::{
    Database, Failure, JobLimits, JobRunner, ResultFolder, StreamingDatabase, UploadPolicy,
    Uploader,
};

use super::check::seconds;
use super::{Config, DatabaseConfig, S3Config};
use crate::bridge::Bridge;
use crate::format::Formats;

impl Config {
    /// Builds the bridge that the settings describe.
    ///
    /// # Errors
    /// An unknown format or option, a malformed database URL, or settings that contradict each other.
    pub fn bridge(&self, registry: EncoderRegistry) -> Result<Bridge, Failure> {
        let invalid = |error: taploom_format::Error| Failure::invalid(error.to_string());
        let mut formats =
            Formats::new(registry).with_defaults(self.formats.clone()).map_err(invalid)?;
        if let Some(accepted) = &self.results.accept {
            formats = formats.accepting(accepted.clone());
        }
        let upload = &self.upload;
        let mut uploader = Uploader::new(UploadPolicy {
            attempts: upload.attempts,
            outage: seconds(upload.outage_seconds),
            first_delay: seconds(upload.first_delay_seconds),
            longest_delay: seconds(upload.longest_delay_seconds),
            connect_timeout: seconds(upload.connect_timeout_seconds),
            idle_timeout: seconds(upload.idle_timeout_seconds),
            proxy: upload.proxy.clone(),
        })?;
        if let Some(hosts) = &upload.hosts {
            uploader = uploader.with_hosts(hosts.clone());
        }
        if let Some(folder) = &upload.folder {
            let folder = ResultFolder::new(folder);
            let folder = folder.map_err(|failure| failure.with_context("upload.folder"))?;
            uploader = uploader.with_folder(folder);
        }
        if let Some(s3) = &upload.s3 {
            let added = s3.add_to(uploader);
            uploader = added.map_err(|failure| failure.with_context("upload.s3"))?;
        }
        let limits = JobLimits {
            resources: Resources::default()
                .with_memory_budget(
                    usize::try_from(self.jobs.memory_per_job.as_u64()).unwrap_or(usize::MAX),
                )
                .with_threads(self.jobs.threads)
                .with_scratch(ScratchSpace::in_folder(&upload.scratch_dir)),
            scratch_per_job: upload.scratch_per_job.map(|size| size.as_u64()),
            max_bytes: self.results.max_bytes.map(|size| size.as_u64()),
            upload: upload.mode,
            timeout: self.jobs.timeout_seconds.map(seconds),
            batch_rows: self.jobs.batch_rows,
        };
        let runner = JobRunner::new(self.database()?, uploader, limits)?;
        Ok(Bridge::new(formats, runner)
            .with_datalink_url(self.results.datalink_url.clone())
            .with_jobs_per_owner(self.jobs.per_owner))
    }
}

impl S3Config {
    #[cfg(feature = "s3")]
    fn add_to(&self, uploader: Uploader) -> Result<Uploader, Failure> {
        let Self { endpoint, region, path_style, access_key, .. } = self.clone();
        uploader.with_s3(S3Options {
            endpoint,
            region,
            path_style,
            access_key,
            secret_key: self.secret_key.clone(),
            session_token: self.session_token.clone(),
            part_bytes: self.part_size.as_u64(),
        })
    }

    #[cfg(not(feature = "s3"))]
    fn add_to(&self, _uploader: Uploader) -> Result<Uploader, Failure> {
        Err(Failure::invalid("built without S3"))
    }
}

impl Config {
    fn database(&self) -> Result<Arc<dyn Database>, Failure> {
        let invalid =
            |error: taploom_format::Error| Failure::invalid(format!("database.url: {error}"));
        let DatabaseConfig { url, outage_seconds, qserv } = &self.database;
        let (url, outage) = (url.expose(), seconds(*outage_seconds));
        match qserv {
            None => {
                let database = StreamingDatabase::new(url).map_err(invalid)?;
                Ok(Arc::new(database.with_outage(outage)))
            }
            #[cfg(not(feature = "mysql"))]
            Some(_) => Err(Failure::invalid("database.qserv: built without MySQL")),
            #[cfg(feature = "mysql")]
            Some(qserv) => {
                use taploom_jobs::http::Hosts;

                use super::QservConfig;
                use crate::qserv::{Qserv, QservOptions};
                let rows = url.parse().map_err(invalid)?;
                let mut options = QservOptions::new(qserv.url.clone(), rows);
                let QservConfig { user, password, api_version, .. } = qserv.clone();
                options.rest_login = user.zip(password);
                options.api_version = api_version;
                if let Some(query) = &qserv.rows_query {
                    options.rows_query.clone_from(query);
                }
                options.poll = qserv.poll_seconds.map_or(options.poll, seconds);
                options.timeout = qserv.timeout_seconds.map_or(options.timeout, seconds);
                options.attempts = qserv.attempts.unwrap_or(options.attempts);
                options.outage = outage;
                options.table_timeout = qserv.table_seconds.map_or(options.table_timeout, seconds);
                options.delete_results = qserv.delete_results.unwrap_or(options.delete_results);
                // A list of hosts for what a message names is meant for all of it.
                let hosts = self.tables.hosts.as_ref().or(self.upload.hosts.as_ref());
                options.table_hosts = hosts.map(|hosts| Hosts::new(hosts.clone()));
                options.table_proxy.clone_from(&self.upload.proxy);
                Ok(Arc::new(Qserv::new(options)?))
            }
        }
    }
}
