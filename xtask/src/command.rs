//! Runs other programs.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::folders::{root, target};

/// A command that starts at the root of the workspace.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    // The path is absolute, because programs start in other folders than this one.
    command.args(arguments).current_dir(root()).env("CARGO_TARGET_DIR", target());
    command
}

/// The Cargo that runs this program, with the environment of a call by hand. Cargo describes this package in
/// variables; build scripts that read them, and all crates that depend on those, would be built again.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = command(&program, arguments);
    for (name, _) in std::env::vars_os() {
        let of_this_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
        if name.to_str().is_some_and(|name| of_this_package.iter().any(|of| name.starts_with(of))) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command) -> Outcome {
    announce(&command);
    let status = command.status().map_err(|error| not_started(&command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(&command))) }
}

/// Runs a command to its end, and passes on each line of its standard output as it arrives.
pub(crate) fn run_lines(mut command: Command, mut line: impl FnMut(&str)) -> Outcome {
    announce(&command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(&command, &error))?;
    if let Some(output) = child.stdout.take() {
        for text in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{text}");
            line(&text);
        }
    }
    let status = child.wait().map_err(|error| not_started(&command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(&command))) }
}

/// A command that runs in parallel with others. Its output is kept until it ends, so that its lines stay
/// together.
pub(crate) struct Beside {
    shown: String,
    ended: JoinHandle<io::Result<Ended>>,
}

struct Ended {
    printed: String,
    succeeded: bool,
    taken: Duration,
}

impl Beside {
    /// Starts a command.
    pub(crate) fn start(command: Command) -> Self {
        Self { shown: shown(&command), ended: thread::spawn(move || to_its_end(command)) }
    }

    /// Waits for the end, prints what the command printed, and passes on each line of it. Returns the duration as
    /// well.
    pub(crate) fn wait(self, line: impl FnMut(&str)) -> (Outcome, Duration) {
        eprintln!("\n--- {}", self.shown);
        let ended = self.ended.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        match ended {
            Ok(ended) => {
                print!("{}", ended.printed);
                ended.printed.lines().for_each(line);
                let outcome =
                    if ended.succeeded { Ok(()) } else { Err(format!("{} failed", self.shown)) };
                (outcome, ended.taken)
            }
            Err(error) => (Err(format!("can't run {}: {error}", self.shown)), Duration::ZERO),
        }
    }
}

fn to_its_end(mut command: Command) -> io::Result<Ended> {
    let started = Instant::now();
    let (mut reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command also holds the writing end of the pipe, so the pipe does not end before the
    // command is dropped.
    drop(command);
    let mut printed = Vec::new();
    reader.read_to_end(&mut printed)?;
    let succeeded = child.wait()?.success();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    Ok(Ended { printed, succeeded, taken: started.elapsed() })
}

/// Runs a command to its end, and returns its standard output.
pub(crate) fn output(mut command: Command) -> Outcome<String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| not_started(&command, &error))?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", shown(&command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} prints no text", shown(&command)))
}

fn announce(command: &Command) {
    eprintln!("\n--- {}", shown(command));
}

fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn not_started(command: &Command, error: &io::Error) -> String {
    format!("can't run {}: {error}", shown(command))
}
