//! Opens a connection: TCP, the server's greeting, TLS and login.

use std::io;

use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Response};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest,
};
use mysql_common::proto::MySerialize;
use taploom_model::Error;
use tokio::net::TcpStream;

use super::connection::unless_error;
use super::failure::{Failure, ServerError};
use super::options::{MysqlOptions, SslMode};
use super::wire::Wire;
use crate::error::invalid;
use crate::guard::guarded;
use crate::server::tls;

/// The first byte of a packet that is not a row.
pub(super) mod first_byte {
    pub(crate) const OK: u8 = 0x00;
    pub(super) const MORE_DATA: u8 = 0x01;
    /// As the reply to a query: the server requests a local file. In a row: a null.
    pub(crate) const FILE_WANTED: u8 = 0xfb;
    /// While connecting: the server requests another authentication method. Later: the end of the rows.
    pub(crate) const SWITCH_OR_END: u8 = 0xfe;
    pub(crate) const ERROR: u8 = 0xff;
}

/// utf8mb4_general_ci, which covers all of Unicode and which every server since 5.5 supports.
const COLLATION: u8 = 45;

/// Opens a connection that is ready for queries. Also returns the server's id of the connection.
pub(super) async fn connect(options: &MysqlOptions) -> Result<(Wire, u32), Failure> {
    let connecting = greet_and_log_in(options);
    let limit = options.connect_timeout;
    tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s", limit.as_secs_f64());
        Err(Failure::Lost(io::Error::new(io::ErrorKind::TimedOut, why)))
    })
}

async fn greet_and_log_in(options: &MysqlOptions) -> Result<(Wire, u32), Failure> {
    let stream = TcpStream::connect((options.host.as_str(), options.port)).await?;
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(Box::new(stream), options.max_packet, options.idle_timeout);

    let greeting = Greeting::parse(wire.packet().await?)?;
    let capabilities = capabilities(options) & greeting.capabilities;
    if !greeting.capabilities.contains(NEEDED) {
        let message =
            "the MySQL server is too old: version 5.5 is needed, or MariaDB of any version";
        return Err(Failure::Final(invalid(message.to_owned())));
    }
    let has_tls = capabilities.contains(CapabilityFlags::CLIENT_SSL);
    let packet_size = u32::try_from(options.max_packet).unwrap_or(u32::MAX);
    if has_tls {
        let request = SslRequest::new(capabilities, packet_size, COLLATION);
        wire.send(&serialized(&request)).await?;
        wire.upgrade(|plain| tls::over(plain, options.tls())).await?;
    } else if !matches!(options.ssl_mode, SslMode::Disabled | SslMode::Preferred) {
        let message = "the MySQL server offers no TLS, which ssl-mode asks for";
        return Err(Failure::Final(invalid(message.to_owned())));
    }

    let mut login = Login { options, has_tls, nonce: greeting.nonce };
    let plugin = greeting.plugin.filter(|plugin| login.allows(plugin).is_ok());
    let mut plugin = plugin.unwrap_or(AuthPlugin::MysqlNativePassword);
    let mut procedure = login.start(&plugin)?;
    let proof = login.answer(&mut procedure, None)?;
    let response = HandshakeResponse::new(
        proof,
        // For this server version mysql_common chooses COLLATION.
        (5, 5, 3),
        Some(options.user.as_bytes()),
        options.database.as_deref().map(str::as_bytes),
        Some(plugin.borrow()),
        capabilities,
        None,
        packet_size,
    );
    wire.send(&serialized(&response)).await?;

    loop {
        let packet = wire.packet().await?;
        let answer = match packet {
            [first_byte::OK, ..] => return Ok((wire, greeting.connection)),
            [first_byte::ERROR, ..] => return Err(Failure::Server(ServerError::parse(packet))),
            [first_byte::MORE_DATA, challenge @ ..] => {
                login.answer(&mut procedure, Some(challenge))?
            }
            [first_byte::SWITCH_OR_END, _, ..] => {
                let request: AuthSwitchRequest<'_> = parsed(packet)?;
                plugin = request.auth_plugin().into_owned();
                login.nonce = request.plugin_data().to_vec();
                login.allows(&plugin)?;
                procedure = login.start(&plugin)?;
                login.answer(&mut procedure, None)?
            }
            [first_byte::SWITCH_OR_END] => {
                let message = "the account has a password in the format of MySQL 4.0 (mysql_old_password), which is not \
                               supported: give it a new one with SET PASSWORD";
                return Err(Failure::Final(invalid(message)));
            }
            _ => return Err(Failure::protocol("an unexpected reply to the password")),
        };
        if let Some(answer) = answer {
            wire.send(&answer).await?;
        }
    }
}

