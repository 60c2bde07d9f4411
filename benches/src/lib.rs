//! The tables that are measured.

pub mod tables;

/// What can't be measured says why.
pub type Outcome<T = ()> = Result<T, String>;
