//! Counters and times for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use taploom_format::ScratchSpace;
use taploom_jobs::{FailureCause, Outcome};

use crate::status::error_code;

// The outcomes of jobs.
const COMPLETED: &str = "completed";
const FAILED: &str = "failed";
const ABORTED: &str = "aborted";
const HANDED_OVER: &str = "handed_over";

/// The metrics of a bridge. Clones share their counters.
#[derive(Debug, Clone)]
pub struct Metrics {
    jobs: Family<JobLabels, Counter>,
    rows: Counter,
    bytes: Counter,
    seconds: Family<StageLabels, Histogram, fn() -> Histogram>,
    running: Gauge,
    pub(crate) memory_bytes: Gauge,
    scratch: ScratchSpace,
    pub(crate) upload_retries: Counter,
    pub(crate) unreadable_messages: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    outcome: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
    format: &'static str,
}

impl Metrics {
    /// Metrics that count from 0. The disk use of `scratch`, by all jobs, is read when the metrics are
    /// written.
    pub(crate) fn new(scratch: &ScratchSpace) -> Self {
        // Buckets from 10 ms to an hour and a half.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.01, 3.0, 13));
        let jobs: Family<JobLabels, Counter> = Family::default();
        // A rate needs the 0 before the first failure.
        for outcome in [COMPLETED, ABORTED, HANDED_OVER] {
            drop(jobs.get_or_create(&JobLabels { outcome, code: "" }));
        }
        for cause in FailureCause::ALL {
            drop(jobs.get_or_create(&JobLabels { outcome: FAILED, code: error_code(cause) }));
        }
        Self {
            jobs,
            rows: Counter::default(),
            bytes: Counter::default(),
            seconds: Family::new_with_constructor(histogram),
            running: Gauge::default(),
            memory_bytes: Gauge::default(),
            scratch: scratch.clone(),
            upload_retries: Counter::default(),
            unreadable_messages: Counter::default(),
        }
    }

    /// All metrics in the text format of OpenMetrics.
    ///
    /// # Errors
    /// A line can't be formatted.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("taploom");
        let Self { jobs, rows, bytes, seconds, running, memory_bytes, .. } = self.clone();
        let scratch_bytes: Gauge = Gauge::default();
        scratch_bytes.set(i64::try_from(self.scratch.used()).unwrap_or(i64::MAX));
        registry.register("jobs", "Jobs that ended, by outcome", jobs);
        registry.register("jobs_running", "Running jobs", running);
        registry.register("rows", "Rows of results that were stored", rows);
        registry.register_with_unit("stored", "Results that were stored", Unit::Bytes, bytes);
        registry.register_with_unit("stage", "Time of each stage of a job", Unit::Seconds, seconds);
        registry.register_with_unit(
            "memory_granted",
            "Memory budgets of the running encoders",
            Unit::Bytes,
            memory_bytes,
        );
        registry.register_with_unit(
            "scratch",
            "Results that wait for the store, and temporary files of encoders",
            Unit::Bytes,
            scratch_bytes,
        );
        let retries = self.upload_retries.clone();
        registry.register("upload_retries", "Repeated attempts to upload a result", retries);
        registry.register(
            "unreadable_messages",
            "Messages that are not valid jobs and have no job id",
            self.unreadable_messages.clone(),
        );
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }

    pub(crate) fn took(&self, stage: &'static str, format: &'static str, time: Duration) {
        self.seconds.get_or_create(&StageLabels { stage, format }).observe(time.as_secs_f64());
    }

    pub(crate) fn ended(&self, outcome: &Outcome) {
        let (name, code) = match outcome {
            Outcome::Completed(encoded) => {
                self.rows.inc_by(encoded.summary.rows);
                self.bytes.inc_by(encoded.summary.total_bytes);
                (COMPLETED, "")
            }
            Outcome::Failed(failure) => (FAILED, error_code(failure.cause)),
            Outcome::Aborted => (ABORTED, ""),
            Outcome::HandedOver => (HANDED_OVER, ""),
        };
        self.jobs.get_or_create(&JobLabels { outcome: name, code }).inc();
    }

    /// Counts a job as running until the returned guard is dropped.
    pub(crate) fn running(&self) -> Counted {
        Counted::new(&self.running, 1)
    }

    /// Counts memory as granted until the returned guard is dropped.
    #[cfg(feature = "worker")]
    pub(crate) fn memory(&self, bytes: usize) -> Counted {
        Counted::new(&self.memory_bytes, i64::try_from(bytes).unwrap_or(i64::MAX))
    }
}

/// Adds an amount to a gauge, and subtracts it when dropped.
pub(crate) struct Counted {
    gauge: Gauge,
    amount: i64,
}

impl Counted {
    fn new(gauge: &Gauge, amount: i64) -> Self {
        gauge.inc_by(amount);
        Self { gauge: gauge.clone(), amount }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.dec_by(self.amount);
    }
}
