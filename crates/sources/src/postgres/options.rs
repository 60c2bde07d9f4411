//! Options for connecting to a server, and the URLs that contain them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use taploom_model::{Error, Result};

use super::failure::ServerError;
use crate::error::invalid;
use crate::server::tls::{TlsOptions, Verified};
use crate::server::url::{ServerUrl, UrlOption, address, decode};

/// The prefixes of a URL of such a server.
pub(super) const SCHEMES: &[&str] = &["postgres://", "postgresql://"];
/// Default limit for the size of a row.
const MAX_ROW: usize = 64 << 20;

/// A PostgreSQL server, a user and a database. Parse a URL, or set the fields.
///
/// Neither `{:?}` nor any error shows the password.
///
/// ```
/// use taploom_sources::postgres::{PostgresOptions, SslMode};
///
/// let options: PostgresOptions =
///     "postgres://tap:p%40ss@db.example.org/gaia?sslmode=require".parse()?;
/// assert_eq!(options.port, 5432);
/// assert_eq!(options.ssl_mode, SslMode::Require);
/// assert!(!format!("{options:?}").contains("p@ss"));
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// A host name, an IP address, or the folder of a Unix socket, which begins with `/`. `localhost` by default.
    pub host: String,
    /// 5432 by default.
    pub port: u16,
    /// `postgres` by default.
    pub user: String,
    /// `None` by default.
    pub password: Option<String>,
    /// `None`, the default, is the database with the name of the user.
    pub database: Option<String>,
    /// `sslmode` in the URL. [`SslMode::Prefer`] by default.
    pub ssl_mode: SslMode,
    /// `sslrootcert` in the URL: a PEM file with the trusted certificate authorities. `None`, the default, and `system`
    /// in the URL trust the authorities of the system.
    pub ssl_root_cert: Option<PathBuf>,
    /// `connect_timeout` in the URL, in seconds: the time limit for connecting, including TLS and login. 10 seconds by
    /// default.
    pub connect_timeout: Duration,
    /// `idle_timeout` in the URL, in seconds: how long the server may send nothing, while it works on a query or
    /// between two messages. `None`, which is `0` in the URL, sets no limit. One hour by default.
    pub idle_timeout: Option<Duration>,
    /// `statement_timeout` in the URL, in seconds: the time limit of a query, which the server watches. It includes the
    /// time in which the rows are read. `None`, the default, leaves the server's own limit; `0` in the URL is no limit.
    pub statement_timeout: Option<Duration>,
    /// `connect_retries` in the URL: how often to try again if the connection fails, or is lost before the columns are
    /// known. 3 times by default, after 0.2, 0.4 and 0.8 seconds.
    pub connect_retries: u32,
    /// `max_row` in the URL, in bytes: the size of the largest row that is accepted, up to 1 GiB. 64 MiB by default.
    pub max_row: usize,
}

/// Whether TLS is used, and how strictly the server's certificate is verified. The names are those of PostgreSQL's own
/// clients, which also have `allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// `disable`: no TLS.
    Disable,
    /// `prefer`: TLS if the server offers it. An attacker between client and server can prevent TLS.
    Prefer,
    /// `require`: TLS, with any certificate.
    Require,
    /// `verify-ca`: TLS, with a certificate that a trusted authority signed for any host.
    VerifyCa,
    /// `verify-full`: TLS, with a certificate that a trusted authority signed for this host.
    VerifyFull,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: None,
            database: None,
            ssl_mode: SslMode::Prefer,
            ssl_root_cert: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Some(Duration::from_secs(3600)),
            statement_timeout: None,
            connect_retries: 3,
            max_row: MAX_ROW,
        }
    }
}

impl PostgresOptions {
    /// Host and port, for error messages.
    pub(super) fn address(&self) -> String {
        address(&self.host, self.port)
    }

    /// The Unix socket, if the host is a folder.
    pub(super) fn socket(&self) -> Option<String> {
        self.host.starts_with('/').then(|| format!("{}/.s.PGSQL.{}", self.host, self.port))
    }

    pub(super) fn tls(&self) -> TlsOptions<'_, ServerError> {
        let verified = match self.ssl_mode {
            SslMode::Disable | SslMode::Prefer | SslMode::Require => Verified::Nothing,
            SslMode::VerifyCa => Verified::Authority,
            SslMode::VerifyFull => Verified::Host,
        };
        let authorities = self.ssl_root_cert.as_deref();
        TlsOptions::new(&self.host, verified, authorities, ["sslmode", "sslrootcert"])
    }

    /// Sets one of the options `?KEY=VALUE&KEY=VALUE` of a URL.
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let option = UrlOption { scheme: "postgres://", key, value };
        match key {
            "sslmode" => {
                self.ssl_mode = match value {
                    "disable" => SslMode::Disable,
                    "prefer" => SslMode::Prefer,
                    "require" => SslMode::Require,
                    "verify-ca" => SslMode::VerifyCa,
                    "verify-full" => SslMode::VerifyFull,
                    "allow" => return Err(option.wrong("not supported; use prefer or require")),
                    _ => {
                        return Err(option
                            .wrong("known are disable, prefer, require, verify-ca, verify-full"));
                    }
                }
            }
            "sslrootcert" if value == "system" => self.ssl_root_cert = None,
            "sslrootcert" => self.ssl_root_cert = Some(PathBuf::from(value)),
            "connect_timeout" => self.connect_timeout = option.time()?,
            "idle_timeout" => self.idle_timeout = option.time_limit()?,
            "statement_timeout" => {
                let limit = option.time_limit()?.unwrap_or_default();
                // The server counts milliseconds in 31 bits.
                if limit.as_millis() > i32::MAX as u128 {
                    return Err(option.wrong("seconds, at most 2147483"));
                }
                self.statement_timeout = Some(limit);
            }
            "connect_retries" => self.connect_retries = option.retries()?,
            "max_row" => self.max_row = option.row_size()?,
            _ => {
                return Err(invalid(format!(
                    "{key:?} in the postgres:// URL is unknown; known: sslmode, sslrootcert, connect_timeout, \
                     idle_timeout, statement_timeout, connect_retries, max_row"
                )));
            }
        }
        Ok(())
    }
}

