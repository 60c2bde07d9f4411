//! The transforms of this crate.

mod coalesce;
#[cfg(feature = "expressions")]
mod filter;
mod max_rec;
#[cfg(feature = "expressions")]
mod sample;
#[cfg(feature = "expressions")]
mod select;
#[cfg(feature = "url")]
mod url_rewrite;

pub use coalesce::Coalesce;
#[cfg(feature = "expressions")]
pub use filter::Filter;
pub use max_rec::MaxRec;
#[cfg(feature = "expressions")]
pub use sample::Sample;
#[cfg(feature = "expressions")]
pub use select::Select;
#[cfg(feature = "url")]
pub use url_rewrite::UrlRewrite;
