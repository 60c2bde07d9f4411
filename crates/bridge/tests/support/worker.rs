//! Workers as processes. The test program itself is the worker, if a variable names its settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use async_trait::async_trait;
use taploom_bridge::jobs::{Database, Execution, Failure, Query, StreamingDatabase};
use taploom_bridge::{Config, SpoolWorker, StatusChannel, Worker, serve};
use tokio_util::sync::CancellationToken;

use crate::support::{bridge_to, limits};

const WORKER: &str = "TAPLOOM_TEST_WORKER";
/// The program that is started as `PROGRAM bridge --config FILE`, in place of this one.
const PROGRAM: &str = "TAPLOOM_WORKER_PROGRAM";
/// The folder for the jobs of a worker whose settings have no Kafka.
pub(crate) const SPOOL: &str = "TAPLOOM_TEST_SPOOL";
/// Where such a worker sends statuses.
pub(crate) const STATUSES: &str = "TAPLOOM_TEST_STATUSES";
/// Jobs of a worker with this variable panic, if their SQL is `panic`.
pub(crate) const PANICS: &str = "TAPLOOM_TEST_PANICS";

/// Runs a worker to its end, if this process was started as one.
pub(crate) fn role() -> Option<ExitCode> {
    std::env::var_os(WORKER).map(|settings| work(Path::new(&settings)))
}

/// Runs a worker until SIGTERM.
fn work(path: &Path) -> ExitCode {
    let config = Config::load(path).unwrap();
    let filter = tracing_subscriber::EnvFilter::new(&config.observe.filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    if config.observe.filter == "trace" {
        log::set_logger(&OldLog).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    }
    let bridge = match std::env::var_os(PANICS) {
        Some(location) => bridge_to(Panicking::over(location.to_str().unwrap()), limits()),
        None => config.bridge(taploom::registry().unwrap()).unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (kafka, jobs) = (config.kafka, config.jobs);
        let listener = tokio::net::TcpListener::bind(config.observe.listen).await.unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            let kind = tokio::signal::unix::SignalKind::terminate();
            tokio::signal::unix::signal(kind).unwrap().recv().await;
            stop.cancel();
        });
        let Some(kafka) = kafka else {
            let [folder, statuses] = [SPOOL, STATUSES].map(|name| std::env::var(name).unwrap());
            let channel = StatusChannel::parse(&statuses).unwrap();
            let worker = SpoolWorker::new(bridge, Path::new(&folder), &jobs, channel).unwrap();
            tokio::spawn(serve(Arc::clone(&worker), listener));
            return worker.run(&shutdown).await.unwrap();
        };
        let worker = tokio::task::spawn_blocking(move || Worker::new(bridge, kafka, &jobs));
        let worker = worker.await.unwrap().unwrap();
        tokio::spawn(serve(Arc::clone(&worker), listener));
        worker.run(&shutdown).await.unwrap();
    });
    ExitCode::SUCCESS
}

/// Prints what crates say that log by the crate `log`. The program itself leaves that out.
struct OldLog;

impl log::Log for OldLog {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
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
    /// Empty for a worker on a folder.
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
        let kafka = match brokers.is_empty() {
            true => String::new(),
            false => format!(
                "[kafka]\nbrokers = {brokers:?}\n{kafka}\n[kafka.properties]\n\
                 \"session.timeout.ms\" = \"6000\"\n\"heartbeat.interval.ms\" = \"500\"\n"
            ),
        };
        format!(
            "{kafka}[database]\n{database}\n[observe]\nlisten = \"127.0.0.1:{port}\"\n[jobs]\n{jobs}\n\
             [upload]\n{upload}\n"
        )
    }
}

/// A worker in a separate process.
pub(crate) struct Process {
    child: Child,
    port: u16,
    log: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
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
        let lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::<Mutex<String>>::default();
        let read = Arc::clone(&log);
        // The worker's output is printed, because it usually shows why a test fails.
        let reading = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut read = read.lock().unwrap();
                read.push_str(&line);
                read.push('\n');
                // Nobody reads all of a trace.
                if !line.contains("TRACE") && !line.contains("DEBUG") {
                    eprintln!("worker {port}: {line}");
                }
            }
        });
        Self { child, port, log, reading: Some(reading) }
    }

    /// Asks the worker to end, waits for that, and returns all that it has logged.
    pub(crate) fn whole_log(mut self) -> String {
        assert!(self.terminate().success());
        self.reading.take().unwrap().join().unwrap();
        self.log.lock().unwrap().clone()
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
        let shows_signature = self.log.lock().is_ok_and(|log| log.contains("5ec3e7"));
        assert!(!shows_signature || std::thread::panicking(), "the log shows a signature");
    }
}
