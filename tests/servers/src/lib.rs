//! Real servers for tests and measurements. Each listens on a separate port of 127.0.0.1, keeps its
//! files in a temporary folder, and ends when the process that started it ends, for whatever reason.

mod kafka;
mod link;
mod mariadb;
mod supervised;

pub use kafka::Kafka;
pub use link::Link;
pub use mariadb::{MariaDb, Settings};

/// The error of a server that could not be started says what is missing, and how to install it.
pub type Result<T> = std::result::Result<T, String>;
