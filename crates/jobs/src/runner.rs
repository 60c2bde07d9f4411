//! Runs one job, from its query to the end of its upload.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taploom_pipeline::{Encoded, MaxRec, RowSource, Transformed, UrlRewrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, warn};

use crate::clock::Clock;
use crate::database::{Database, Execution, QueryPhase, UserTable};
use crate::delivery::Delivery;
use crate::failure::{Failure, FailureCause};
use crate::gate::{Gate, Open};
use crate::job::{Destination, Job, JobLimits, Outcome, ResultRequest, Stop, UploadMode};
use crate::observer::{JobObserver, Stage};
use crate::upload::Uploader;

/// Runs jobs: query, encode, upload.
///
/// Each call of [`run`](Self::run) runs one job. Jobs share the database, the HTTP client, and the limit
/// on disk space.
///
/// The end of a job is reported first, and the database learns of it afterwards, in a task of its own: nobody waits for
/// a database that is slow to forget a result. [`rest`](Self::rest) waits for these tasks.
pub struct JobRunner {
    database: Arc<dyn Database>,
    uploader: Uploader,
    limits: JobLimits,
    gate: Arc<dyn Gate>,
    /// Queries that are being ended in the database.
    endings: TaskTracker,
}

impl JobRunner {
    /// A runner of jobs in one database.
    ///
    /// # Errors
    /// The database's rows can be read only once, but the upload is chunked: a failed upload would have
    /// to start again from the rows.
    pub fn new(
        database: Arc<dyn Database>,
        uploader: Uploader,
        limits: JobLimits,
    ) -> Result<Self, Failure> {
        if database.reads_once() && limits.upload == UploadMode::Chunked {
            return Err(Failure::invalid(
                "the database gives a result only once: its upload has to be spooled, not chunked",
            ));
        }
        let (gate, endings) = (Arc::new(Open), TaskTracker::new());
        Ok(Self { database, uploader, limits, gate, endings })
    }

    /// Bounds the number of jobs that read rows at the same time.
    #[must_use]
    pub fn with_gate(self, gate: Arc<dyn Gate>) -> Self {
        Self { gate, ..self }
    }

    /// The resources that jobs may use.
    pub fn limits(&self) -> &JobLimits {
        &self.limits
    }

    /// Checks that results may be stored at a destination, before the work.
    ///
    /// # Errors
    /// They may not. The message is the end of a sentence that begins with the name of the member that gives the
    /// destination.
    pub fn check(&self, destination: &Destination) -> Result<(), Failure> {
        self.uploader.place(destination).map(drop)
    }

    /// Runs a job to its end.
    ///
    /// # Errors
    /// The observer could not publish a step. The job then has to be run again.
    pub async fn run(
        &self,
        job: Job<'_>,
        observer: &mut dyn JobObserver,
        stop: &Stop,
    ) -> io::Result<Outcome> {
        let (ended, query) = self.ended(job, observer, stop).await;
        let published = match &ended {
            Ok(Ended::Here(Outcome::HandedOver)) | Err(_) => Ok(()),
            Ok(Ended::Here(outcome) | Ended::InDatabase(outcome)) => observer.ended(outcome).await,
        };
        // Another worker takes the job up, and the query with it.
        let goes_on =
            published.is_err() || matches!(ended, Ok(Ended::Here(Outcome::HandedOver)) | Err(_));
        match &ended {
            Ok(Ended::InDatabase(_)) => self.tell_end(query, End::InDatabase),
            Ok(Ended::Here(Outcome::Completed(_))) => self.tell_end(query, End::Stored),
            _ if goes_on && query.can_be_resumed() => {}
            _ if goes_on => self.tell_end(query, End::HandedOver),
            _ => self.tell_end(query, End::Stopped),
        }
        published?;
        let (Ended::Here(outcome) | Ended::InDatabase(outcome)) = ended?;
        Ok(outcome)
    }

    /// Ends a query that is known by its id and its tables alone, after a defect.
    pub fn abandon(&self, id: String, tables: Vec<UserTable>) {
        self.tell_end(Submitted::Elsewhere(id, tables), End::Stopped);
    }

    /// Whether the database takes tables of users.
    pub fn takes_tables(&self) -> bool {
        self.database.takes_tables()
    }

    /// Whether queries [run in the database by themselves](Database::runs_in_background).
    pub fn runs_in_background(&self) -> bool {
        self.database.runs_in_background()
    }

    /// Waits until the database has been told of the end of every query that [`run`](Self::run) has ended. Call it
    /// before the runtime ends.
    pub async fn rest(&self) {
        self.endings.close();
        self.endings.wait().await;
        self.endings.reopen();
    }

