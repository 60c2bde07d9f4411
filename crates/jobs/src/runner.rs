//! Runs one job, from its query to the end of its upload.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taploom_pipeline::{Encoded, MaxRec, RowSource, Transformed, UrlRewrite};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, warn};

use crate::clock::Clock;
use crate::database::{Database, Execution, QueryPhase, UserTable};
use crate::delivery::Delivery;
use crate::endings::{End, Endings, Submitted};
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
    endings: Endings,
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
        let (gate, endings) = (Arc::new(Open), Endings::default());
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
    pub async fn check(&self, destination: &Destination) -> Result<(), Failure> {
        self.uploader.place(destination).await.map(drop)
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
        let tables = job.tables.clone();
        let (ended, query) = self.ended(job, observer, stop).await;
        let published = match &ended {
            Ok(Ended::Here(Outcome::HandedOver)) | Err(_) => Ok(()),
            Ok(Ended::Here(outcome) | Ended::InDatabase(outcome)) => observer.ended(outcome).await,
        };
        // Another worker takes the job up, and the query with it.
        let goes_on =
            published.is_err() || matches!(ended, Ok(Ended::Here(Outcome::HandedOver)) | Err(_));
        // It may have sent the tables of the user by the time at which they would be removed here.
        let tables = if goes_on { Vec::new() } else { tables };
        match &ended {
            Ok(Ended::InDatabase(_)) => self.tell_end(query, tables, End::InDatabase),
            Ok(Ended::Here(Outcome::Completed(_))) => self.tell_end(query, tables, End::Stored),
            _ if goes_on && query.can_be_left() => {}
            _ if goes_on => self.tell_end(query, tables, End::HandedOver),
            _ => self.tell_end(query, tables, End::Stopped),
        }
        published?;
        let (Ended::Here(outcome) | Ended::InDatabase(outcome)) = ended?;
        Ok(outcome)
    }

    /// Ends what another worker may have begun for a job: a query, if its id is known, and tables of the user.
    pub fn abandon(&self, id: Option<String>, tables: Vec<UserTable>) {
        let query = id.map_or(Submitted::Nothing, Submitted::Elsewhere);
        self.tell_end(query, tables, End::Stopped);
    }

    /// Checks that tables of a user may be sent to the database, before the work.
    ///
    /// # Errors
    /// They may not.
    pub fn check_tables(&self, tables: &[UserTable]) -> Result<(), Failure> {
        self.database.check_tables(tables)
    }

    /// Whether queries [run in the database by themselves](Database::runs_in_background).
    pub fn runs_in_background(&self) -> bool {
        self.database.runs_in_background()
    }

    /// Waits until the database and the store have been told of the end of everything that [`run`](Self::run) has ended.
    /// Call it before the runtime ends.
    pub async fn rest(&self) {
        self.endings.rest().await;
        self.uploader.rest().await;
    }

    fn tell_end(&self, query: Submitted, tables: Vec<UserTable>, end: End) {
        self.endings.tell(&self.database, query, tables, end);
    }

    /// How a job ends, and what is known of its query. A job whose rows break off because the database went away begins
    /// again with its query: nothing of the result is stored yet.
    async fn ended(
        &self,
        mut job: Job<'_>,
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
        let mut losses = Losses::of(job.attempts);
        loop {
            let mut query = Submitted::Nothing;
            let submitted = tokio::select! {
                biased;
                () = stop.abort.cancelled() => Err(Outcome::Aborted),
                () = &mut hand_over => Err(Outcome::HandedOver),
                () = &mut deadline => Err(Outcome::Failed(too_long(limit))),
                submitted = self.submit(&job, losses.pause(), &mut query) => {
                    submitted.map_err(Outcome::Failed)
                }
            };
            let mut execution = match submitted {
                Ok(execution) => execution,
                Err(outcome) => {
                    let begun = match (query, job.resume) {
                        // A job that is stopped before anything is done for it ends the query of another worker.
                        (Submitted::Nothing, Some(id)) => Submitted::Elsewhere(id),
                        (query, _) => query,
                    };
                    return (Ok(Ended::Here(outcome)), begun);
                }
            };
            observer.submitted(execution.id());
            let is_published = AtomicBool::new(job.resume == Some(execution.id()));
            let steps = Steps { clock: &clock, is_published: &is_published, reads: &reads };
            let ended = tokio::select! {
                ended = self.carry_out(&job, &mut *execution, observer, steps) => ended,
                () = &mut deadline => Ok(Ended::Here(Outcome::Failed(too_long(limit)))),
                () = stop.abort.cancelled() => Ok(Ended::Here(Outcome::Aborted)),
                () = &mut hand_over => Ok(Ended::Here(Outcome::HandedOver)),
            };
            let is_published = is_published.into_inner();
            let failure = match &ended {
                Ok(Ended::Here(Outcome::Failed(failure)))
                    if failure.cause == FailureCause::DatabaseLost =>
                {
                    failure
                }
                _ => return (ended, Submitted::Known { execution, is_published }),
            };
            if !self.database.waits_for_outages() || !losses.may_begin_again() {
                return (ended, Submitted::Nothing);
            }
            warn!("the query of a job is begun again: {failure}");
            // This worker is about to stop, and another one can begin again as well.
            if stop.hand_over_query.is_cancelled() {
                return (Ok(Ended::Here(Outcome::HandedOver)), Submitted::Nothing);
            }
            reads.store(false, Ordering::Relaxed);
            job.resume = None;
        }
    }

    /// Goes on with the query that another worker has submitted, or submits it after a pause. `query` says what is known
    /// of it if this is interrupted.
    async fn submit(
        &self,
        job: &Job<'_>,
        pause: Duration,
        query: &mut Submitted,
    ) -> Result<Box<dyn Execution>, Failure> {
        if let Some(id) = &job.resume {
            *query = Submitted::Elsewhere(id.clone());
            if let Some(execution) = self.database.resume(id).await? {
                info!(query = id, "goes on with a query that another worker has submitted");
                return Ok(execution);
            }
            warn!(query = id, "the database has the query no more; it is submitted again");
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let (database, wanted) = (Arc::clone(&self.database), (job.query)()?);
        let (tables, leave) = (job.tables.clone(), CancellationToken::new());
        let is_left = leave.clone();
        let submission = async move {
            if !tables.is_empty() {
                tokio::select! {
                    sent = database.send_tables(&tables) => sent?,
                    // The next worker removes what was sent, and sends all of it again.
                    () = is_left.cancelled() => return Err(Failure::defect()),
                }
            }
            database.submit(&wanted).await
        };
        let submission = tokio::spawn(submission.in_current_span());
        *query = Submitted::UnderWay { submission, leave };
        let Submitted::UnderWay { submission, .. } = &mut *query else {
            return Err(Failure::defect());
        };
        let submitted = submission.await;
        *query = Submitted::Nothing;
        submitted.unwrap_or_else(|_| Err(Failure::defect()))
    }

    /// The part between the submission and the end. Only this part can be interrupted.
    async fn carry_out(
        &self,
        job: &Job<'_>,
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
            // If this is interrupted, the status may have left, and another worker may go on with the query.
            let was_published = is_published.swap(true, Ordering::Relaxed);
            if let Err(error) = clock.without(observer.progress(&progress)).await {
                is_published.store(was_published, Ordering::Relaxed);
                return Err(error);
            }
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
        let _pass = clock.without(self.gate.pass()).await;
        let result = match (job.result)() {
            Ok(result) => result,
            Err(failure) => return Ok(Ended::Here(Outcome::Failed(failure))),
        };
        observer.took(Stage::Query, result.format.plugin().info().id, queried);
        reads.store(true, Ordering::Relaxed);
        clock.without(observer.reads_rows()).await?;
        // On the heap, so that a job which waits takes no room for it.
        let transfer = Box::pin(self.transfer(&job.id, result, execution, observer, clock));
        let transferred = transfer.await;
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

/// What the parts of a job tell each other.
struct Steps<'a> {
    clock: &'a Clock,
    /// Whether the id of the query was published, or may have been.
    is_published: &'a AtomicBool,
    /// Whether the rows are being read.
    reads: &'a AtomicBool,
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

/// How often the query of a job is begun in one worker, if the database goes away each time while the rows are read: the
/// query itself may be what ends the database.
const MOST_BEGINNINGS: u32 = 3;

/// The pause before a query is begun again. It doubles before each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How often the database went away while the rows of a job were read.
struct Losses {
    count: u32,
    /// How often the query may be begun.
    most: u32,
}

impl Losses {
    fn of(attempts: Option<u32>) -> Self {
        Self { count: 0, most: attempts.unwrap_or(MOST_BEGINNINGS).min(MOST_BEGINNINGS) }
    }

    /// Counts a loss, and returns whether the query may be begun again.
    fn may_begin_again(&mut self) -> bool {
        self.count += 1;
        self.count < self.most
    }

    /// The pause before the query is submitted. How long a server that is away is waited for is a matter of the database.
    fn pause(&self) -> Duration {
        match self.count {
            0 => Duration::ZERO,
            losses => FIRST_PAUSE * 2_u32.pow(losses.min(MOST_BEGINNINGS) - 1),
        }
    }
}
