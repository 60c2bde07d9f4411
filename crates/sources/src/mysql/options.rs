//! How to reach a server: the URL and what it says.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use taploom_model::{Error, Result};

use crate::error::invalid;

/// What the URLs of such a server begin with.
pub(super) const SCHEMES: &[&str] = &["mysql://", "mariadb://"];
/// Default limit for the size of a packet: four times what servers send by default.
const MAX_PACKET: usize = 64 << 20;
/// Highest value of `max_allowed_packet` of a server, and less than a column of a batch can hold.
const MAX_PACKET_LIMIT: usize = 1 << 30;

/// A MySQL or MariaDB server, a user and a database; from a URL or field by field.
///
/// `{:?}` does not show the password, and no error does.
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
    /// A name or an address. `localhost`.
    pub host: String,
    /// 3306.
    pub port: u16,
    /// `root`.
    pub user: String,
    /// None by default, which is another thing than an empty one to no server.
    pub password: Option<String>,
    /// The database of tables that the query names without one.
    pub database: Option<String>,
    /// `ssl-mode`; [`SslMode::Preferred`].
    pub ssl_mode: SslMode,
    /// `ssl-ca`: a PEM file with the authorities that are trusted, in place of the system's.
    pub ssl_ca: Option<PathBuf>,
    /// `get-server-public-key`: whether a password may go over a connection without TLS, encrypted with a
    /// key that the server gives and nobody vouches for (`caching_sha2_password`, `sha256_password`). No.
    pub get_server_public_key: bool,
    /// `connect-timeout`, in seconds: for the connection, TLS and the password together. 10 seconds.
    pub connect_timeout: Duration,
    /// `idle-timeout`, in seconds: how long the server may say nothing, while it works on a query or
    /// between two packets. `None`, as `0` in a URL, is for ever. One hour.
    pub idle_timeout: Option<Duration>,
    /// `connect-retries`: how often a connection that fails, or is lost before the first row, is tried
    /// again. 3 times, after 0.2, 0.4 and 0.8 seconds.
    pub connect_retries: u32,
    /// `max-packet`, in bytes: the largest row that is taken, up to 1 GiB. 64 MiB.
    pub max_packet: usize,
    /// `session`; [`Session::UtcReadOnly`].
    pub session: Session,
}

/// What TLS is asked for; the names are those of MySQL's `--ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// `disabled`: none.
    Disabled,
    /// `preferred`: where the server offers it. Whoever stands in between can take it away.
    Preferred,
    /// `required`: always; any certificate will do.
    Required,
    /// `verify-ca`: with a certificate that a trusted authority signed, for any host.
    VerifyCa,
    /// `verify-identity`: with a trusted certificate for this host.
    VerifyIdentity,
}

/// What is set before a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// `utc-read-only`: TIMESTAMP columns come in UTC, as DALI 1.1, 3.3.3 wants them, and what would
    /// change a table is refused.
    UtcReadOnly,
    /// `unchanged`: nothing, for proxies that know no SET.
    Unchanged,
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
        }
    }
}

impl MysqlOptions {
    /// Host and port, for causes of errors.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// One of `?KEY=VALUE&KEY=VALUE`.
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let wrong = |right: &str| invalid(format!("{key}={value} in the mysql:// URL: {right}"));
        let seconds = || {
            let seconds: f64 = value.parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok()
        };
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
            "connect-timeout" => {
                let limit = seconds().filter(|limit| !limit.is_zero());
                self.connect_timeout = limit.ok_or_else(|| wrong("seconds, more than 0"))?;
            }
            "idle-timeout" => {
                let limit = seconds().ok_or_else(|| wrong("seconds, or 0 for any time"))?;
                self.idle_timeout = Some(limit).filter(|limit| !limit.is_zero());
            }
            "connect-retries" => {
                let times = value.parse().ok().filter(|times| *times <= 20);
                self.connect_retries = times.ok_or_else(|| wrong("a number from 0 to 20"))?;
            }
            "max-packet" => {
                let bytes = value.parse().ok();
                let bytes = bytes.filter(|bytes| (1024..=MAX_PACKET_LIMIT).contains(bytes));
                self.max_packet =
                    bytes.ok_or_else(|| wrong("bytes, from 1024 to 1073741824 (1 GiB)"))?;
            }
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

    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE?KEY=VALUE&...`; the scheme may be `mariadb`, and all but
    /// the host may be left out. User, password and database are percent-encoded.
    ///
    /// Errors do not repeat the URL, which has a password.
    fn from_str(url: &str) -> Result<Self> {
        let wrong = |what: &str| {
            invalid(format!(
                "the mysql:// URL is not of the form mysql://USER:PASSWORD@HOST:PORT/DATABASE: {what}"
            ))
        };
        let decoded = |text: &str, what: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
            _ => Err(wrong(&format!("the {what} is not percent-encoded UTF-8"))),
        };
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| wrong("it begins with something else"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        // What follows the last @ is the host, for people who do not encode theirs.
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));

        let mut options = Self::default();
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password, "password")?)),
            None => (login, None),
        };
        options.password = password;
        if !user.is_empty() {
            options.user = decoded(user, "user")?;
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => {
                let port = port.strip_prefix(':');
                (host, Some(port.ok_or_else(|| wrong("a colon has to follow the bracket"))?))
            }
            None => match place.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        host.clone_into(&mut options.host);
        if let Some(port) = port {
            options.port =
                port.parse().map_err(|_| wrong("the port is not a number up to 65535"))?;
        }
        if !database.is_empty() {
            options.database = Some(decoded(database, "database")?);
        }
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
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
        };
        assert!(options == expected, "{options:?}");
        assert_eq!(options.address(), "[::1]:4040");
        let least: MysqlOptions = "mysql://h".parse().unwrap();
        assert!(least == MysqlOptions { host: "h".to_owned(), ..MysqlOptions::default() });
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, word) in [
            ("mysql://u:secret@", "host"),
            ("mysql://u:secret@h:port/d", "port"),
            ("mysql://u:secret%ff@h", "password"),
            ("mysql://u:secret@[::1]3306", "bracket"),
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
