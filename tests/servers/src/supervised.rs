//! A server, and the shell that ends it when the process that started it ends, for whatever reason.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::Result;

/// Runs the server until standard input ends, which happens when the process at the other end exits. Then
/// it stops the server with the signal `$2` and deletes its files. `$1` is the folder; the server and its arguments
/// follow. A line of standard input is the name of a signal that ends the server, or `start`.
const WATCH: &str = r#"folder=$1; signal=$2; shift 2
start() { "$@" </dev/null >>"$folder/log" 2>&1 & server=$!; }
start "$@"
while read -r order; do
    case $order in
        start) start "$@" ;;
        *) kill -s "$order" $server; wait $server ;;
    esac
    echo done
done
kill -s "$signal" $server; wait $server
rm -rf "$folder""#;

/// A server that runs in a folder of its own. Dropping it stops the server and deletes its files.
#[derive(Debug)]
pub(crate) struct Supervised {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Supervised {
    /// Starts a server with its arguments and variables. What it prints goes to the file `log` in its folder. The signal
    /// ends it.
    pub(crate) fn start(folder: TempDir, server: &Command, signal: &str) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(folder.path()).arg(signal);
        command.arg(server.get_program()).args(server.get_args());
        command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn().map_err(|error| format!("can't run sh: {error}"))?;
        let (Some(orders), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err("the shell of a server has no pipes".to_owned());
        };
        // From here on, the shell deletes the files of the server.
        Ok(Self {
            shell,
            orders: Some(orders),
            answers: BufReader::new(answers),
            folder: folder.keep(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Ends the server by a signal, such as `TERM` or `KILL`, and waits for its end.
    pub(crate) fn end(&mut self, signal: &str) -> Result<()> {
        self.order(signal)
    }

    /// Starts the server again, after [`end`](Self::end).
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.order("start")
    }

    fn order(&mut self, order: &str) -> Result<()> {
        let failed = |error| format!("the shell of a server does not answer: {error}");
        if let Some(orders) = &mut self.orders {
            writeln!(orders, "{order}").map_err(failed)?;
            self.answers.read_line(&mut String::new()).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}

/// Ports of 127.0.0.1 that are free now. Another process could take one before the server does.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let failed = |error| format!("no free port: {error}");
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        *port = listener.local_addr().map_err(failed)?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Runs a program to its end. Returns its output, or its error messages; `install` says how to install it.
pub(crate) fn output(command: &mut Command, install: &str) -> Result<String> {
    let program = command.get_program();
    let program = Path::new(program).file_name().map(OsStr::to_string_lossy);
    let program = program.unwrap_or_default().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("can't run {program}: {error}\n{install}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
