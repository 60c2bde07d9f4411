//! What is known of the errors of servers: whether they went away, or reject the query.

use std::error::Error as StdError;
use std::io;

use taploom_format::Error;
#[cfg(feature = "mysql")]
use taploom_sources::mysql;
#[cfg(feature = "postgres")]
use taploom_sources::postgres;

/// Whether a query failed because its server went away: the connection broke, or the server was shut down. The query may be
/// right, and can be run again.
///
/// A server that only says nothing for longer than the idle timeout counts as one that is slow, and would be as slow the
/// next time.
pub(crate) fn was_lost(error: &Error) -> bool {
    says_that_it_ends(error) == Some(true)
        || causes(error).any(|cause| cause.downcast_ref().is_some_and(is_broken))
}

/// The causes of an error, without itself.
pub(crate) fn causes(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first = StdError::source(error);
    std::iter::successors(first, |cause: &&(dyn StdError + 'static)| StdError::source(*cause))
}

/// Whether a connection broke.
fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkDown,
        NetworkUnreachable, NotConnected, TimedOut, UnexpectedEof,
    };
    match error.kind() {
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected
        | HostUnreachable | NetworkUnreachable | NetworkDown => true,
        // The system gave the connection up. The idle timeout is not an error of the system.
        TimedOut => error.raw_os_error().is_some(),
        _ => false,
    }
}

/// Whether a server reported the error.
pub(crate) fn is_reported(error: &Error) -> bool {
    says_that_it_ends(error).is_some()
}

/// Whether the server says that it ends, or that it ends the connection. `None` if no server reported the error.
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres")),
    expect(unused_variables, reason = "there are no servers")
)]
fn says_that_it_ends(error: &Error) -> Option<bool> {
    #[cfg(feature = "mysql")]
    if let Some(server) = mysql::ServerError::find(error) {
        return Some(MYSQL.contains(&server.code) || server.sqlstate.starts_with("08"));
    }
    #[cfg(feature = "postgres")]
    if let Some(server) = postgres::ServerError::find(error) {
        let is_known = POSTGRES.contains(&server.sqlstate.as_str());
        return Some(is_known || server.sqlstate.starts_with("08"));
    }
    None
}

/// ER_SERVER_SHUTDOWN, ER_ABORTING_CONNECTION, ER_NEW_ABORTING_CONNECTION, ER_CONNECTION_KILLED; and what a proxy passes on
/// of its own connection: CR_SERVER_GONE_ERROR and CR_SERVER_LOST.
#[cfg(feature = "mysql")]
const MYSQL: [u16; 6] = [1053, 1152, 1184, 1927, 2006, 2013];

/// `admin_shutdown`, `crash_shutdown` and `cannot_connect_now`.
#[cfg(feature = "postgres")]
const POSTGRES: [&str; 3] = ["57P01", "57P02", "57P03"];

#[cfg(test)]
mod tests {
    use taploom_format::ErrorKind;

    use super::*;

    fn error(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::new(ErrorKind::Source, "rows").with_source(cause)
    }

    #[test]
    fn a_connection_that_broke_is_a_loss_and_a_slow_server_is_not() {
        assert!(was_lost(&error(io::Error::from(io::ErrorKind::UnexpectedEof))));
        // ECONNRESET, ETIMEDOUT and ENOSPC.
        #[cfg(target_os = "linux")]
        for (code, is_loss) in [(104, true), (110, true), (28, false)] {
            assert_eq!(was_lost(&error(io::Error::from_raw_os_error(code))), is_loss, "{code}");
        }
        assert!(!was_lost(&error(io::Error::new(io::ErrorKind::TimedOut, "idle_timeout"))));
        assert!(!was_lost(&error("a text")));
        assert!(!was_lost(&Error::new(ErrorKind::Source, "no cause")));
    }

    #[test]
    #[cfg(feature = "mysql")]
    fn mysql_says_that_it_ends() {
        let said = |code, sqlstate: &str| {
            let (sqlstate, message) = (sqlstate.to_owned(), String::new());
            was_lost(&error(mysql::ServerError { code, sqlstate, message }))
        };
        assert!(said(1053, "08S01") && said(1927, "70100") && said(2013, "HY000"));
        // A syntax error, a query that was killed, and one that ran out of time.
        assert!(!said(1064, "42000") && !said(1317, "70100") && !said(1969, "70100"));
    }

    #[test]
    #[cfg(feature = "postgres")]
    fn postgresql_says_that_it_ends() {
        let said = |sqlstate: &str| {
            let sqlstate = sqlstate.to_owned();
            was_lost(&error(postgres::ServerError { sqlstate, ..Default::default() }))
        };
        assert!(said("57P01") && said("57P02") && said("57P03") && said("08006"));
        // A syntax error, and a query that was cancelled.
        assert!(!said("42601") && !said("57014"));
    }
}
