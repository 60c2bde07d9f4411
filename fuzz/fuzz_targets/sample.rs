//! See `fuzz/checks/sample.rs`.

#![no_main]

#[path = "../checks/sample.rs"]
mod sample;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sample::check(bytes));
