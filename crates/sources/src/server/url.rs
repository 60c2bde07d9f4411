//! URLs of servers.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use taploom_model::{Error, Result};

use crate::error::invalid;

/// The parts of `SCHEME://USER:PASSWORD@HOST:PORT/DATABASE?KEY=VALUE&...`.
pub(crate) struct ServerUrl<'a> {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// As it is written. An IPv6 address has no brackets.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) database: Option<String>,
    /// The options, before they are decoded.
    query: &'a str,
}

impl<'a> ServerUrl<'a> {
    /// Parses a URL with one of these prefixes. All parts except the host are optional. User, password and database
    /// are percent-encoded.
    ///
    /// Errors name the first prefix, and do not repeat the URL, since it may contain a password.
    pub(crate) fn parse(url: &'a str, schemes: &[&str]) -> Result<Self> {
        let scheme = schemes.first().copied().unwrap_or_default();
        let wrong = |what: &str| {
            invalid(format!(
                "the {scheme} URL is not of the form {scheme}USER:PASSWORD@HOST:PORT/DATABASE: {what}"
            ))
        };
        let decoded = |text: &str, what: &str| {
            decode(text).ok_or_else(|| wrong(&format!("the {what} is not percent-encoded UTF-8")))
        };
        let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| wrong("it begins differently"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        // What is taken for a port, a database or an option stands in messages, and must not be a part of a password.
        let first_key = query.split('=').next().unwrap_or_default();
        if database.contains('@') || first_key.contains('@') {
            return Err(wrong("in a user or password, / is %2F and ? is %3F; elsewhere, @ is %40"));
        }
        // The host follows the last @, so that a password with an @ works although the @ is not encoded.
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password, "password")?)),
            None => (login, None),
        };
        let user = if user.is_empty() { None } else { Some(decoded(user, "user")?) };
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
        let port = port.map(str::parse).transpose();
        let port = port.map_err(|_| wrong("the port is not a number up to 65535"))?;
        let database =
            if database.is_empty() { None } else { Some(decoded(database, "database")?) };
        Ok(Self { user, password, host, port, database, query })
    }

    /// The options, decoded, as pairs of a key and a value.
    pub(crate) fn options(&self) -> form_urlencoded::Parse<'a> {
        form_urlencoded::parse(self.query.as_bytes())
    }
}

/// Percent-decodes a text. `None` if it is not UTF-8 or contains a zero.
pub(crate) fn decode(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

/// An option of a URL.
pub(crate) struct UrlOption<'a> {
    /// The prefix of the URL, for errors.
    pub(crate) scheme: &'static str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
}

impl UrlOption<'_> {
    /// The error for a wrong value.
    pub(crate) fn wrong(&self, right: &str) -> Error {
        let Self { scheme, key, value } = self;
        invalid(format!("{key}={value} in the {scheme} URL: {right}"))
    }

    fn seconds(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.value.parse().ok()?).ok()
    }

    /// A time of more than zero seconds.
    pub(crate) fn time(&self) -> Result<Duration> {
        let time = self.seconds().filter(|time| !time.is_zero());
        time.ok_or_else(|| self.wrong("seconds, more than 0"))
    }

    /// A time limit in seconds; zero means none.
    pub(crate) fn time_limit(&self) -> Result<Option<Duration>> {
        let limit = self.seconds().ok_or_else(|| self.wrong("seconds, or 0 for no limit"))?;
        Ok(Some(limit).filter(|limit| !limit.is_zero()))
    }

    /// A number of further attempts.
    pub(crate) fn retries(&self) -> Result<u32> {
        let times = self.value.parse().ok().filter(|times| *times <= 20);
        times.ok_or_else(|| self.wrong("a number from 0 to 20"))
    }

    /// The size of the largest row, in bytes. A column of a batch can hold a cell of 1 GiB.
    pub(crate) fn row_size(&self) -> Result<usize> {
        let bytes = self.value.parse().ok();
        let bytes = bytes.filter(|bytes| (1024..=1 << 30).contains(bytes));
        bytes.ok_or_else(|| self.wrong("bytes, from 1024 to 1073741824 (1 GiB)"))
    }
}

/// Host and port, for messages.
pub(crate) fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
