//! Runs several jobs of the bridge at the same time, in one process.
//!
//! ```text
//! bench-jobs DATABASE N MIB MESSAGE.json...
//! ```
//!
//! It runs N jobs of each message, each with MIB for its encoder, and fails if one of them fails.

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use taploom_bridge::jobs::{
    JobLimits, JobRunner, Outcome, Stop, StreamingDatabase, UploadPolicy, Uploader,
};
use taploom_bridge::{Bridge, Formats, JobRun, JobStatus, Statuses};
use taploom_format::Resources;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, jobs, memory, messages @ ..] = arguments.as_slice() else {
        eprintln!("usage: bench-jobs DATABASE N MIB MESSAGE.json...");
        return ExitCode::FAILURE;
    };
    match run(database, jobs, memory, messages) {
        Ok(jobs) => {
            println!("{jobs} jobs");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("bench-jobs: {why}");
            ExitCode::FAILURE
        }
    }
}

struct Nobody;

#[async_trait]
impl Statuses for Nobody {
    async fn publish(&self, _status: &JobStatus) -> std::io::Result<()> {
        Ok(())
    }
}

fn run(database: &str, jobs: &str, memory: &str, messages: &[String]) -> Result<usize, String> {
    let jobs: usize = jobs.parse().map_err(|_| format!("{jobs} is not a number of jobs"))?;
    let memory: usize = memory.parse().map_err(|_| format!("{memory} is not a number of MiB"))?;
    let registry = taploom::registry().map_err(|error| format!("{error:#}"))?;
    let database = StreamingDatabase::new(database).map_err(|error| format!("{error:#}"))?;
    let uploader = Uploader::new(UploadPolicy::default()).map_err(|error| error.to_string())?;
    let limits = JobLimits {
        resources: Resources::default().with_memory_budget(memory << 20),
        ..JobLimits::default()
    };
    let runner = JobRunner::new(Arc::new(database), uploader, limits);
    let runner = runner.map_err(|error| error.to_string())?;
    let bridge = Arc::new(Bridge::new(Formats::new(registry), runner));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for message in messages {
            let text = std::fs::read(message).map_err(|error| format!("{message}: {error}"))?;
            for _ in 0..jobs {
                let job = JobRun::parse(&text)
                    .map_err(|error| format!("{message}: {}", error.failure))?;
                let bridge = Arc::clone(&bridge);
                running.spawn(async move { bridge.run(job, &Nobody, &Stop::default()).await });
            }
        }
        let mut completed = 0;
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(Ok(Outcome::Completed(_))) => completed += 1,
                Ok(other) => return Err(format!("a job ended as {other:?}")),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(completed)
    })
}