    /// Tells the database of the end of a query, in a task of its own.
    fn tell_end(&self, query: Submitted, end: End) {
        let database = Arc::clone(&self.database);
        let ending = async move {
            let execution = match query {
                Submitted::Nothing => None,
                Submitted::Known { execution, .. } => Some(execution),
                Submitted::Elsewhere(id, tables) => {
                    let found = timeout(PATIENCE, database.resume(&id, &tables)).await;
                    found.ok().and_then(Result::ok).flatten()
                }
                // The database may have taken the query, so its answer is waited for.
                Submitted::UnderWay(mut submission) => {
                    match timeout(PATIENCE, &mut submission).await {
                        Ok(submitted) => submitted.ok().and_then(Result::ok),
                        Err(_) => {
                            submission.abort();
                            None
                        }
                    }
                }
            };
            let Some(mut execution) = execution else { return };
            match end {
                End::Stored => execution.forget().await,
                End::Stopped => execution.cancel().await,
                End::HandedOver => execution.hand_over().await,
                End::InDatabase => execution.clean_up().await,
            }
        };
        self.endings.spawn(ending.in_current_span());
    }

    /// How a job ends, and what is known of its query.
    async fn ended(
        &self,
        job: Job<'_>,
        observer: &mut dyn JobObserver,
        stop: &Stop,
    ) -> (io::Result<Ended>, Submitted) {
        let limit = job.timeout.or(self.limits.timeout);
        let clock = Clock::start(limit, job.used);
        let deadline = clock.runs_out();
        tokio::pin!(deadline);
        let reads = AtomicBool::new(false);
        let hand_over = async {
            tokio::select! {
                () = stop.hand_over.cancelled() => return,
                () = stop.hand_over_query.cancelled() => {}
            }
            if reads.load(Ordering::Relaxed) {
                stop.hand_over.cancelled().await;
            }
        };
        tokio::pin!(hand_over);
        let mut query = Submitted::Nothing;
        let submitted = tokio::select! {
            biased;
            () = stop.abort.cancelled() => Err(Outcome::Aborted),
            () = &mut hand_over => Err(Outcome::HandedOver),
            () = &mut deadline => Err(Outcome::Failed(too_long(limit))),
            submitted = self.submit(&job, &mut query) => submitted.map_err(Outcome::Failed),
        };
        let mut execution = match submitted {
            Ok(execution) => execution,
            Err(outcome) => {
                // A job that is stopped before anything is done for it ends the query of another worker.
                if let (Submitted::Nothing, Some(id)) = (&query, job.resume) {
                    query = Submitted::Elsewhere(id, job.query.tables);
                }
                return (Ok(Ended::Here(outcome)), query);
            }
        };
        observer.submitted(execution.id());
        let is_published = AtomicBool::new(job.resume == Some(execution.id()));
        let steps = Steps { clock: &clock, is_published: &is_published, reads: &reads };
        let ended = tokio::select! {
            ended = self.carry_out(job, &mut *execution, observer, steps) => ended,
            () = &mut deadline => Ok(Ended::Here(Outcome::Failed(too_long(limit)))),
            () = stop.abort.cancelled() => Ok(Ended::Here(Outcome::Aborted)),
            () = &mut hand_over => Ok(Ended::Here(Outcome::HandedOver)),
        };
        (ended, Submitted::Known { execution, is_published: is_published.into_inner() })
    }

    /// Goes on with the query that another worker has submitted, or submits it. `query` says what is known of it if this
    /// is interrupted.
    async fn submit(
        &self,
        job: &Job<'_>,
        query: &mut Submitted,
    ) -> Result<Box<dyn Execution>, Failure> {
        if let Some(id) = &job.resume {
            let tables = &job.query.tables;
            *query = Submitted::Elsewhere(id.clone(), tables.clone());
            if let Some(execution) = self.database.resume(id, tables).await? {
                info!(query = id, "goes on with a query that another worker has submitted");
                return Ok(execution);
            }
            warn!(query = id, "the database has the query no more; it is submitted again");
        }
        let (database, wanted) = (Arc::clone(&self.database), job.query.clone());
        let submission = async move { database.submit(&wanted).await };
        *query = Submitted::UnderWay(tokio::spawn(submission.in_current_span()));
        let Submitted::UnderWay(submission) = &mut *query else { return Err(Failure::defect()) };
        let submitted = submission.await;
        *query = Submitted::Nothing;
        submitted.unwrap_or_else(|_| Err(Failure::defect()))
    }

