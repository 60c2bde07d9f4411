//! PostgreSQL from Debian's `postgresql-15`. It needs neither systemd nor configuration of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::supervised::{Supervised, free_ports, is_root, output};
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::{Result, Settings};

const INSTALL: &str = "PostgreSQL is needed: apt-get install postgresql-15 postgresql-15-pgsphere";

/// The script of the extension, as `CREATE EXTENSION` runs it.
const SPHERE_SCRIPT: &str = "/usr/share/postgresql/15/extension/pg_sphere--1.2.0.sql";

/// Who may log in: anyone at the socket, and users with a password over TCP.
const LOGINS: &str = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// A running server with the superusers `postgres` (no password, at its socket only) and `taploom` (password
/// [`Postgres::PASSWORD`]), and a database `test`. Dropping it stops the server and deletes its files.
#[derive(Debug)]
pub struct Postgres {
    server: Supervised,
    port: u16,
}

impl Postgres {
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
        let folder = TempDir::with_prefix("taploom-postgres-");
        let folder = folder.map_err(|error| format!("can't make a temporary folder: {error}"))?;
        let arguments = settings.arguments.clone();
        #[cfg(feature = "tls")]
        let arguments = match settings.tls {
            true => [arguments, tls_arguments(folder.path())?].concat(),
            false => arguments,
        };
        let data = install(folder.path())?;
        let [port] = free_ports()?;
        let mut server = as_postgres(&program("postgres")?);
        server.arg("-D").arg(&data).arg("-k").arg(folder.path());
        server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        server.args(["-c", "fsync=off", "-c", "shared_buffers=32MB"]).args(arguments);
        // The signal for a shutdown that does not wait for clients.
        let server = Self { server: Supervised::start(folder, &server, "INT")?, port };
        server.wait()?;
        Ok(server)
    }

    /// The port on 127.0.0.1 on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its files: its socket, and the certificate `ca.pem`.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// `postgres://taploom:...@127.0.0.1:PORT/test`.
    pub fn url(&self) -> String {
        let password = Self::PASSWORD.replace('@', "%40").replace('/', "%2F").replace(':', "%3A");
        format!("postgres://taploom:{password}@127.0.0.1:{}/test", self.port)
    }

    /// The client `psql`, as the user `postgres`, in the database `test`.
    pub fn client(&self) -> Command {
        self.client_of("test")
    }

    fn client_of(&self, database: &str) -> Command {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]);
        command.arg("-h").arg(self.folder()).args(["-p", &self.port.to_string(), "-d", database]);
        // Otherwise the variables of the caller would change the text of values.
        command.env_remove("PGOPTIONS").env_remove("PGTZ").env_remove("PGDATESTYLE");
        command
    }

    /// Runs statements, and returns their output, with `|` between columns and without names.
    ///
    /// # Errors
    /// The message of the client.
    pub fn sql(&self, statements: &str) -> Result<String> {
        output(self.client().args(["-At", "-c", statements]), INSTALL)
    }

    /// Makes the extension pgSphere in the database `test`.
    ///
    /// PostgreSQL 15.20 and later refuse two operators in the script of Debian's pgSphere 1.2.0, and so the extension. It
    /// is then made by hand, without those operators.
    ///
    /// # Errors
    /// As [`sql`](Self::sql).
    pub fn create_sphere(&self) -> Result<()> {
        match self.sql("CREATE EXTENSION pg_sphere") {
            Err(error) if error.contains("commutator") => {}
            created => return created.map(drop),
        }
        let script = fs::read_to_string(SPHERE_SCRIPT)
            .map_err(|error| format!("can't read {SPHERE_SCRIPT}: {error}"))?;
        // Its second line ends psql.
        let script = script.replace("\\quit", "").replace("MODULE_PATHNAME", "$libdir/pg_sphere");
        let file = self.folder().join("pg_sphere.sql");
        fs::write(&file, script)
            .map_err(|error| format!("can't write {}: {error}", file.display()))?;
        output(self.client().args(["-v", "ON_ERROR_STOP=0", "-f"]).arg(&file), INSTALL)?;
        self.sql(
            "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
               SELECT pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index'), 'pg_sphere', 10,
                      'public'::regnamespace, true, '1.2.0';
             DO $$ DECLARE name text; BEGIN
               FOR name IN SELECT typname FROM pg_type
                           WHERE typnamespace = 'public'::regnamespace AND typelem = 0 AND typtype = 'b' LOOP
                 EXECUTE format('ALTER EXTENSION pg_sphere ADD TYPE %I', name);
               END LOOP;
             END $$",
        )?;
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let mut create = self.client_of("postgres");
            let user = format!("CREATE ROLE taploom SUPERUSER LOGIN PASSWORD '{}'", Self::PASSWORD);
            let created = output(create.args(["-c", &user, "-c", "CREATE DATABASE test"]), INSTALL);
            let Err(why) = created else { return Ok(()) };
            let log = self.server.log();
            if let Some(error) =
                log.lines().find(|line| line.contains("FATAL:") && !line.contains("starting up"))
            {
                return Err(format!("{error}\n{why}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("PostgreSQL does not answer after a minute".to_owned())
    }
}

/// Makes the folder of the data, and gives all files to the user of the server.
fn install(folder: &Path) -> Result<PathBuf> {
    let data = folder.join("data");
    if is_root() {
        output(Command::new("chown").arg("-R").arg(USER).arg(folder), INSTALL)?;
    }
    let mut command = as_postgres(&program("initdb")?);
    command.arg("-D").arg(&data).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]);
    output(command.args(["-A", "trust", "--no-sync"]), INSTALL)?;
    let logins = data.join("pg_hba.conf");
    fs::write(&logins, LOGINS)
        .map_err(|error| format!("can't write {}: {error}", logins.display()))?;
    Ok(data)
}

/// The user that Debian's package makes.
const USER: &str = "postgres";

/// A program as a user who is not root: the server refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--init-groups"]).arg(program);
    command
}

/// A program of the newest version. Debian installs them in a folder that is not in the PATH.
fn program(name: &str) -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin").join(name));
    let found = programs.filter(|program| program.is_file()).max_by_key(|program| {
        let version = program.iter().rev().nth(2).and_then(|version| version.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    found.ok_or_else(|| INSTALL.to_owned())
}

#[cfg(feature = "tls")]
fn tls_arguments(folder: &Path) -> Result<Vec<String>> {
    use std::os::unix::fs::PermissionsExt;

    let Certificates { certificate, key, .. } = Certificates::make(folder)?;
    // The server refuses a key that others can read.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))
        .map_err(|error| format!("can't protect the key: {error}"))?;
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={certificate}"),
        format!("ssl_key_file={key}"),
    ];
    Ok(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect())
}
