//! Workers as processes. The test program itself is the worker, if a variable names its settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use taploom_bridge::jobs::{Database, Execution, Failure, Query, StreamingDatabase};
use taploom_bridge::{Config, Worker, serve};
use tokio_util::sync::CancellationToken;

use crate::support::{bridge_to, limits};

const WORKER: &str = "TAPLOOM_TEST_WORKER";
/// The program that is started as `PROGRAM bridge --config FILE`, in place of this one.
const PROGRAM: &str = "TAPLOOM_WORKER_PROGRAM";
/// Jobs of a worker with this variable panic, if their SQL is `panic`.
pub(crate) const PANICS: &str = "TAPLOOM_TEST_PANICS";

/// Runs a worker to its end, if this process was started as one.
pub(crate) fn role() -> Option<ExitCode> {
    std::env::var_os(WORKER).map(|settings| work(Path::new(&settings)))
}

/// Runs a worker until SIGTERM.
fn work(path: &Path) -> ExitCode {
    let config = Config::load(path).unwrap();
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let bridge = match std::env::var_os(PANICS) {
        Some(location) => bridge_to(Panicking::over(location.to_str().unwrap()), limits()),
        None => config.bridge(taploom::registry().unwrap()).unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (kafka, jobs) = (config.kafka.unwrap(), config.jobs);
        let worker = tokio::task::spawn_blocking(move || Worker::new(bridge, kafka, &jobs));
        let worker = worker.await.unwrap().unwrap();
        let listener = tokio::net::TcpListener::bind(config.observe.listen).await.unwrap();
        tokio::spawn(serve(Arc::clone(&worker), listener));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            let kind = tokio::signal::unix::SignalKind::terminate();
            tokio::signal::unix::signal(kind).unwrap().recv().await;
            stop.cancel();
        });
        worker.run(&shutdown).await.unwrap();
    });
    ExitCode::SUCCESS
}

/// A database that panics when it is given the SQL `panic`.
struct Panicking(StreamingDatabase);

impl Panicking {
    fn over(location: &str) -> Self {
        Self(StreamingDatabase::new(location).unwrap())
    }
}

#[async_trait]
impl Database for Panicking {
    async fn submit(&self, query: &Query) -> Result<Box<dyn Execution>, Failure> {
        assert_ne!(query.sql, "panic", "as it was told");
        self.0.submit(query).await
    }

    fn reads_once(&self) -> bool {
        false
    }
}

/// The settings of a worker that differ between tests.
#[derive(Default)]
pub(crate) struct Settings<'a> {
    pub(crate) brokers: &'a str,
    /// More of the section `kafka`.
    pub(crate) kafka: &'a str,
    /// The section `database`.
    pub(crate) database: &'a str,
    /// The section `jobs`.
    pub(crate) jobs: &'a str,
    /// The section `upload`.
    pub(crate) upload: &'a str,
}

impl Settings<'_> {
    fn toml(&self, port: u16) -> String {
        let Self { brokers, kafka, database, jobs, upload } = self;
        format!(
            "[kafka]\nbrokers = {brokers:?}\n{kafka}\n[kafka.properties]\n\"session.timeout.ms\" = \"6000\"\n\
             \"heartbeat.interval.ms\" = \"500\"\n[database]\n{database}\n[observe]\n\
             listen = \"127.0.0.1:{port}\"\n[jobs]\n{jobs}\n[upload]\n{upload}\n"
        )
    }
}

/// A worker in a separate process.
pub(crate) struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts a worker, whose settings are written to `folder`.
    pub(crate) fn start(
        folder: &Path,
        settings: &Settings<'_>,
        variables: &[(&str, &str)],
    ) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.join(format!("{port}.toml"));
        std::fs::write(&path, settings.toml(port)).unwrap();
        let mut command = match std::env::var_os(PROGRAM) {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(["bridge", "--config"]).arg(path);
                command
            }
            None => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.env(WORKER, path);
                command
            }
        };
        command.envs(variables.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        // The worker's output is printed, because it usually shows why a test fails.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                assert!(!line.contains("5ec3e7"), "the log shows a signature: {line}");
                eprintln!("worker {port}: {line}");
            }
        });
        Self { child, port }
    }

    /// The body of an answer.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the worker to end, and waits for that.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// Ends the worker at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
