//! See `fuzz/checks/files.rs`.

#![no_main]

#[path = "../checks/files.rs"]
mod files;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| files::check(bytes));
