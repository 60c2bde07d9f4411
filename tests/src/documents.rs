//! The Rust blocks of README.md and `docs/src`, compiled and run as documentation tests.

#[doc = include_str!("../../README.md")]
struct Readme;

#[doc = include_str!("../../docs/src/library.md")]
struct Library;

#[doc = include_str!("../../docs/src/service.md")]
struct Service;

#[doc = include_str!("../../docs/src/reading-votable.md")]
struct ReadingVotable;
