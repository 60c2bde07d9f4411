//! Options for connecting to a server, and the URLs that contain them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use taploom_model::{Error, Result};

use super::failure::ServerError;
use crate::error::invalid;
use crate::server::tls::{TlsOptions, Verified};
use crate::server::url::{ServerUrl, UrlOption, address};

/// The prefixes of a URL of such a server.
pub(super) const SCHEMES: &[&str] = &["mysql://", "mariadb://"];
/// Default limit for the size of a packet: four times the default limit of servers.
const MAX_PACKET: usize = 64 << 20;

/// A MySQL or MariaDB server, a user and a database. Parse a URL, or set the fields.
///
/// Neither `{:?}` nor any error shows the password.
///
/// ```
/// use taploom_sources::mysql::{MysqlOptions, SslMode};
///
/// let options: MysqlOptions = "mysql://tap:p%40ss@db.example.org/dp1?ssl-mode=required".parse()?;
/// assert_eq!(options.port, 3306);
/// assert_eq!(options.ssl_mode, SslMode::Required);
/// assert!(!format!("{options:?}").contains("p@ss"));
/// # Ok::<(), taploom_model::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MysqlOptions {
    /// A host name or an IP address. `localhost` by default.
    pub host: String,
    /// 3306 by default.
    pub port: u16,
    /// `root` by default.
    pub user: String,
    /// `None` by default, which servers treat like an empty password.
    pub password: Option<String>,
    /// The database of the tables that the query names without a database. `None` by default.
    pub database: Option<String>,
    /// `ssl-mode` in the URL. [`SslMode::Preferred`] by default.
    pub ssl_mode: SslMode,
    /// `ssl-ca` in the URL: a PEM file with the trusted certificate authorities. `None`, the default, trusts the
    /// authorities of the system.
    pub ssl_ca: Option<PathBuf>,
    /// `get-server-public-key` in the URL: whether the password may be sent over a connection without TLS, encrypted
    /// with a public key that the server sends and that nothing authenticates. Concerns the authentication methods
    /// `caching_sha2_password` and `sha256_password`. False by default.
    pub get_server_public_key: bool,
    /// `connect-timeout` in the URL, in seconds: the time limit for connecting, including TLS and login. 10 seconds by
    /// default.
    pub connect_timeout: Duration,
    /// `idle-timeout` in the URL, in seconds: how long the server may send nothing, while it works on a query or
    /// between two packets. `None`, which is `0` in the URL, sets no limit. One hour by default.
    pub idle_timeout: Option<Duration>,
    /// `connect-retries` in the URL: how often to try again if the connection fails, or is lost before the first row.
    /// 3 times by default, after 0.2, 0.4 and 0.8 seconds.
    pub connect_retries: u32,
    /// `max-packet` in the URL, in bytes: the size of the largest row that is accepted, up to 1 GiB. 64 MiB by default.
    pub max_packet: usize,
    /// `session` in the URL. [`Session::UtcReadOnly`] by default.
    pub session: Session,
    /// How a DATETIME is written in a column that is declared as text. Not in the URL; [`TextTimes::AsStored`] by
    /// default.
    pub text_times: TextTimes,
}

/// Whether TLS is used, and how strictly the server's certificate is verified. The names are the same as in MySQL's
/// option `--ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// `disabled`: no TLS.
    Disabled,
    /// `preferred`: TLS if the server offers it. An attacker between client and server can prevent TLS.
    Preferred,
    /// `required`: TLS, with any certificate.
    Required,
    /// `verify-ca`: TLS, with a certificate that a trusted authority signed for any host.
    VerifyCa,
    /// `verify-identity`: TLS, with a certificate that a trusted authority signed for this host.
    VerifyIdentity,
}

/// The settings of the session that are made before a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// `utc-read-only`: the server sends TIMESTAMP columns in UTC, as DALI 1.1, 3.3.3 requires, sends all rows even if
    /// it has a `sql_select_limit`, and refuses statements that change tables.
    UtcReadOnly,
    /// `unchanged`: no settings are made. This is for proxies that do not support SET. A `sql_select_limit` of the
    /// server then leaves out rows.
    Unchanged,
}

/// How many decimals of the second a DATETIME has as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTimes {
    /// As many as the column stores, and at least 3.
    AsStored,
    /// 3 (`YYYY-MM-DDThh:mm:ss.sss`). Further ones are cut off.
    Milliseconds,
}

impl Default for MysqlOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 3306,
            user: "root".to_owned(),
            password: None,
            database: None,
            ssl_mode: SslMode::Preferred,
            ssl_ca: None,
            get_server_public_key: false,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Some(Duration::from_secs(3600)),
            connect_retries: 3,
            max_packet: MAX_PACKET,
            session: Session::UtcReadOnly,
            text_times: TextTimes::AsStored,
        }
    }
}

impl MysqlOptions {
    /// Host and port, for error messages.
    pub(super) fn address(&self) -> String {
        address(&self.host, self.port)
    }

