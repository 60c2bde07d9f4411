//! Opens a connection: TCP or a Unix socket, TLS and login.

use std::fmt;
use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::failure::Failure;
use super::options::{PostgresOptions, SslMode};
use super::wire::Wire;
use crate::error::invalid;
use crate::server::{Transport, tls};

/// What the server wants to see before it cancels the query of a connection.
#[derive(Clone, Copy)]
pub(super) struct CancelKey {
    pub(super) process: i32,
    pub(super) secret: i32,
}

/// Leaves out the secret, with which anybody can cancel the query.
impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelKey").field("process", &self.process).finish_non_exhaustive()
    }
}

/// Opens a connection that is ready for queries. A proxy may give no key to cancel its queries.
pub(super) async fn connect(
    options: &PostgresOptions,
) -> Result<(Wire, Option<CancelKey>), Failure> {
    let connecting = async {
        let mut wire = open(options).await?;
        let key = log_in(&mut wire, options).await?;
        Ok((wire, key))
    };
    let limit = options.connect_timeout;
    tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s", limit.as_secs_f64());
        Err(Failure::Lost(io::Error::new(io::ErrorKind::TimedOut, why)))
    })
}

/// Opens a stream to the server, with TLS if the options want it and the server offers it.
pub(super) async fn open(options: &PostgresOptions) -> Result<Wire, Failure> {
    let wire =
        |stream: Box<dyn Transport>| Wire::new(stream, options.max_row, options.idle_timeout);
    let mandatory = !matches!(options.ssl_mode, SslMode::Disable | SslMode::Prefer);
    if let Some(socket) = options.socket() {
        if mandatory {
            let message = "a Unix socket has no TLS, which sslmode asks for";
            return Err(Failure::Final(invalid(message)));
        }
        #[cfg(unix)]
        return Ok(wire(Box::new(UnixStream::connect(socket).await?)));
        #[cfg(not(unix))]
        return Err(Failure::Final(invalid(format!("{socket} is not on this system"))));
    }
    let stream = TcpStream::connect((options.host.as_str(), options.port)).await?;
    stream.set_nodelay(true)?;
    let mut wire = wire(Box::new(stream));
    if options.ssl_mode == SslMode::Disable {
        return Ok(wire);
    }
    wire.send(|bytes| {
        frontend::ssl_request(bytes);
        Ok(())
    })
    .await?;
    match wire.byte().await? {
        b'S' => wire.upgrade(|plain| tls::over(plain, options.tls())).await?,
        b'N' if mandatory => {
            let message = "the PostgreSQL server offers no TLS, which sslmode asks for";
            return Err(Failure::Final(invalid(message)));
        }
        b'N' => {}
        _ => return Err(Failure::protocol("an unexpected reply to the question for TLS")),
    }
    Ok(wire)
}

async fn log_in(wire: &mut Wire, options: &PostgresOptions) -> Result<Option<CancelKey>, Failure> {
    let mut parameters = vec![
        ("user", options.user.as_str()),
        ("client_encoding", "UTF8"),
        ("application_name", "taploom"),
    ];
    parameters.extend(options.database.as_deref().map(|database| ("database", database)));
    wire.send(|bytes| frontend::startup_message(parameters, bytes)).await?;
    authenticate(wire, options).await?;
    let mut key = None;
    loop {
        match wire.parsed().await? {
            Message::BackendKeyData(body) => {
                key = Some(CancelKey { process: body.process_id(), secret: body.secret_key() });
            }
            Message::ReadyForQuery(_) => return Ok(key),
            _ => return Err(Failure::protocol("an unexpected message after the login")),
        }
    }
}

async fn authenticate(wire: &mut Wire, options: &PostgresOptions) -> Result<(), Failure> {
    let mut scram: Option<ScramSha256> = None;
    loop {
        match wire.parsed().await? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationCleartextPassword => {
                // An impostor of the server must not get the password.
                if !matches!(options.ssl_mode, SslMode::VerifyCa | SslMode::VerifyFull)
                    && options.socket().is_none()
                {
                    let message = "the PostgreSQL server wants the password in clear text, which takes \
                                   sslmode=verify-ca or verify-full";
                    return Err(Failure::Final(invalid(message)));
                }
                let password = password(options)?;
                wire.send(|bytes| frontend::password_message(password, bytes)).await?;
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(options.user.as_bytes(), password(options)?, body.salt());
                wire.send(|bytes| frontend::password_message(hash.as_bytes(), bytes)).await?;
            }
            Message::AuthenticationSasl(body) => {
                let mut mechanisms = body.mechanisms();
                let offered = mechanisms.any(|mechanism| Ok(mechanism == SCRAM_SHA_256));
                if !offered.map_err(Failure::protocol)? {
                    return Err(not_supported("SASL without SCRAM-SHA-256"));
                }
                let binding = ChannelBinding::unsupported();
                let procedure = scram.insert(ScramSha256::new(password(options)?, binding));
                let first = procedure.message().to_vec();
                wire.send(|bytes| frontend::sasl_initial_response(SCRAM_SHA_256, &first, bytes))
                    .await?;
            }
            Message::AuthenticationSaslContinue(body) => {
                let procedure = scram.as_mut().ok_or_else(out_of_order)?;
                procedure.update(body.data()).map_err(refused)?;
                let answer = procedure.message().to_vec();
                wire.send(|bytes| frontend::sasl_response(&answer, bytes)).await?;
            }
            // The server proves that it knows the password, too.
            Message::AuthenticationSaslFinal(body) => {
                let procedure = scram.as_mut().ok_or_else(out_of_order)?;
                procedure.finish(body.data()).map_err(refused)?;
            }
            Message::AuthenticationGss | Message::AuthenticationSspi => {
                return Err(not_supported("GSSAPI or SSPI"));
            }
            Message::AuthenticationKerberosV5 => return Err(not_supported("Kerberos 5")),
            Message::AuthenticationScmCredential => {
                return Err(not_supported("SCM credentials"));
            }
            _ => return Err(Failure::protocol("an unexpected reply to the login")),
        }
    }
}

fn password(options: &PostgresOptions) -> Result<&[u8], Failure> {
    match &options.password {
        Some(password) => Ok(password.as_bytes()),
        None => {
            let message =
                "the PostgreSQL server wants a password; give it in the URL, or in PGPASSWORD";
            Err(Failure::Final(invalid(message)))
        }
    }
}

fn not_supported(method: &str) -> Failure {
    let message = format!(
        "the PostgreSQL server wants a login by {method}, which is not supported; supported are SCRAM-SHA-256, MD5, \
         and a password in clear text"
    );
    Failure::Final(invalid(message))
}

fn out_of_order() -> Failure {
    Failure::protocol("a message of SASL out of order")
}

fn refused(error: io::Error) -> Failure {
    let message = "can't authenticate at the PostgreSQL server";
    Failure::Final(invalid(message).with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_query_is_not_shown() {
        let shown = format!("{:?}", CancelKey { process: 17, secret: 424_242 });
        assert!(shown.contains("17") && !shown.contains("424242"), "{shown}");
    }
}
