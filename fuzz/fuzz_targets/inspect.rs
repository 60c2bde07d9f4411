//! See `fuzz/checks/inspect.rs`.

#![no_main]

#[path = "../checks/inspect.rs"]
mod inspect;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| inspect::check(bytes));