/// The capabilities of this client. Several statements per query and sending local files are left out on purpose.
fn capabilities(options: &MysqlOptions) -> CapabilityFlags {
    let mut capabilities = NEEDED
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA;
    capabilities.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, options.database.is_some());
    capabilities.set(CapabilityFlags::CLIENT_SSL, options.ssl_mode != SslMode::Disabled);
    capabilities
}

const NEEDED: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH);

/// The first packet of the server.
struct Greeting {
    connection: u32,
    capabilities: CapabilityFlags,
    nonce: Vec<u8>,
    plugin: Option<AuthPlugin<'static>>,
}

impl Greeting {
    fn parse(packet: &[u8]) -> Result<Self, Failure> {
        let greeting: HandshakePacket<'_> = parsed(unless_error(packet)?)?;
        Ok(Self {
            connection: greeting.connection_id(),
            capabilities: greeting.capabilities(),
            nonce: greeting.nonce(),
            plugin: greeting.auth_plugin().map(AuthPlugin::into_owned),
        })
    }
}

/// The state of the authentication.
struct Login<'a> {
    options: &'a MysqlOptions,
    has_tls: bool,
    nonce: Vec<u8>,
}

impl Login<'_> {
    /// Refuses authentication methods that would reveal the password to an impostor of the server.
    fn allows(&self, plugin: &AuthPlugin<'_>) -> Result<(), Failure> {
        let trusted = matches!(self.options.ssl_mode, SslMode::VerifyCa | SslMode::VerifyIdentity);
        let why = match plugin {
            AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password => return Ok(()),
            AuthPlugin::Sha256Password => return Ok(()),
            AuthPlugin::MysqlClearPassword if trusted => return Ok(()),
            AuthPlugin::MysqlClearPassword => {
                "in clear text, which takes ssl-mode=verify-ca or verify-identity"
            }
            _ => "in a way that is not supported",
        };
        let name = String::from_utf8_lossy(plugin.as_bytes()).into_owned();
        let message = format!("the MySQL server wants the password {why} ({name})");
        Err(Failure::Final(invalid(message)))
    }

    fn start(&self, plugin: &AuthPlugin<'_>) -> Result<AuthProc, Failure> {
        plugin.init().map_err(refused)
    }

    /// The reply to a challenge. Without `challenge`, the reply to the nonce of the server's greeting.
    fn answer(
        &self,
        procedure: &mut AuthProc,
        challenge: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let response = procedure.run(self, challenge.unwrap_or(&self.nonce));
        let (Response::Next { packet } | Response::Last { packet }) = response.map_err(refused)?;
        // A reply of one byte asks the server for its public key.
        let asks = !self.has_tls && matches!(packet.as_deref(), Some([1 | 2]));
        if asks && !self.options.get_server_public_key {
            let message = "the MySQL server wants the password itself, but the connection has no TLS: \
                           use ssl-mode=required, or get-server-public-key=true to trust any key";
            return Err(Failure::Final(invalid(message.to_owned())));
        }
        Ok(packet)
    }
}

impl Context for &Login<'_> {
    fn pass(&self) -> &[u8] {
        self.options.password.as_deref().unwrap_or_default().as_bytes()
    }

    fn is_ipc_transport(&self) -> bool {
        false
    }

    fn is_tls_transport(&self) -> bool {
        self.has_tls
    }

    fn scramble(&self) -> &[u8] {
        &self.nonce
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    let message = "can't authenticate at the MySQL server".to_owned();
    Failure::Final(invalid(message).with_source(error))
}

fn serialized(packet: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    bytes
}

/// Parses a packet with `mysql_common`, which panics on some truncated packets.
pub(super) fn parsed<'a, T>(packet: &'a [u8]) -> Result<T, Failure>
where
    T: mysql_common::proto::MyDeserialize<'a, Ctx = ()>,
{
    let parsed = guarded("mysql", || {
        let parsed = ParseBuf(packet).parse(());
        parsed.map_err(|error| Error::new(taploom_model::ErrorKind::Source, error.to_string()))
    });
    parsed.map_err(Failure::protocol)
}
