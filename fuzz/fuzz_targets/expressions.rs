//! See `fuzz/checks/expressions.rs`.

#![no_main]

#[path = "../checks/expressions.rs"]
mod expressions;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| expressions::check(text));
