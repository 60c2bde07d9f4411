//! MariaDB from Debian's `mariadb-server-core`. It needs neither systemd nor configuration of the
//! machine.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::supervised::{self, Supervised, free_ports, is_root};
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::{Result, Settings};

const INSTALL: &str = "MariaDB is needed: apt-get install mariadb-server-core mariadb-client-core";

/// A running server with the users `root` (no password) and `taploom` (password [`MariaDb::PASSWORD`]),
/// both with all privileges, and a database `test`. Dropping it stops the server and deletes its files.
#[derive(Debug)]
pub struct MariaDb {
    server: Supervised,
    port: u16,
}

impl MariaDb {
    /// The password of `taploom`, with characters that a URL has to escape.
    pub const PASSWORD: &str = "p@ss/w:rd";

    /// A plain server.
    ///
    /// # Errors
    /// A sentence that says what is missing, or the message of the server.
    pub fn start() -> Result<Self> {
        Self::start_with(&Settings::default())
    }

    /// A server with settings.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(settings: &Settings) -> Result<Self> {
        let folder = TempDir::with_prefix("taploom-mariadb-");
        let folder = folder.map_err(|error| format!("can't make a temporary folder: {error}"))?;
        install(folder.path())?;
        #[cfg(feature = "tls")]
        let certificates = if settings.tls { tls_arguments(folder.path())? } else { Vec::new() };
        #[cfg(not(feature = "tls"))]
        let certificates = Vec::new();

        let [port] = free_ports()?;
        let command = command(folder.path(), port, settings, &certificates);
        let server = Self { server: Supervised::start(folder, &command, "TERM")?, port };
        server.wait()?;
        prepare(port)?;
        Ok(server)
    }

    /// Ends the server at once, as a crash does.
    ///
    /// # Errors
    /// The shell that runs it has ended.
    pub fn kill(&mut self) -> Result<()> {
        self.server.end("KILL")
    }

    /// Starts the server again after [`kill`](Self::kill), with its port and its tables.
    ///
    /// # Errors
    /// The message of the server.
    pub fn start_again(&mut self) -> Result<()> {
        self.server.start_again()?;
        self.wait()
    }

    /// The port on 127.0.0.1 on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its files, certificates (`ca.pem`) included.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// `mysql://taploom:...@127.0.0.1:PORT/test`.
    pub fn url(&self) -> String {
        let password = Self::PASSWORD.replace('@', "%40").replace('/', "%2F").replace(':', "%3A");
        format!("mysql://taploom:{password}@127.0.0.1:{}/test", self.port)
    }

    /// The client `mariadb`, as root, in the database `test`.
    pub fn client(&self) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root"]);
        command.arg(format!("--port={}", self.port)).arg("--default-character-set=utf8mb4");
        command.arg("test");
        command
    }

    /// Runs statements, and returns their output, with tabs between columns and without names.
    ///
    /// # Errors
    /// The message of the client.
    pub fn sql(&self, statements: &str) -> Result<String> {
        output(self.client().args(["--batch", "--skip-column-names", "-e", statements]))
    }

    fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            let log = self.server.log();
            if let Some(error) = log.lines().find(|line| line.contains("Aborting")) {
                let mut errors = log.lines().filter(|line| line.contains("[ERROR]"));
                return Err(errors.next_back().unwrap_or(error).to_owned());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("mariadbd does not listen after a minute".to_owned())
    }
}

/// Makes the system tables.
fn install(folder: &Path) -> Result<()> {
    let mut command = Command::new("mariadb-install-db");
    command.arg("--no-defaults").arg(format!("--datadir={}", folder.join("data").display()));
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    command.env("TMPDIR", folder);
    output(command.args(as_root())).map(drop)
}

/// The command that runs the server.
fn command(folder: &Path, port: u16, settings: &Settings, certificates: &[String]) -> Command {
    // Debian installs it in a folder that is only in root's PATH.
    let beside = Path::new("/usr/sbin/mariadbd");
    let program = if beside.exists() { beside } else { Path::new("mariadbd") };
    let mut command = Command::new(program);
    command.arg("--no-defaults");
    // In a folder that they share, a server that starts deletes the temporary tables of others.
    command.env("TMPDIR", folder);
    command.arg(format!("--datadir={}", folder.join("data").display()));
    command.arg(format!("--socket={}", folder.join("socket").display()));
    command.args(["--bind-address=127.0.0.1", &format!("--port={port}")]);
    command.args(["--skip-name-resolve", "--character-set-server=utf8mb4"]);
    command.args(["--innodb-buffer-pool-size=32M"]);
    command.args(as_root()).args(&settings.arguments).args(certificates);
    command
}

/// Users and a database.
fn prepare(port: u16) -> Result<()> {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root"]);
    command.arg(format!("--port={port}")).arg("-e").arg(format!(
        "CREATE DATABASE test; CREATE USER taploom IDENTIFIED BY '{}'; \
         GRANT ALL ON *.* TO taploom WITH GRANT OPTION",
        MariaDb::PASSWORD
    ));
    output(&mut command).map(drop)
}

/// The server refuses to run as root unless it is told to.
fn as_root() -> Option<&'static str> {
    is_root().then_some("--user=root")
}

#[cfg(feature = "tls")]
fn tls_arguments(folder: &Path) -> Result<Vec<String>> {
    let Certificates { authority, certificate, key } = Certificates::make(folder)?;
    Ok(vec![
        format!("--ssl-ca={authority}"),
        format!("--ssl-cert={certificate}"),
        format!("--ssl-key={key}"),
    ])
}

fn output(command: &mut Command) -> Result<String> {
    supervised::output(command, INSTALL)
}
