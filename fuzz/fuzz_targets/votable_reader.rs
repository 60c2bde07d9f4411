//! See `fuzz/checks/votable_reader.rs`.

#![no_main]

#[path = "../checks/votable_reader.rs"]
mod votable_reader;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| votable_reader::check(bytes));
