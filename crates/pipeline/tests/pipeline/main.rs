//! Transforms, bodies, and how they are stopped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

#[cfg(feature = "tokio")]
mod body;
mod own_transform;
mod parts;
#[cfg(feature = "tokio")]
mod stopping;
#[cfg(feature = "tokio")]
mod timing;
mod transforms;
