//! The processes in which readers run: each is started once, and answers one request a line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
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
            Self::Java => {
                let java = target.join("java");
                let classes =
                    format!("{}:{}", java.join("classes").display(), java.join("lib/*").display());
                let mut command = Command::new("java");
                // What runs for seconds is not worth the second compiler, nor more than one thread for its heap.
                command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g", "-cp"]);
                command.arg(classes).arg("Readers");
                command
            }
        }
    }
}

/// The processes that run.
#[derive(Default)]
pub(crate) struct Processes(BTreeMap<Program, Process>);

struct Process {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Processes {
    /// The answer of a program to a request. A process that has ended, because of a fault in a library, is
    /// started again at the next request.
    ///
    /// # Errors
    /// How the process ended.
    ///
    /// # Panics
    /// Where it can't be started; the message says what to do.
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
    /// The process ends at the end of its input, or is ended where it does not take it.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
