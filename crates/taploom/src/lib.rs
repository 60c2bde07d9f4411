#![doc = include_str!("../README.md")]

// The crates are named so that the linker keeps them and their registrations.
#[cfg(feature = "arrow")]
use taploom_format_arrow as _;
#[cfg(feature = "csv")]
use taploom_format_csv as _;
#[cfg(feature = "ecsv")]
use taploom_format_ecsv as _;
#[cfg(feature = "fits")]
use taploom_format_fits as _;
#[cfg(feature = "json")]
use taploom_format_json as _;
#[cfg(feature = "voparquet")]
use taploom_format_voparquet as _;
#[cfg(feature = "votable")]
use taploom_format_votable as _;

#[cfg(feature = "sources")]
pub use taploom_expressions as expressions;
pub use taploom_format::*;
pub use taploom_pipeline as pipeline;
#[cfg(feature = "sources")]
pub use taploom_sources as sources;

/// All formats that this program links: the formats of this crate's features, and the formats of
/// other crates that the program names. If VOTable is linked, it is the format of requests that
/// name none (TAP 1.1, 2.7.3).
///
/// # Errors
/// [`ErrorKind::DuplicateFormat`] naming both formats, if two claim the same name.
pub fn registry() -> Result<EncoderRegistry> {
    let registry = EncoderRegistry::collected()?;
    match registry.plugin("votable") {
        Some(_) => registry.with_default("votable"),
        None => Ok(registry),
    }
}
