//! Real servers for tests and measurements. Each listens on a separate port of 127.0.0.1, keeps its
//! files in a temporary folder, and ends when the process that started it ends, for whatever reason.

mod kafka;
mod link;
mod mariadb;
mod postgres;
mod supervised;
#[cfg(feature = "tls")]
mod tls;

pub use kafka::Kafka;
pub use link::Link;
pub use mariadb::MariaDb;
pub use postgres::Postgres;

/// The error of a server that could not be started says what is missing, and how to install it.
pub type Result<T> = std::result::Result<T, String>;

/// Settings of a server that differ from the defaults.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Additional arguments of the server.
    pub arguments: Vec<String>,
    /// Use TLS, with a certificate for `localhost` and 127.0.0.1 from a separate authority.
    #[cfg(feature = "tls")]
    pub tls: bool,
}
