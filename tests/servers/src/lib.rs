//! Real servers for tests and measurements. Each runs on a port of its own of 127.0.0.1, keeps its files
//! in a temporary folder, and ends with the process that started it, however that ends.

mod mariadb;

pub use mariadb::{MariaDb, Settings};

/// A server that could not be started: what is missing, and how to get it.
pub type Result<T> = std::result::Result<T, String>;
