//! `taploom job`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taploom::{Error, ErrorKind, Result};
use taploom_bridge::jobs::{
    Failure, JobLimits, JobRunner, Outcome, ResultFolder, Secret, Stop, StreamingDatabase,
    UploadMode, UploadPolicy, Uploader,
};
use taploom_bridge::{Bridge, ErrorInfo, Formats, JobRun};
use url::Url;

use crate::interrupt;
use crate::resources::ResourceArguments;
use crate::worker::{block_on, channel};

/// Time for a job that is told to end. Whoever reads its statuses may have stopped reading.
const GRACE: Duration = Duration::from_secs(10);

/// One job of a TAP service.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// File with the message of the job, in JSON; - for standard input
    message: PathBuf,
    /// Database of the query: sqlite:FILE, or mysql:// or postgres:// and USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL")]
    database: String,
    /// Base of the URLs in columns that ask for it [default: the baseUrl of the message]
    #[arg(long, value_name = "URL")]
    datalink_url: Option<Url>,
    /// Whether the result is completed on disk before it is sent (spooled), or sent while it is encoded
    /// (chunked)
    #[arg(long, value_name = "MODE", default_value = "spooled", value_parser = upload_mode)]
    upload: UploadMode,
    /// Folder for a result whose destination is a file URL below it
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Where statuses go: - for standard output, or a URL that takes a POST for each
    #[arg(long, value_name = "URL", default_value = "-")]
    statuses: String,
    /// Maximum number of times that the result is sent
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        allow_negative_numbers = true,
        value_parser = crate::values::at_least_one
    )]
    attempts: usize,
    /// Seconds after which an upload fails if the store takes no bytes and gives no answer
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle_timeout: u64,
    /// Proxy on the way to the store: http://HOST:PORT [default: none, and HTTP_PROXY is not obeyed]
    #[arg(long, value_name = "URL")]
    proxy: Option<Url>,
    /// Log more: -v what happens, -vv details; RUST_LOG=FILTER decides instead if it is set
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    resources: ResourceArguments,
}

fn upload_mode(text: &str) -> std::result::Result<UploadMode, String> {
    match text {
        "spooled" => Ok(UploadMode::Spooled),
        "chunked" => Ok(UploadMode::Chunked),
        _ => Err("spooled or chunked".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    crate::logging::start(arguments.verbose)?;
    let message = read(&arguments.message)?;
    let bridge = bridge(arguments)?;
    let statuses = channel(&arguments.statuses)?.of_job();
    let outcome = block_on(async {
        match JobRun::parse(&message) {
            Ok(job) => {
                let stop = Stop::default();
                let asked_to_end = interrupt::asked_to_end().map_err(|error| {
                    Error::new(ErrorKind::Internal, "can't listen to signals").with_source(error)
                })?;
                // The job ends as if it had been aborted, with a final status.
                let interrupted = async {
                    asked_to_end.await;
                    stop.abort.cancel();
                    tokio::time::sleep(GRACE).await;
                };
                let run = async {
                    let outcome = bridge.run(job, &statuses, &stop).await;
                    bridge.rest().await;
                    outcome.map_err(Error::sink)
                };
                tokio::select! {
                    outcome = run => outcome,
                    () = interrupted => Err(Error::new(
                        ErrorKind::Failed,
                        "the job was stopped, and its end could not be told in time: to the reader of its statuses, the \
                         database or the store",
                    )),
                }
            }
            Err(rejected) if rejected.job_id.is_some() => {
                bridge.reject(&rejected, &statuses).await.map_err(Error::sink)
            }
            Err(rejected) => Ok(Outcome::Failed(rejected.failure)),
        }
    });
    match outcome? {
        Outcome::Completed(_) => Ok(()),
        Outcome::Failed(failure) => Err(error(&failure)),
        Outcome::Aborted | Outcome::HandedOver => {
            Err(Error::new(ErrorKind::Failed, "the job was stopped"))
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let read = match path == Path::new("-") {
        true => {
            let mut message = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut message).map(|_| message)
        }
        false => std::fs::read(path),
    };
    read.map_err(|error| {
        let message = format!("can't read the job message {}", path.display());
        Error::new(ErrorKind::InvalidRequest, message).with_source(error)
    })
}

fn bridge(arguments: &Arguments) -> Result<Bridge> {
    let limits = JobLimits {
        resources: arguments.resources.resources()?,
        upload: arguments.upload,
        ..JobLimits::default()
    };
    let policy = UploadPolicy {
        attempts: arguments.attempts,
        idle_timeout: Duration::from_secs(arguments.idle_timeout),
        proxy: arguments.proxy.clone().map(Secret::new),
        ..UploadPolicy::default()
    };
    let mut uploader = Uploader::new(policy).map_err(|failure| error(&failure))?;
    if let Some(folder) = &arguments.results {
        let folder = ResultFolder::new(folder);
        uploader = uploader.with_folder(folder.map_err(|failure| {
            Error::new(ErrorKind::InvalidRequest, format!("--results {failure}"))
        })?);
    }
    // Nobody waits at a terminal for a server that may never come.
    let database = StreamingDatabase::new(&arguments.database)?.with_outage(Duration::ZERO);
    let formats = Formats::new(taploom::registry()?);
    let runner =
        JobRunner::new(Arc::new(database), uploader, limits).map_err(|failure| error(&failure))?;
    Ok(Bridge::new(formats, runner).with_datalink_url(arguments.datalink_url.clone()))
}

/// The error of the program for a failed job.
pub(crate) fn error(failure: &Failure) -> Error {
    let kind =
        if failure.is_caller_fault() { ErrorKind::InvalidRequest } else { ErrorKind::Failed };
    let ErrorInfo { error_code, error_message } = ErrorInfo::from(failure);
    Error::new(kind, format!("{error_code}: {error_message}"))
}