impl FromStr for PostgresOptions {
    type Err = Error;

    /// Parses `postgres://USER:PASSWORD@HOST:PORT/DATABASE?KEY=VALUE&...`. The scheme may also be `postgresql`. All
    /// parts except the host are optional. User, password and database are percent-encoded, and so is the folder of a
    /// Unix socket: `postgres://tap@%2Frun%2Fpostgresql/gaia`.
    ///
    /// Errors do not repeat the URL, since it may contain a password.
    fn from_str(url: &str) -> Result<Self> {
        let url = ServerUrl::parse(url, SCHEMES)?;
        let default = Self::default();
        let folder = decode(url.host).filter(|folder| folder.starts_with('/'));
        let mut options = Self {
            host: folder.unwrap_or_else(|| url.host.to_owned()),
            port: url.port.unwrap_or(default.port),
            user: url.user.clone().unwrap_or_else(|| default.user.clone()),
            password: url.password.clone(),
            database: url.database.clone(),
            ..default
        };
        for (key, value) in url.options() {
            options.set(&key, &value)?;
        }
        Ok(options)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, ssl_mode, .. } = self;
        f.debug_struct("PostgresOptions")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .field("database", database)
            .field("ssl_mode", ssl_mode)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_everything() {
        let options: PostgresOptions = "postgresql://tap%40eso:p%3A%2F%C3%A9@[::1]:6543/d%20b?sslmode=verify-ca\
            &sslrootcert=/etc/ca.pem&connect_timeout=0.5&idle_timeout=0&statement_timeout=1.5&connect_retries=0\
            &max_row=2048"
            .parse()
            .unwrap();
        let expected = PostgresOptions {
            host: "::1".to_owned(),
            port: 6543,
            user: "tap@eso".to_owned(),
            password: Some("p:/é".to_owned()),
            database: Some("d b".to_owned()),
            ssl_mode: SslMode::VerifyCa,
            ssl_root_cert: Some(PathBuf::from("/etc/ca.pem")),
            connect_timeout: Duration::from_millis(500),
            idle_timeout: None,
            statement_timeout: Some(Duration::from_millis(1500)),
            connect_retries: 0,
            max_row: 2048,
        };
        assert!(options == expected, "{options:?}");
        assert_eq!(options.address(), "[::1]:6543");
        let least: PostgresOptions = "postgres://h".parse().unwrap();
        assert!(least == PostgresOptions { host: "h".to_owned(), ..PostgresOptions::default() });
        let socket: PostgresOptions = "postgres://%2Frun%2Fpostgresql/d".parse().unwrap();
        assert_eq!(socket.socket().as_deref(), Some("/run/postgresql/.s.PGSQL.5432"));
    }

    #[test]
    fn an_option_may_have_an_at_sign() {
        for login in ["", "u:p@"] {
            let url = format!("postgres://{login}h/d?sslrootcert=/home/a@b/ca.pem");
            let options: PostgresOptions = url.parse().unwrap();
            assert_eq!(options.host, "h");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, word) in [
            ("postgres://u:secret@", "host"),
            ("postgres://u:secret@h:port/d", "port"),
            ("postgres://u:secret%ff@h", "password"),
            ("postgres://u:secret@[::1]5432", "bracket"),
            ("postgres://u:12?secret@h/d", "? is %3F"),
            ("postgres://u:12/secret@h/d", "/ is %2F"),
            ("postgres://u:p@12/secret@h/d", "/ is %2F"),
            ("postgres://u:p@12?secret@h/d", "? is %3F"),
            ("postgres://u:secret@h/d?ssl=1", "sslmode"),
            ("postgres://u:secret@h/d?sslmode=on", "verify-full"),
            ("postgres://u:secret@h/d?sslmode=allow", "prefer or require"),
            ("postgres://u:secret@h/d?connect_timeout=0", "more than 0"),
            ("postgres://u:secret@h/d?idle_timeout=-1", "seconds"),
            ("postgres://u:secret@h/d?statement_timeout=1e9", "at most 2147483"),
            ("postgres://u:secret@h/d?connect_retries=99", "0 to 20"),
            ("postgres://u:secret@h/d?max_row=1", "1 GiB"),
        ] {
            let error = url.parse::<PostgresOptions>().unwrap_err();
            let text = format!("{error:#} {error:?}");
            assert!(error.is_caller_fault() && text.contains(word), "{url}: {text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
