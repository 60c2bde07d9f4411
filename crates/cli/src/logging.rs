//! The log of `taploom job`, on standard error.

use std::io::IsTerminal;

use taploom::{Error, ErrorKind, Result};
use tracing_subscriber::EnvFilter;

/// Starts the log. `RUST_LOG` decides what is logged; by default it is warnings, and more with `-v` and
/// `-vv`.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if `RUST_LOG` is not a filter.
pub(crate) fn start(verbose: u8) -> Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => match verbose {
            0 => "warn".to_owned(),
            1 => "info".to_owned(),
            _ => "debug".to_owned(),
        },
    };
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message =
            format!("RUST_LOG={filter:?} is not a filter such as info or taploom_jobs=debug");
        Error::new(ErrorKind::InvalidRequest, message).with_source(error)
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    lines.with_ansi(std::io::stderr().is_terminal()).init();
    Ok(())
}
