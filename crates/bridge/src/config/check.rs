//! Checks of settings: numbers out of range, and settings that contradict each other.

use std::time::Duration;

use super::{Config, JobsConfig, QservConfig};

/// The largest number of places in a lane.
const MOST_PLACES: usize = 10_000;

impl Config {
    /// Says which key is wrong, and what would be right.
    pub(super) fn check(&self) -> Result<(), String> {
        let JobsConfig { executing, attempts, short, memory, memory_per_job, .. } = &self.jobs;
        let attempts = usize::try_from(*attempts).unwrap_or(usize::MAX);
        for (key, value) in [
            ("jobs.executing", *executing),
            ("jobs.per_owner", self.jobs.per_owner.unwrap_or(1)),
            ("jobs.attempts", attempts),
            ("jobs.short", *short),
            ("upload.attempts", self.upload.attempts),
        ] {
            if value == 0 {
                return Err(format!("{key} is 0; it must be at least 1"));
            }
        }
        for (key, value) in [("jobs.short", *short), ("jobs.long", self.jobs.long)] {
            if value > MOST_PLACES {
                return Err(format!("{key} is {value}; it must be at most {MOST_PLACES}"));
            }
        }
        if memory < memory_per_job {
            return Err(format!(
                "jobs.memory ({memory}) is less than jobs.memory_per_job ({memory_per_job}), so no job \
                 could run"
            ));
        }
        let qserv = self.database.qserv.as_ref();
        if let Some(qserv) = qserv {
            qserv.check()?;
        }
        for (key, value) in [
            ("database.outage_seconds", Some(self.database.outage_seconds)),
            ("database.qserv.poll_seconds", qserv.and_then(|qserv| qserv.poll_seconds)),
            ("database.qserv.table_seconds", qserv.and_then(|qserv| qserv.table_seconds)),
            ("database.qserv.timeout_seconds", qserv.and_then(|qserv| qserv.timeout_seconds)),
            ("jobs.long_after_seconds", Some(self.jobs.long_after_seconds)),
            ("jobs.timeout_seconds", self.jobs.timeout_seconds),
            ("jobs.shutdown_grace_seconds", Some(self.jobs.shutdown_grace_seconds)),
            ("upload.outage_seconds", Some(self.upload.outage_seconds)),
            ("upload.first_delay_seconds", Some(self.upload.first_delay_seconds)),
            ("upload.longest_delay_seconds", Some(self.upload.longest_delay_seconds)),
            ("upload.connect_timeout_seconds", Some(self.upload.connect_timeout_seconds)),
            ("upload.idle_timeout_seconds", Some(self.upload.idle_timeout_seconds)),
        ] {
            if value.is_some_and(|value| Duration::try_from_secs_f64(value).is_err()) {
                return Err(format!("{key} must be a number of seconds, 0 or more"));
            }
        }
        Ok(())
    }
}

impl QservConfig {
    fn check(&self) -> Result<(), String> {
        if self.user.is_some() != self.password.is_some() {
            return Err(
                "database.qserv: user and password are given together or not at all".to_owned()
            );
        }
        if self.poll_seconds == Some(0.0) {
            return Err("database.qserv.poll_seconds is 0; it must be more".to_owned());
        }
        if self.rows_query.as_ref().is_some_and(|query| !query.contains("{id}")) {
            return Err("database.qserv.rows_query must contain {id}, the place of the query's id"
                .to_owned());
        }
        Ok(())
    }
}

/// A duration. [`Config::check`] has refused numbers that are not durations.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
