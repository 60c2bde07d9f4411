//! See `fuzz/checks/media_type.rs`.

#![no_main]

#[path = "../checks/media_type.rs"]
mod media_type;
#[path = "../checks/registry.rs"]
mod registry;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| media_type::check(text));
