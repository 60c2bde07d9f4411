//! What runs jobs until the process is told to stop: `taploom worker` from a folder, `taploom bridge` from Kafka.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taploom::{Error, ErrorKind, Result};
use taploom_bridge::jobs::Failure;
use taploom_bridge::{
    Bridge, Config, LogFormat, ObserveConfig, Observed, SpoolWorker, StatusChannel, serve,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::interrupt::asked_to_end;

/// Time for what still blocks after the work.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The arguments of `taploom worker`.
#[derive(clap::Args)]
pub(crate) struct SpoolArguments {
    /// Folder for jobs. A job is a file NAME.json that is moved into it; its final status becomes done/NAME.json, and a
    /// file NAME.cancel stops it. Several workers may share a folder
    #[arg(long, value_name = "DIR")]
    spool: PathBuf,
    /// Settings in TOML; environment variables TAPLOOM__SECTION__KEY override them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database of the queries, with the default settings for everything else: sqlite:FILE,
    /// mysql://USER:PASSWORD@HOST:PORT/DATABASE, postgres://USER:PASSWORD@HOST:PORT/DATABASE, or demo for trials: a table
    /// `stars`
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    database: Option<String>,
    /// Folder for results whose destination is a file URL below it [default: upload.folder of the settings]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Where statuses go: - for standard output, or a URL that takes a POST for each
    #[arg(long, value_name = "URL", default_value = "-")]
    statuses: String,
    /// Check the settings and exit
    #[arg(long)]
    check: bool,
}

pub(crate) fn run_spool(arguments: &SpoolArguments) -> Result<()> {
    let mut config = match (&arguments.config, &arguments.database) {
        (Some(path), _) => Config::load(path),
        (None, Some(url)) => Config::for_database(url),
        (None, None) => {
            let message = "no database is named: give --database URL, or --config FILE";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
    }
    .map_err(wrong_settings)?;
    if arguments.results.is_some() {
        config.upload.folder.clone_from(&arguments.results);
    }
    let bridge = bridge(&config)?;
    let channel = channel(&arguments.statuses)?;
    let spool = &arguments.spool;
    if let Some(results) = &config.upload.folder {
        check_apart(results, spool)?;
    }
    let worker = SpoolWorker::new(bridge, spool, &config.jobs, channel).map_err(|error| {
        let message = format!("the spool folder {}", spool.display());
        Error::new(ErrorKind::InvalidRequest, message).with_source(error)
    })?;
    if arguments.check {
        return Ok(());
    }
    block_on(async {
        let listener = listener(&config.observe).await?;
        let shutdown = observed(listener, Arc::clone(&worker))?;
        let worked = worker.run(&shutdown).await;
        worked.map_err(|error| failed("the worker can't go on", error))
    })
}

/// The bridge of the settings, whose log is set up.
pub(crate) fn bridge(config: &Config) -> Result<Bridge> {
    let wrong = |failure: Failure| wrong_settings(failure);
    let bridge = config.bridge(taploom::registry()?).map_err(wrong)?;
    check_file(config.database.url.expose())?;
    log(&config.observe)?;
    Ok(bridge)
}

/// Checks that no result can replace a job or a status.
fn check_apart(results: &Path, spool: &Path) -> Result<()> {
    // A folder that is missing is named elsewhere.
    let (Ok(inner), Ok(outer)) = (results.canonicalize(), spool.canonicalize()) else {
        return Ok(());
    };
    if !inner.starts_with(&outer) && !outer.starts_with(&inner) {
        return Ok(());
    }
    Err(wrong_settings(format!(
        "upload.folder: results in {} could replace jobs in {}: choose a folder beside it",
        results.display(),
        spool.display()
    )))
}

/// A server may come back, and jobs wait for it. A file that is missing is a wrong setting.
fn check_file(database: &str) -> Result<()> {
    let Some(file) = database.strip_prefix("sqlite:") else { return Ok(()) };
    let wrong =
        |why: &dyn std::fmt::Display| wrong_settings(format!("database.url: {database}: {why}"));
    let opened = std::fs::File::open(file).and_then(|opened| opened.metadata());
    match opened {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(wrong(&"it is not a file")),
        Err(error) => Err(wrong(&error)),
    }
}

/// The channel that `--statuses` names.
pub(crate) fn channel(text: &str) -> Result<StatusChannel> {
    StatusChannel::parse(text)
        .map_err(|failure| Error::new(ErrorKind::InvalidRequest, format!("--statuses: {failure}")))
}

/// Does work on a runtime of its own. What still blocks afterwards, such as a write to a reader that has stopped or a file
/// system that hangs, ends with the process.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Runtime::new().map_err(|error| failed("can't start the runtime", error))?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WAIT);
    done
}

/// Listens for requests for metrics and health.
pub(crate) async fn listener(observe: &ObserveConfig) -> Result<TcpListener> {
    let listen = observe.listen;
    TcpListener::bind(listen).await.map_err(|error| {
        let message = format!(
            "can't listen on {listen}; give each worker of a machine its own observe.listen"
        );
        failed(message, error)
    })
}

/// Answers requests for metrics and health, in a task of its own. The token is cancelled when the process is asked to
/// end.
pub(crate) fn observed<W: Observed + 'static>(
    listener: TcpListener,
    worker: Arc<W>,
) -> Result<CancellationToken> {
    let asked_to_end = asked_to_end().map_err(|error| failed("can't listen to signals", error))?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        asked_to_end.await;
        stop.cancel();
    });
    tokio::spawn(serve(worker, listener));
    Ok(shutdown)
}

/// The log goes to standard error.
fn log(observe: &ObserveConfig) -> Result<()> {
    let filter = EnvFilter::try_new(&observe.filter).map_err(|error| {
        let message = format!("the settings: observe.filter {:?}", observe.filter);
        Error::new(ErrorKind::InvalidRequest, message).with_source(error)
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match observe.log {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

pub(crate) fn wrong_settings(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("the settings: {why}"))
}

pub(crate) fn failed(
    what: impl Into<String>,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(ErrorKind::Failed, what).with_source(error)
}