    pub(super) fn tls(&self) -> TlsOptions<'_, ServerError> {
        let verified = match self.ssl_mode {
            SslMode::Disabled | SslMode::Preferred | SslMode::Required => Verified::Nothing,
            SslMode::VerifyCa => Verified::Authority,
            SslMode::VerifyIdentity => Verified::Host,
        };
        let authorities = self.ssl_ca.as_deref();
        TlsOptions::new(&self.host, verified, authorities, ["ssl-mode", "ssl-ca"])
    }

    /// Sets one of the options `?KEY=VALUE&KEY=VALUE` of a URL.
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let option = UrlOption { scheme: "mysql://", key, value };
        let wrong = |right: &str| option.wrong(right);
        match key {
            "ssl-mode" => {
                self.ssl_mode = match value {
                    "disabled" => SslMode::Disabled,
                    "preferred" => SslMode::Preferred,
                    "required" => SslMode::Required,
                    "verify-ca" => SslMode::VerifyCa,
                    "verify-identity" => SslMode::VerifyIdentity,
                    _ => {
                        return Err(wrong(
                            "known are disabled, preferred, required, verify-ca, verify-identity",
                        ));
                    }
                }
            }
            "ssl-ca" => self.ssl_ca = Some(PathBuf::from(value)),
            "get-server-public-key" => {
                self.get_server_public_key =
                    value.parse().map_err(|_| wrong("known are true, false"))?;
            }
            "connect-timeout" => self.connect_timeout = option.time()?,
            "idle-timeout" => self.idle_timeout = option.time_limit()?,
            "connect-retries" => self.connect_retries = option.retries()?,
            "max-packet" => self.max_packet = option.row_size()?,
            "session" => {
                self.session = match value {
                    "utc-read-only" => Session::UtcReadOnly,
                    "unchanged" => Session::Unchanged,
                    _ => return Err(wrong("known are utc-read-only, unchanged")),
                }
            }
            _ => {
                return Err(invalid(format!(
                    "{key:?} in the mysql:// URL is unknown; known: ssl-mode, ssl-ca, \
                     get-server-public-key, connect-timeout, idle-timeout, connect-retries, \
                     max-packet, session"
                )));
            }
        }
        Ok(())
    }
}

impl FromStr for MysqlOptions {
    type Err = Error;

    /// Parses `mysql://USER:PASSWORD@HOST:PORT/DATABASE?KEY=VALUE&...`. The scheme may also be `mariadb`. All parts
    /// except the host are optional. User, password and database are percent-encoded.
    ///
    /// Errors do not repeat the URL, since it may contain a password.
    fn from_str(url: &str) -> Result<Self> {
        let url = ServerUrl::parse(url, SCHEMES)?;
        let default = Self::default();
        let mut options = Self {
            host: url.host.to_owned(),
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

impl fmt::Debug for MysqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, ssl_mode, session, .. } = self;
        f.debug_struct("MysqlOptions")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .field("database", database)
            .field("ssl_mode", ssl_mode)
            .field("session", session)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_everything() {
        let options: MysqlOptions = "mariadb://tap%40lsst:p%3A%2F%C3%A9@[::1]:4040/d%20b?ssl-mode=verify-ca\
            &ssl-ca=/etc/ca.pem&connect-timeout=0.5&idle-timeout=0&connect-retries=0&max-packet=2048\
            &session=unchanged&get-server-public-key=true"
            .parse()
            .unwrap();
        let expected = MysqlOptions {
            host: "::1".to_owned(),
            port: 4040,
            user: "tap@lsst".to_owned(),
            password: Some("p:/é".to_owned()),
            database: Some("d b".to_owned()),
            ssl_mode: SslMode::VerifyCa,
            ssl_ca: Some(PathBuf::from("/etc/ca.pem")),
            get_server_public_key: true,
            connect_timeout: Duration::from_millis(500),
            idle_timeout: None,
            connect_retries: 0,
            max_packet: 2048,
            session: Session::Unchanged,
            text_times: TextTimes::AsStored,
        };
        assert!(options == expected, "{options:?}");
        assert_eq!(options.address(), "[::1]:4040");
        let least: MysqlOptions = "mysql://h".parse().unwrap();
        assert!(least == MysqlOptions { host: "h".to_owned(), ..MysqlOptions::default() });
    }

    #[test]
    fn an_option_may_have_an_at_sign() {
        for login in ["", "u:p@"] {
            let url = format!("mysql://{login}h/d?ssl-ca=/home/a@b/ca.pem");
            let options: MysqlOptions = url.parse().unwrap();
            assert_eq!(options.host, "h");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, word) in [
            ("mysql://u:secret@", "host"),
            ("mysql://u:secret@h:port/d", "port"),
            ("mysql://u:secret%ff@h", "password"),
            ("mysql://u:secret@[::1]3306", "bracket"),
            ("mysql://u:12?secret@h/d", "? is %3F"),
            ("mysql://u:12/secret@h/d", "/ is %2F"),
            ("mysql://u:p@12/secret@h/d", "/ is %2F"),
            ("mysql://u:p@12?secret@h/d", "? is %3F"),
            ("mysql://u:secret@h/d?ssl=1", "ssl-mode"),
            ("mysql://u:secret@h/d?ssl-mode=on", "verify-identity"),
            ("mysql://u:secret@h/d?connect-timeout=0", "more than 0"),
            ("mysql://u:secret@h/d?idle-timeout=-1", "seconds"),
            ("mysql://u:secret@h/d?connect-retries=99", "0 to 20"),
            ("mysql://u:secret@h/d?max-packet=1073741825", "1 GiB"),
            ("mysql://u:secret@h/d?session=utc", "utc-read-only"),
            ("mysql://u:secret@h/d?get-server-public-key=1", "true, false"),
        ] {
            let error = url.parse::<MysqlOptions>().unwrap_err();
            let text = format!("{error:#} {error:?}");
            assert!(error.is_caller_fault() && text.contains(word), "{url}: {text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
