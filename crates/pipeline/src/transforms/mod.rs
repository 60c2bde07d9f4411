//! The transforms that Taploom brings along.

mod coalesce;
mod max_rec;
#[cfg(feature = "url")]
mod url_rewrite;

pub use coalesce::Coalesce;
pub use max_rec::MaxRec;
#[cfg(feature = "url")]
pub use url_rewrite::UrlRewrite;