    /// The part between the submission and the end. Only this part can be interrupted.
    async fn carry_out(
        &self,
        job: Job<'_>,
        execution: &mut dyn Execution,
        observer: &mut dyn JobObserver,
        steps: Steps<'_>,
    ) -> io::Result<Ended> {
        let Steps { clock, is_published, reads } = steps;
        let started = Instant::now();
        loop {
            let progress = match execution.progress().await {
                Ok(progress) => progress,
                Err(failure) => return Ok(Ended::Here(Outcome::Failed(failure))),
            };
            observer.progress(&progress).await?;
            is_published.store(true, Ordering::Relaxed);
            match progress.phase {
                QueryPhase::Executing => {}
                QueryPhase::Finished => break,
                QueryPhase::Failed(failure) => {
                    return Ok(Ended::InDatabase(Outcome::Failed(failure)));
                }
                QueryPhase::Aborted => return Ok(Ended::InDatabase(Outcome::Aborted)),
            }
        }
        let queried = started.elapsed();
        clock.stop();
        let _pass = self.gate.pass().await;
        clock.go_on();
        let result = match (job.result)() {
            Ok(result) => result,
            Err(failure) => return Ok(Ended::Here(Outcome::Failed(failure))),
        };
        observer.took(Stage::Query, result.format.plugin().info().id, queried);
        reads.store(true, Ordering::Relaxed);
        observer.reads_rows().await?;
        let transferred = self.transfer(&job.id, result, execution, observer, clock).await;
        Ok(Ended::Here(match transferred {
            Ok(encoded) => Outcome::Completed(encoded),
            Err(failure) => Outcome::Failed(failure),
        }))
    }

    async fn transfer(
        &self,
        id: &str,
        result: ResultRequest,
        execution: &mut dyn Execution,
        observer: &mut dyn JobObserver,
        clock: &Clock,
    ) -> Result<Encoded, Failure> {
        let ResultRequest { rows, mut format, url_rewrite, maxrec, destination } = result;
        format.context.resources = self.limits.resources_of_a_job();
        let mut source: Box<dyn RowSource> = execution.rows(rows).await?;
        if let Some(rewrite) = url_rewrite {
            let rewrite = UrlRewrite::new(source.schema(), rewrite.base, rewrite.columns);
            source = Box::new(Transformed::new(source, rewrite));
        }
        let limit = MaxRec::new(source.schema(), maxrec.unwrap_or(u64::MAX));
        let source = Transformed::new(source, limit);
        let delivery = Delivery {
            mode: self.limits.upload,
            uploader: &self.uploader,
            scratch: self.limits.scratch_per_job,
            max_bytes: self.limits.max_bytes,
            clock,
        };
        let encoded = delivery.store(source, format, &destination, observer).await?;
        let summary = &encoded.summary;
        info!(
            job = id,
            rows = summary.rows,
            bytes = summary.total_bytes,
            truncated_cells = summary.truncated_cells,
            altered_cells = summary.altered_cells,
            "the result is stored"
        );
        Ok(encoded)
    }
}

/// Time within which the database has to answer before a query is left to itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of the query of a job.
enum Submitted {
    /// There is none, or it has ended.
    Nothing,
    /// It runs. Another worker can find it once its id is published.
    Known { execution: Box<dyn Execution>, is_published: bool },
    /// Another worker has submitted it, under this id and with these tables.
    Elsewhere(String, Vec<UserTable>),
    /// The database has not answered yet.
    UnderWay(JoinHandle<Result<Box<dyn Execution>, Failure>>),
}

impl Submitted {
    /// Whether another worker can go on with the query.
    fn can_be_resumed(&self) -> bool {
        match self {
            Self::Known { execution, is_published } => *is_published && execution.can_be_resumed(),
            Self::Nothing | Self::Elsewhere(..) => true,
            Self::UnderWay(_) => false,
        }
    }
}

/// What the parts of a job tell each other.
struct Steps<'a> {
    clock: &'a Clock,
    /// Whether the id of the query was published.
    is_published: &'a AtomicBool,
    /// Whether the rows are being read.
    reads: &'a AtomicBool,
}

/// What the database is told of the end of a query.
#[derive(Clone, Copy)]
enum End {
    /// Its result is stored.
    Stored,
    /// Nobody wants its result.
    Stopped,
    /// Another worker will run it again.
    HandedOver,
    /// The database itself has ended it.
    InDatabase,
}

/// How a job ended, and whether the database knows it already.
enum Ended {
    /// The runner has ended the job, and has to tell the database.
    Here(Outcome),
    /// The database has reported the end.
    InDatabase(Outcome),
}

fn too_long(limit: Option<Duration>) -> Failure {
    let seconds = limit.unwrap_or_default().as_secs_f64();
    let message = format!("the job took longer than its limit of {seconds} s");
    Failure::new(FailureCause::TimedOut, message)
}
