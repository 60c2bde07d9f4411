//! The processes in which readers run. Each is started once, and answers one request per line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::readers::workspace;

/// A program that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// Python with the newest version of every library.
    Python,
    /// Python with older versions.
    OlderPython,
    /// Java with STIL and parquet-java.
    Java,
    /// Java with the STIL of STILTS.
    Stilts,
}

impl Program {
    fn command(self) -> Command {
        let target = crate::target();
        let python = |environment: &str| {
            let mut command = Command::new(target.join(environment).join("bin/python"));
            command
                .args(["-m", "readers"])
                .env("PYTHONPATH", workspace().join("tests/readers"))
                .env("PYTHONDONTWRITEBYTECODE", "1");
            command
        };
        match self {
            Self::Python => python("python"),
            Self::OlderPython => python("python-older"),
            Self::Java => java(&[target.join("java/lib/*")]),
            Self::Stilts => java(&[jar_of_stilts(), library("json-")]),
        }
    }
}

/// The program `Readers` with libraries.
fn java(libraries: &[PathBuf]) -> Command {
    let classes = crate::target().join("java/classes");
    let paths = std::iter::once(&classes).chain(libraries);
    let mut command = Command::new("java");
    // For a run of seconds, the second compiler is not worth its time, and one thread is enough for
    // garbage collection.
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g"]);
    command.args(["-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-cp"]);
    command.arg(std::env::join_paths(paths).expect("paths without a colon")).arg("Readers");
    command
}

/// The classes of STILTS: next to the program, or where Debian installs them.
fn jar_of_stilts() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&folders).map(|folder| folder.join("stilts"));
    let beside =
        programs.filter_map(|program| Some(program.canonicalize().ok()?.with_extension("jar")));
    beside
        .chain([PathBuf::from("/usr/share/java/starlink-ttools.jar")])
        .find(|jar| jar.is_file())
        .expect("the classes of STILTS: run `cargo xtask setup`")
}

/// Finds a library of the readers in Java by the beginning of its name.
fn library(name: &str) -> PathBuf {
    let folder = std::fs::read_dir(crate::target().join("java/lib"));
    let mut paths = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| {
        path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
    };
    paths.find(is_it).unwrap_or_else(|| panic!("no {name}….jar: run `cargo xtask setup`"))
}

/// The running processes.
#[derive(Default)]
pub(crate) struct Processes(BTreeMap<Program, Process>);

struct Process {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Processes {
    /// Returns the answer of a program to a request. A process that has crashed because of a fault in a
    /// library is started again at the next request.
    ///
    /// # Errors
    /// The exit status of the process.
    ///
    /// # Panics
    /// If it can't be started; the message says what to do.
    pub(crate) fn ask(&mut self, program: Program, request: &Value) -> Result<Value, String> {
        let process = self.0.entry(program).or_insert_with(|| Process::start(program));
        let answer = process.ask(request);
        if answer.is_err() {
            self.0.remove(&program);
        }
        answer
    }
}

impl Process {
    fn start(program: Program) -> Self {
        let mut child = program
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("the readers in {program:?} don't start ({error}): run `cargo xtask setup`")
            });
        let requests = child.stdin.take().expect("a pipe to the readers");
        let answers = BufReader::new(child.stdout.take().expect("a pipe from the readers"));
        Self { child, requests, answers }
    }

    fn ask(&mut self, request: &Value) -> Result<Value, String> {
        let mut line = String::new();
        let sent = writeln!(self.requests, "{request}").and_then(|()| self.requests.flush());
        let answered = sent.and_then(|()| self.answers.read_line(&mut line));
        match answered {
            Ok(0) | Err(_) => {
                let ended = self.child.wait().map_err(|error| error.to_string())?;
                Err(format!("the process ended: {ended}"))
            }
            Ok(_) => serde_json::from_str(&line)
                .map_err(|error| format!("the readers answered {line:?}: {error}")),
        }
    }
}

impl Drop for Process {
    /// Kills the process, and waits for its end.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
