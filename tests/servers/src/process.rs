//! The process of a server, which ends together with the process that started it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::Result;

/// Runs the server until standard input ends, which happens when the process at the other end exits. Then
/// it stops the server with the signal `$2` and deletes its files. `$1` is the folder; the server and its
/// arguments follow.
const WATCH: &str = r#"folder=$1; signal=$2; shift 2
"$@" </dev/null & server=$!
cat >/dev/null
kill -$signal $server; wait $server
rm -rf "$folder""#;

/// A running server. Dropping it stops the server and deletes its folder.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    watch: Child,
    folder: PathBuf,
}

impl ServerProcess {
    /// Starts a server whose messages go to the file `log` in its folder.
    pub(crate) fn start(server: &Command, folder: TempDir, signal: &str) -> Result<Self> {
        let log = File::create(folder.path().join("log"));
        let log = log.map_err(|error| format!("can't write a log: {error}"))?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(folder.path()).arg(signal);
        command.arg(server.get_program()).args(server.get_args());
        for (name, value) in server.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let watch = command.spawn().map_err(|error| format!("can't run sh: {error}"))?;
        // From here on, the watching shell deletes the files of the server.
        Ok(Self { watch, folder: folder.keep() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// A port that is free now. Another process could take it before a server does.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Runs a program to its end. Returns its output, or its error messages. `install` says how to install a
/// program that is missing.
pub(crate) fn output_of(command: &mut Command, install: &str) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("can't run {program}: {error}\n{install}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
