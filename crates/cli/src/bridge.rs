//! `taploom bridge`.

use std::io::IsTerminal;
use std::path::PathBuf;

use taploom::{Error, ErrorKind, Result};
use taploom_bridge::{Config, LogFormat, ObserveConfig, Worker, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::interrupt::asked_to_end;

/// The arguments of `taploom bridge`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Settings in TOML; environment variables TAPLOOM__SECTION__KEY override them
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check the settings and exit
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = Config::load(&arguments.config)
        .map_err(|why| Error::new(ErrorKind::InvalidRequest, format!("the settings: {why}")))?;
    let bridge = config.bridge(taploom::registry()?).map_err(|failure| {
        Error::new(ErrorKind::InvalidRequest, format!("the settings: {}", failure.message))
    })?;
    log(&config.observe)?;
    if arguments.check {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("can't start the runtime", error))?;
    runtime.block_on(async {
        let listen = config.observe.listen;
        let listener = TcpListener::bind(listen).await;
        let listener =
            listener.map_err(|error| failed(format!("can't listen on {listen}"), error))?;
        let (kafka, jobs) = (config.kafka, config.jobs);
        let worker = tokio::task::spawn_blocking(move || Worker::new(bridge, kafka, &jobs));
        let worker = worker.await.map_err(|error| failed("can't start the worker", error))?;
        let worker = worker.map_err(|error| failed("Kafka", error))?;
        let shutdown = CancellationToken::new();
        let asked_to_end =
            asked_to_end().map_err(|error| failed("can't listen to signals", error))?;
        let stop = shutdown.clone();
        tokio::spawn(async move {
            asked_to_end.await;
            stop.cancel();
        });
        let observed = tokio::spawn(serve(std::sync::Arc::clone(&worker), listener));
        let worked = worker.run(&shutdown).await;
        observed.abort();
        worked.map_err(|error| failed("the worker can't go on", error))
    })
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

fn failed(
    what: impl Into<String>,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(ErrorKind::Failed, what).with_source(error)
}
