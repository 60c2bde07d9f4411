//! `taploom bridge`.

use std::path::PathBuf;
use std::sync::Arc;

use taploom::Result;
use taploom_bridge::{Config, Worker};

use crate::worker::{block_on, bridge, failed, listener, observed, wrong_settings};

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
    let config = Config::load(&arguments.config).map_err(wrong_settings)?;
    let Some(kafka) = config.kafka.clone() else {
        return Err(wrong_settings("there is no section [kafka]; give its brokers"));
    };
    let bridge = bridge(&config)?;
    if arguments.check {
        return Ok(());
    }
    block_on(async {
        let listener = listener(&config.observe).await?;
        let jobs = config.jobs.clone();
        let worker = tokio::task::spawn_blocking(move || Worker::new(bridge, kafka, &jobs));
        let worker = worker.await.map_err(|error| failed("can't start the worker", error))?;
        let worker = worker.map_err(|error| failed("Kafka", error))?;
        let shutdown = observed(listener, Arc::clone(&worker))?;
        let worked = worker.run(&shutdown).await;
        worked.map_err(|error| failed("the worker can't go on", error))
    })
}
