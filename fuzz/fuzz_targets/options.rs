//! See `fuzz/checks/options.rs`.

#![no_main]

#[path = "../checks/options.rs"]
mod options;
#[path = "../checks/registry.rs"]
mod registry;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| options::check(text));
